import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Passes everything on to a server, and loses the answers to what `loses` says: the work was done, and nobody hears of it. */
export async function startLossyProxy(target: string, loses: (method: string, path: string) => boolean) {
  let lost = 0;
  const server = createServer(async (request, response) => {
    const body: Buffer[] = [];
    for await (const piece of request) body.push(piece);
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(
        ([name]) => !/^(host|connection|content-length|transfer-encoding)$/.test(name),
      ),
    ) as Record<string, string>;
    const method = request.method ?? 'GET';
    const path = request.url ?? '/';
    const sent = body.length === 0 ? {} : { body: Buffer.concat(body) };
    const answer = await fetch(`${target}${path}`, { method, headers, ...sent });
    const text = await answer.text();
    if (loses(method, path)) {
      lost += 1;
      response.destroy();
      return;
    }
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
    response.end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost: () => lost,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
