/**
 * A letter as HTML for mailboxes: one table as wide as it may be, every style on its element (many mailboxes drop style
 * sheets), and one small sheet for those that know dark mode. No image, no font, nothing fetched: opening it tells nobody.
 */

import { escapeHtml } from '../../http/index.ts';
import type { Block, Letter } from './letter.ts';

const SANS = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";
const MONO = "font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,'Liberation Mono',monospace;";

const DARK = `
@media (prefers-color-scheme: dark) {
  .page { background: #111418 !important; }
  .card { background: #1b2027 !important; border-color: #323a45 !important; }
  .ink { color: #e8ecf1 !important; }
  .faint { color: #a3adba !important; }
  .well { background: #11151a !important; border-color: #323a45 !important; color: #e8ecf1 !important; }
  .action { background: #8ab4ff !important; color: #0b1a33 !important; }
  .link { color: #8ab4ff !important; }
}`;

export function renderHtml(letter: Letter): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(letter.subject)}</title>
<style>${DARK}
</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f3f5f8;">
<div style="display:none;max-height:0;overflow:hidden;">${escapeHtml(letter.preview)}</div>
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" style="background:#f3f5f8;">
<tr><td align="center" style="padding:24px 12px;">
<table role="presentation" class="card" width="100%" cellpadding="0" cellspacing="0" style="max-width:600px;background:#ffffff;border:1px solid #dde2e9;border-radius:8px;">
<tr><td style="padding:28px 24px 8px 24px;">
<h1 class="ink" style="${SANS}margin:0 0 8px 0;font-size:22px;line-height:1.3;color:#16202c;">${escapeHtml(letter.heading)}</h1>
${letter.blocks.map(renderBlock).join('\n')}
</td></tr>
<tr><td style="padding:8px 24px 24px 24px;">${signature(letter)}</td></tr>
</table>
</td></tr>
</table>
</body>
</html>
`;
}

function renderBlock(block: Block): string {
  switch (block.kind) {
    case 'text':
      return paragraph(escapeHtml(block.text));
    case 'note':
      return `<p class="faint" style="${SANS}margin:16px 0;font-size:13px;line-height:1.5;color:#5b6675;">${escapeHtml(block.text)}</p>`;
    case 'key':
      return `${label(block.label)}${well(escapeHtml(block.key), 'word-break:break-all;user-select:all;font-size:15px;')}`;
    case 'code':
      return `${label(block.label)}${well(escapeHtml(block.code), 'white-space:pre-wrap;word-break:break-word;font-size:13px;')}`;
    case 'facts':
      return facts(block.facts);
    case 'steps':
      return `<ol class="ink" style="${SANS}margin:16px 0;padding-left:22px;font-size:15px;line-height:1.6;color:#16202c;">${block.steps
        .map((step) => `<li style="margin:4px 0;">${escapeHtml(step)}</li>`)
        .join('')}</ol>`;
    case 'button':
      return `<p style="margin:20px 0;"><a class="action" href="${escapeHtml(safeUrl(block.url))}" style="${SANS}display:inline-block;padding:11px 20px;border-radius:6px;background:#1f5fd6;color:#ffffff;font-size:15px;font-weight:600;text-decoration:none;">${escapeHtml(block.label)}</a></p>`;
  }
}

function paragraph(html: string): string {
  return `<p class="ink" style="${SANS}margin:16px 0;font-size:15px;line-height:1.6;color:#16202c;">${html}</p>`;
}

function label(text: string): string {
  return `<p class="faint" style="${SANS}margin:20px 0 6px 0;font-size:13px;color:#5b6675;">${escapeHtml(text)}</p>`;
}

function well(html: string, style: string): string {
  return `<div class="well" style="${MONO}${style}line-height:1.5;padding:12px 14px;background:#f3f5f8;border:1px solid #dde2e9;border-radius:6px;color:#16202c;">${html}</div>`;
}

function facts(rows: readonly (readonly [string, string])[]): string {
  const cells = rows.map(
    ([name, value]) =>
      `<tr><td class="faint" style="${SANS}padding:4px 16px 4px 0;font-size:14px;color:#5b6675;vertical-align:top;">${escapeHtml(name)}</td>` +
      `<td class="ink" style="${SANS}padding:4px 0;font-size:14px;color:#16202c;">${escapeHtml(value)}</td></tr>`,
  );
  return `<table role="presentation" cellpadding="0" cellspacing="0" style="margin:16px 0;">${cells.join('')}</table>`;
}

function signature({ sender }: Letter): string {
  const lines = [escapeHtml(sender.name)];
  if (sender.supportEmail !== null) lines.push(link(`mailto:${sender.supportEmail}`, sender.supportEmail));
  if (sender.url !== null) lines.push(link(safeUrl(sender.url), sender.url));
  return `<p class="faint" style="${SANS}margin:8px 0 0 0;font-size:13px;line-height:1.6;color:#5b6675;">${lines.join('<br>')}</p>`;
}

function link(url: string, text: string): string {
  return `<a class="link" href="${escapeHtml(url)}" style="color:#1f5fd6;">${escapeHtml(text)}</a>`;
}

/** A letter never links to anything but the web. */
function safeUrl(url: string): string {
  return /^https?:\/\//i.test(url) ? url : 'about:blank';
}
