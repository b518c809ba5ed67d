/** The front end's own small back end: it serves the page, and asks for keys with a token that no browser gets to see. */

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { page } from './page.ts';

export interface BackEndOptions {
  /** Where Latchkey answers, and an API key with the scope `licenses:write`. */
  latchkey: { url: string; token?: string | undefined };
}

export function createBackEnd({ latchkey }: BackEndOptions): Server {
  return createServer((request, response) => {
    answer(request, response, latchkey).catch(() => {
      send(response, 502, 'application/json', JSON.stringify({ error: 'Latchkey did not answer. Try again.' }));
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { url, token }: BackEndOptions['latchkey'],
): Promise<void> {
  const { method, url: path } = request;
  if (method === 'GET' && path === '/') return send(response, 200, 'text/html; charset=utf-8', page(url));
  if (method !== 'POST' || path !== '/generate') {
    return send(response, 404, 'application/json', JSON.stringify({ error: 'There is nothing here.' }));
  }
  // A shop asks here who is signed in, and whether they paid; this example gives a key to whoever asks.
  const generated = await fetch(`${url}/api/generate`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token ?? ''}` },
    body: await text(request),
  });
  return send(response, generated.status, 'application/json', await generated.text());
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'content-type': type }).end(body);
}
