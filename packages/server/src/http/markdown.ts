import { Html, html } from './html.ts';

/**
 * The little Markdown that our own pages are written in: headings, paragraphs, lists, fenced blocks, and in a line code, bold and links.
 * Everything else stands as it is, escaped.
 */
export function markdownToHtml(text: string): Html {
  const blocks = text
    .replaceAll('\r\n', '\n')
    .trim()
    .split(/\n{2,}(?![^`]*```(?:\n|$))/);
  return new Html(blocks.map((block) => renderBlock(block).text).join('\n'));
}

function renderBlock(block: string): Html {
  const fenced = /^```\w*\n([\s\S]*?)\n?```$/.exec(block);
  if (fenced !== null) return html`<pre>${fenced[1] ?? ''}</pre>`;
  const heading = /^(#{1,3}) (.+)$/.exec(block);
  if (heading !== null) {
    const content = renderLine(heading[2] ?? '');
    if (heading[1] === '#') return html`<h1>${content}</h1>`;
    return heading[1] === '##' ? html`<h2>${content}</h2>` : html`<h3>${content}</h3>`;
  }
  const lines = block.split('\n');
  if (lines.every((line) => /^(- | {2})/.test(line))) {
    const items = block
      .split(/\n(?=- )/)
      .map((item) => html`<li>${renderLine(item.slice(2).replace(/\n\s+/g, ' '))}</li>`);
    return html`<ul>${items}</ul>`;
  }
  return html`<p>${renderLine(lines.join(' '))}</p>`;
}

function renderLine(line: string): Html {
  const { text } = html`${line}`;
  return new Html(
    text
      .replace(/`([^`]+)`/g, '<code>$1</code>')
      .replace(/\*\*([^*]+)\*\*/g, '<strong>$1</strong>')
      .replace(/\[([^\]]+)\]\(((?:https?:\/\/|\/|\.\/)[^)\s]+)\)/g, '<a href="$2">$1</a>'),
  );
}
