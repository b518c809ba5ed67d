import { type PostgresServer, startPostgresServer } from './postgres-server.ts';

// Several vitest projects name this file as their global set-up; all of them share one server.
interface Shared {
  starting: Promise<PostgresServer> | undefined;
  users: number;
}
const key = Symbol.for('latchkey.test.postgres');
const global = globalThis as { [key]?: Shared };
global[key] ??= { starting: undefined, users: 0 };
const shared = global[key];

/** Vitest's global set-up: starts PostgreSQL once for the run and names it to the tests in LATCHKEY_TEST_POSTGRES_URL. */
export default async function setup(): Promise<() => Promise<void>> {
  shared.users += 1;
  shared.starting ??= start();
  await shared.starting;
  return async () => {
    shared.users -= 1;
    if (shared.users > 0) return;
    const server = await shared.starting;
    shared.starting = undefined;
    delete process.env.LATCHKEY_TEST_POSTGRES_URL;
    await server?.stop();
  };
}

async function start(): Promise<PostgresServer> {
  const server = await startPostgresServer();
  process.env.LATCHKEY_TEST_POSTGRES_URL = server.adminUrl;
  process.stderr.write(`PostgreSQL for this run: ${server.description}\n`);
  return server;
}
