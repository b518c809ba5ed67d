import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createTestDatabaseUrl, type TestDatabase } from './database.ts';
import { copyEmbeddedDatabase, migrateByCommand } from './migrated-database.ts';
import { freePortPair } from './ports.ts';
import { type Ending, startProcess, type TestProcess } from './processes.ts';
import type { Wire } from './wire.ts';

/** An answer of the server's, or that there was none because it died. */
export interface Answer {
  status: number;
  body: Wire;
}

/** A server of its own process with its local Stripe, on an engine, that can die and come back. */
export interface RunningServer {
  base: string;
  sandbox: string;
  /** Null on the embedded engine. */
  databaseUrl: string | null;
  start(): Promise<void>;
  stop(): Promise<Ending>;
  kill(): Promise<Ending>;
  /** Resolves when it has ended by itself. */
  exited(): Promise<Ending>;
  isRunning(): boolean;
  output(): string;
  /** As the admin; null when the connection broke. */
  call(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer | null>;
  /** The same at the local Stripe: below `/_sandbox`, or of its API. */
  stripe(method: string, path: string, body?: unknown): Promise<Answer | null>;
  remove(): Promise<void>;
}

export const ADMIN_TOKEN = 'the-admin-token-of-a-system-test';
export const ROOT_SECRET = 'the root secret of a system test that is long enough';
export const MASTER_SECRET = 'the master secret of a system test';

export interface RunningServerOptions {
  engine: 'pglite' | 'postgres';
  dataDir: string;
  /** `packages/server/src/main.ts` unless said. */
  file?: string;
  env?: Record<string, string>;
  /** Its first start finds no tables, and on the embedded engine no database; otherwise both are there, to save seconds. */
  fromNothing?: boolean;
}

export async function createRunningServer(options: RunningServerOptions): Promise<RunningServer> {
  const { engine, dataDir, file = 'packages/server/src/main.ts' } = options;
  const port = await freePortPair();
  const migrate = (url: string) =>
    migrateByCommand({ DATA_DIR: dataDir, DATABASE_URL: url, SANDBOX: 'on', LATCHKEY_SECRET: ROOT_SECRET });
  const template = options.fromNothing ? {} : { migrate, template: 'migrated' };
  const database: TestDatabase = await createTestDatabaseUrl({ engine, ...template });
  if (engine === 'pglite' && !options.fromNothing && !existsSync(join(dataDir, 'db'))) {
    await copyEmbeddedDatabase(dataDir);
  }
  const base = `http://127.0.0.1:${port}`;
  const sandbox = `http://127.0.0.1:${port + 1}`;
  let running: TestProcess | null = null;
  let ended = true;

  const ask = async (
    address: string,
    method: string,
    body: unknown,
    token: string,
    more: Record<string, string> = {},
  ): Promise<Answer | null> => {
    try {
      const response = await fetch(address, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(60_000),
      });
      const text = await response.text();
      return {
        status: response.status,
        body: response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : text,
      };
    } catch {
      return null;
    }
  };
  const current = (): TestProcess => {
    if (running === null) throw new Error('The server was not started.');
    return running;
  };

  return {
    base,
    sandbox,
    databaseUrl: database.url,
    async start() {
      running = startProcess({
        file,
        env: {
          PORT: String(port),
          DATA_DIR: dataDir,
          ADMIN_TOKEN,
          SANDBOX: 'on',
          LOG_LEVEL: 'warn',
          LATCHKEY_SECRET: ROOT_SECRET,
          LICENSE_MASTER_SECRET: MASTER_SECRET,
          ...(database.url === null ? {} : { DATABASE_URL: database.url }),
          ...options.env,
        },
      });
      ended = false;
      void running.exited.then(() => {
        ended = true;
      });
      await running.waitForLine(/is ready/, 60_000);
    },
    stop: () => current().stop(),
    kill: () => current().kill(),
    exited: () => current().exited,
    isRunning: () => !ended,
    output: () => running?.output() ?? '',
    call: (method, path, body, headers) => ask(`${base}${path}`, method, body, ADMIN_TOKEN, headers),
    stripe: (method, path, body) =>
      ask(`${sandbox}${path}`, method, body, path.startsWith('/_sandbox') ? ADMIN_TOKEN : 'sk_test_system'),
    async remove() {
      if (!ended) await running?.kill();
      await database.drop();
    },
  };
}
