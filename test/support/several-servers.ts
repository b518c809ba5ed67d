import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabaseUrl } from './database.ts';
import { freePort } from './ports.ts';
import { startProcess, type TestProcess } from './processes.ts';
import { ADMIN_TOKEN, type Answer } from './running-server.ts';

/** Server processes on one PostgreSQL and one local Stripe. */
export interface SeveralServers {
  databaseUrl: string;
  addresses: readonly string[];
  /** As the admin, at one of them by turns; null when the connection broke. */
  call(index: number, method: string, path: string, body?: unknown): Promise<Answer | null>;
  /** Ends one as a power cut would. */
  kill(index: number): Promise<void>;
  /** Starts it again at its address. */
  start(index: number): Promise<void>;
  remove(): Promise<void>;
}

export async function startSeveralServers(count: number): Promise<SeveralServers> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-several-'));
  const database = await createTestDatabaseUrl({ engine: 'postgres' });
  const databaseUrl = database.url ?? '';
  const stripePort = await freePort();
  const stripe = startProcess({
    file: 'packages/stripe-sandbox/src/main.ts',
    args: ['--port', String(stripePort), '--state', join(folder, 'stripe.sqlite'), '--admin-token', ADMIN_TOKEN],
  });
  await stripe.waitForLine(new RegExp(String(stripePort)), 20_000);
  const ports: number[] = [];
  while (ports.length < count) ports.push(await freePort());
  const addresses = ports.map((port) => `http://127.0.0.1:${port}`);
  const servers: (TestProcess | undefined)[] = [];

  async function start(index: number): Promise<void> {
    const port = ports[index] ?? 0;
    const server = startProcess({
      file: 'packages/server/src/main.ts',
      env: {
        PORT: String(port),
        DATA_DIR: join(folder, String(port)),
        DATABASE_URL: databaseUrl,
        LATCHKEY_SECRET: 'the root secret of several processes on one database',
        LICENSE_MASTER_SECRET: 'the master secret of several processes',
        LICENSE_SECRET_KEY: 'ab'.repeat(32),
        MASTER_KEY: 'the other master secret of several processes',
        STRIPE_WEBHOOK_SECRET: 'whsec_of_several_processes',
        STRIPE_API_URL: `http://127.0.0.1:${stripePort}`,
        SANDBOX: 'on',
        ADMIN_TOKEN,
        LOG_LEVEL: 'warn',
      },
    });
    servers[index] = server;
    await server.waitForLine(/is ready/, 60_000);
  }

  await Promise.all(ports.map((_, index) => start(index)));
  return {
    databaseUrl,
    addresses,
    start,
    async call(index, method, path, body) {
      try {
        const response = await fetch(`${addresses[index % count]}${path}`, {
          method,
          headers: {
            authorization: `Bearer ${ADMIN_TOKEN}`,
            ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        });
        return { status: response.status, body: await response.json() };
      } catch {
        return null;
      }
    },
    async kill(index) {
      await servers[index]?.kill();
    },
    async remove() {
      await Promise.all([...servers, stripe].map((one) => one?.kill()));
      await database.drop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
