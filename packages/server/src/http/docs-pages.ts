import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type ErrorCode, errorRegistry, isErrorCode, LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { html } from './html.ts';
import { markdownToHtml } from './markdown.ts';
import { page } from './page.ts';
import type { Http } from './types.ts';

/** The repository's pages on the error codes, one a code. */
const errorPages = new URL('../../../../docs/errors/', import.meta.url);

const referencePage = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Latchkey API</title></head><body><div id="reference"></div>
<script src="/docs/scalar.js"></script><script src="/docs/start.js"></script></body></html>`;

// The fonts would come from another host, and so would the telemetry.
const startScript = `Scalar.createApiReference('#reference', ${JSON.stringify({
  url: '/openapi.json',
  withDefaultFonts: false,
  telemetry: false,
  hideClientButton: true,
  // What these offer would leave this machine.
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
})});`;

// The reference styles itself as it runs and draws icons from data addresses; it loads nothing from elsewhere and talks to us alone.
const referencePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src blob:; base-uri 'none'; frame-ancestors 'none'";

const style = `body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
code,pre{font-family:ui-monospace,monospace;background:#f2f2f2;border-radius:4px;padding:.1em .3em}pre{padding:1rem;overflow:auto}
@media (prefers-color-scheme:dark){body{color:#eee;background:#161616}code,pre{background:#2a2a2a}a{color:#8ab4ff}}`;

/** The API reference at `/docs`, from this server alone, and a page for each error code, to which every problem's `type` leads. */
export function registerDocsPages(http: Http): void {
  const hidden = { schema: { hide: true } } as const;
  const asReference = { access: 'anyone', quiet: true, contentSecurityPolicy: referencePolicy } as const;
  http.get('/docs', { config: asReference, ...hidden }, async (_request, reply) =>
    reply.type('text/html; charset=utf-8').send(referencePage),
  );
  // Several megabytes that few processes are ever asked for: read at the first call.
  let bundle: Buffer | null = null;
  http.get('/docs/scalar.js', { config: asReference, ...hidden }, async (_request, reply) => {
    bundle ??= readFileSync(
      join(dirname(fileURLToPath(import.meta.resolve('@scalar/fastify-api-reference'))), 'js/standalone.js'),
    );
    return reply.type('text/javascript; charset=utf-8').header('cache-control', 'public, max-age=3600').send(bundle);
  });
  http.get('/docs/start.js', { config: asReference, ...hidden }, async (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').send(startScript),
  );
  const params = z.object({ code: z.string() });
  http.get(
    '/docs/errors/:code',
    { config: { access: 'anyone', quiet: true }, schema: { hide: true, params } },
    async (request, reply) => {
      const { code } = request.params;
      if (!isErrorCode(code)) throw new LatchkeyError('not_found', `There is no error code ${code.slice(0, 60)}.`);
      return page(reply, {
        title: `${code} – Latchkey`,
        style,
        body: html`<main>${markdownToHtml(errorPage(code))}</main>`,
      });
    },
  );
}

function errorPage(code: ErrorCode): string {
  const file = fileURLToPath(new URL(`${code}.md`, errorPages));
  return existsSync(file) ? readFileSync(file, 'utf8') : `# ${code}\n\n${errorRegistry[code].title}.`;
}
