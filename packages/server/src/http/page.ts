import { createHash } from 'node:crypto';
import { type Html, html } from './html.ts';
import type { HttpReply } from './types.ts';

export interface Page {
  title: string;
  body: Html;
  /** The page's own style sheet and script; nothing else runs or is loaded. */
  style?: string;
  script?: string;
  status?: number;
  /** Other origins that a form of this page may lead to, such as a hosted checkout. */
  formOrigins?: readonly string[];
}

const hashes = new Map<string, string>();

/** The hash by which a Content-Security-Policy allows one inline block and no other. */
function hashOf(block: string): string {
  let hash = hashes.get(block);
  if (hash === undefined) {
    hash = `'sha256-${createHash('sha256').update(block).digest('base64')}'`;
    // Blocks are constants of the code; should one ever be made on the fly, memory must not grow with it.
    if (hashes.size < 100) hashes.set(block, hash);
  }
  return hash;
}

/** Answers with a page for people, under a policy that allows what the page brings itself and nothing else. */
export function page(
  reply: HttpReply,
  { title, body, style, script, status = 200, formOrigins = [] }: Page,
): HttpReply {
  const policy = [
    "default-src 'none'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    `form-action ${["'self'", ...formOrigins].join(' ')}`,
    ...(style === undefined ? [] : [`style-src ${hashOf(style)}`]),
    ...(script === undefined ? [] : [`script-src ${hashOf(script)}`]),
  ];
  // Not escaped: what stands in these two elements is not HTML. They are constants of ours.
  const block = (tag: 'style' | 'script', text: string | undefined) =>
    text === undefined ? '' : `<${tag}>${text}</${tag}>`;
  const head = html`<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>`;
  return reply
    .code(status)
    .header('content-security-policy', policy.join('; '))
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><head>${head.text}${block('style', style)}</head>` +
        `<body>${body.text}${block('script', script)}</body></html>`,
    );
}
