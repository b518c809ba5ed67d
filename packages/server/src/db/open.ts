import { type Kysely, sql } from 'kysely';
import type { Log } from '../observability/log.ts';
import type { Transaction, TransactionOptions } from './database.ts';
import type { Engine, OpenedDatabase } from './engine.ts';
import { openPglite } from './pglite-engine.ts';
import { openPostgres } from './postgres-engine.ts';
import type { ListenerTimes } from './postgres-listener.ts';
import type { Schema } from './schema.ts';
import { createTransactionGuard } from './transaction-guard.ts';

export interface OpenDatabaseOptions {
  /** A PostgreSQL server; null for the embedded database. */
  databaseUrl: string | null;
  /** Where the embedded database lives (in the folder `db` below it); null keeps it in memory. */
  dataDir: string | null;
  log: Log;
  /** Connections to PostgreSQL, beside one for notices: 10 unless said. */
  poolSize?: number;
  listener?: ListenerTimes;
  /** A dump that an in-memory database starts from. */
  loadDataDir?: Blob;
}

/** Opens the database; its tables are `migrate`'s to make. */
export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  const { databaseUrl, log } = options;
  const engine = databaseUrl === null ? await openPglite(options) : openPostgres({ ...options, databaseUrl });
  return overEngine(engine, log);
}

/** A serialization failure or a deadlock: nothing happened, and the same work may well succeed now. */
const retryableStates = new Set(['40001', '40P01']);
const mostRetries = 3;

function isRetryable(error: unknown): boolean {
  return error instanceof Error && 'code' in error && retryableStates.has(String(error.code));
}

function overEngine(engine: Engine, log: Log): OpenedDatabase {
  const guard = createTransactionGuard();
  const { handle, kysely } = engine;

  const attempt = async <T>(
    options: TransactionOptions,
    work: (transaction: Transaction) => Promise<T>,
  ): Promise<T> => {
    const actions: (() => void)[] = [];
    const result = await kysely
      .transaction()
      .execute((connection) => guard.inside(() => work(createTransaction(connection, options, actions))));
    for (const action of actions) {
      try {
        action();
      } catch (error) {
        // The commit stands: telling the caller that it failed would be untrue.
        log.error({ error }, 'an action after a commit threw');
      }
    }
    return result;
  };

  return {
    engine: handle.engine,
    handle,
    connection: kysely.withPlugin(guard.plugin),
    assertOutsideTransaction: guard.assertOutside,
    async transaction(options, work) {
      guard.assertOutside('A transaction');
      for (let retries = 0; ; retries += 1) {
        try {
          return await attempt(options, work);
        } catch (error) {
          if (!isRetryable(error) || retries === mostRetries) throw error;
          log.info({ retries }, 'a transaction gave way to another one and starts again');
        }
      }
    },
    listen: async (channel, handler, state) => {
      guard.assertOutside('Listening');
      return engine.listen(channel, handler, state);
    },
    close: () => engine.close(),
  };
}

function createTransaction(
  connection: Kysely<Schema>,
  { actor, requestId = null }: TransactionOptions,
  actions: (() => void)[],
): Transaction {
  return {
    connection,
    actor,
    requestId,
    afterCommit: (action) => void actions.push(action),
    async notify(channel, payload) {
      await sql`SELECT pg_notify(${channel}, ${payload})`.execute(connection);
    },
  };
}
