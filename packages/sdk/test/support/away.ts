import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

/** An address that answers as a server in trouble does. */
export interface Away {
  url: string;
  requests: { method: string; path: string; headers: Record<string, string | string[] | undefined> }[];
  close(): Promise<void>;
}

/** Listens, and treats each request as `trouble` says, by its number from 1. */
export async function startAway(trouble: (number: number) => RequestListener): Promise<Away> {
  const requests: Away['requests'] = [];
  const server = createServer((request, response) => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers });
    request.resume();
    trouble(requests.length)(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export const hangs: RequestListener = () => {};

export const breaks: RequestListener = (_request, response) => {
  response.destroy();
};

/** An answer of 5xx, or of a proxy in the server's place. */
export function answers(status: number, body: unknown, headers: Record<string, string> = {}): RequestListener {
  return (_request, response) => {
    const isText = typeof body === 'string';
    response.writeHead(status, { 'content-type': isText ? 'text/html' : 'application/json', ...headers });
    response.end(isText ? body : JSON.stringify(body));
  };
}
