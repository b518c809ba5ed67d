import { Html, html } from './html.ts';

/** An answer for a browser. */
export type Page = { status: number; headers: Record<string, string>; body: string };

const STYLE = new Html(`
:root { color-scheme: light dark; --text: #1a1f36; --soft: #4f566b; --line: #c4ccd8; --ground: #f6f8fa; --card: #fff;
  --accent: #4338ca; --accent-text: #fff; --bad: #b3093c; --bad-ground: #fff0f3; }
@media (prefers-color-scheme: dark) { :root { --text: #eef1f6; --soft: #b0b8c9; --line: #4a5368; --ground: #14171f; --card: #1e232e;
  --accent: #a5b4fc; --accent-text: #14171f; --bad: #ff9db3; --bad-ground: #3a1a24; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
main { max-width: 30rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
section, form { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: 1rem; margin: 0 0 1rem; }
h1 { font-size: 1.25rem; margin: 0 0 .5rem; } h2 { font-size: 1rem; margin: 1rem 0 .5rem; } h2:first-child { margin-top: 0; }
p { margin: 0 0 .5rem; } .soft { color: var(--soft); font-size: .875rem; }
.total { font-size: 1.75rem; font-weight: 600; }
.note { border: 1px dashed var(--line); border-radius: .5rem; padding: .5rem .75rem; margin: 0 0 1rem; font-size: .875rem; }
dl { display: grid; grid-template-columns: 1fr auto; gap: .25rem 1rem; margin: 0; } dd { margin: 0; text-align: right; }
label { display: block; font-weight: 600; font-size: .875rem; margin: .75rem 0 .25rem; }
input, select { width: 100%; padding: .625rem; font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: .375rem; }
input[aria-invalid] { border-color: var(--bad); } .wrong { color: var(--bad); font-size: .875rem; margin: .25rem 0 0; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(7rem, 1fr)); gap: 0 .75rem; }
button { width: 100%; margin-top: 1rem; padding: .75rem; font: inherit; font-weight: 600; border: 1px solid var(--accent);
  border-radius: .375rem; background: var(--accent); color: var(--accent-text); cursor: pointer; }
section form { border: 0; padding: 0; margin: 0; background: none; }
.actions { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1rem; } .actions button { width: auto; margin: 0; padding: .375rem .75rem; }
.rows { list-style: none; margin: 0 0 .5rem; padding: 0; } .rows li { display: flex; flex-wrap: wrap; justify-content: space-between; align-items: center; gap: .25rem 1rem; padding: .5rem 0; border-top: 1px solid var(--line); }
button.second { background: transparent; color: var(--text); border-color: var(--line); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.bad { color: var(--bad); background: var(--bad-ground); border: 1px solid var(--bad); border-radius: .375rem; padding: .5rem .75rem; margin: 0 0 1rem; }
a { color: var(--accent); } code { font-size: .875em; } summary { cursor: pointer; } td, th { text-align: left; padding: .125rem .75rem .125rem 0; vertical-align: top; }
`);

/** A whole page. No scripts, no outside resources; it says on every page what it is. */
export function page(status: number, title: string, content: Html): Page {
  const body = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · local test Stripe</title>
<style>${STYLE}</style>
</head>
<body><main>
<p class="note">This is a local test Stripe. No real card works here and no money moves.</p>
${content}
</main></body>
</html>
`;
  return { status, headers: HEADERS, body: body.markup };
}

const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Sends the browser on after a form, so that reloading does not send it again. */
export function redirect(location: string): Page {
  return { status: 303, headers: { Location: location, 'Cache-Control': 'no-store' }, body: '' };
}

export function notFound(): Page {
  return page(404, 'Not found', html`<section><h1>Not found</h1><p>There is nothing at this address.</p></section>`);
}

/** A page that only says something. */
export function notice(status: number, title: string, text: string): Page {
  return page(status, title, html`<section><h1>${title}</h1><p>${text}</p></section>`);
}
