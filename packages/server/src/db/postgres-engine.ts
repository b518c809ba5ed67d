import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Log } from '../observability/log.ts';
import { bigIntegerTypeId, parseBigInteger } from './big-integer.ts';
import type { Engine } from './engine.ts';
import { type ListenerTimes, PostgresListener } from './postgres-listener.ts';
import type { Schema } from './schema.ts';

export interface PostgresOptions {
  databaseUrl: string;
  log: Log;
  poolSize?: number;
  listener?: ListenerTimes;
}

const types: pg.CustomTypesConfig = {
  getTypeParser: ((typeId: number, format?: 'text') =>
    typeId === bigIntegerTypeId
      ? parseBigInteger
      : pg.types.getTypeParser(typeId, format)) as pg.CustomTypesConfig['getTypeParser'],
};

/** A pool of connections to a PostgreSQL server. Nothing is connected until the first query. */
export function openPostgres({ databaseUrl, log, poolSize = 10, listener }: PostgresOptions): Engine {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    types,
    max: poolSize,
    application_name: 'latchkey',
    keepAlive: true,
    // Longer than a fail-over that still answers, shorter than a request may take (10 s).
    connectionTimeoutMillis: 8_000,
    idleTimeoutMillis: 60_000,
    // A query that runs for half a minute is a defect; it must not hold its locks until someone notices.
    statement_timeout: 30_000,
    // A process that stopped in the middle of a transaction must not block the others for longer than this.
    idle_in_transaction_session_timeout: 30_000,
    onConnect: async (client) => {
      // A connection that breaks in the middle of a transaction says so twice: to the query that runs, which fails, and here, where
      // without a handler it would end the process.
      client.on('error', () => {});
      await client.query("SET TIME ZONE 'UTC'");
    },
  });
  // An idle connection that breaks is replaced by the pool; without a handler it would end the process.
  pool.on('error', (error) => log.warn({ error: error.message }, 'an idle database connection broke'));
  const notices = new PostgresListener({ databaseUrl, log, ...listener });
  const kysely = new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) });
  return {
    handle: { engine: 'postgres', databaseUrl },
    kysely,
    listen: notices.listen,
    async close() {
      await notices.close();
      // Kysely ends the pool only if it was used.
      await kysely.destroy();
      if (!pool.ended) await pool.end();
    },
  };
}
