import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

// Below the ports that systems give to outgoing connections and to whoever listens on port 0, so that a program that is stopped and started
// again finds its port as it left it.
const LOWEST = 15_000;
const HIGHEST = 29_999;

/**
 * A TCP port of 127.0.0.1 that was free a moment ago. Prefer listening on port 0 yourself; this is for programs that
 * must be told their port.
 */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = randomInt(LOWEST, HIGHEST);
    if (await isFree(port)) return port;
  }
  throw new Error('no free port found');
}

/**
 * Two ports in a row that are both free: Latchkey's own and, one above, its local Stripe's.
 * @public
 */
export async function freePortPair(): Promise<number> {
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const port = await freePort();
    if (await isFree(port + 1)) return port;
  }
  throw new Error('no two neighbouring free ports found');
}

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
