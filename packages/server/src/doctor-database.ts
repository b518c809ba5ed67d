/** What can be wrong with the database, and with what is sealed in it. */

import { sql } from 'kysely';
import type { Mode } from './config/config.ts';
import type { Connection, Database } from './db/database.ts';
import type { Migration } from './db/migrate.ts';
import { type Finding, failure, ok, type Question, warning } from './doctor.ts';
import type { KeyKeeper } from './modules/licenses/index.ts';
import type { Clock } from './ports.ts';

/** The oldest PostgreSQL that its makers still mend. */
const OLDEST_VERSION = 14;
const SKEWED_MS = 2_000;
const BADLY_SKEWED_MS = 30_000;
/** Of all connections that the server allows. */
const MANY_CONNECTIONS = 0.8;

export function databaseQuestions(
  database: Pick<Database, 'engine' | 'connection'>,
  { clock, mode, known }: { clock: Pick<Clock, 'wall'>; mode: Mode; known: readonly Migration[] },
): Question[] {
  const { connection, engine } = database;
  const next = 'See that DATABASE_URL names a PostgreSQL that runs and lets us in.';
  return [
    { code: 'database', next, ask: () => version(connection, { engine, mode }) },
    { code: 'migrations', next, ask: () => migrations(connection, known) },
    { code: 'database_clock', next, ask: () => skew(connection, clock) },
    ...(engine === 'postgres' ? [{ code: 'database_connections', next, ask: () => connections(connection) }] : []),
  ];
}

async function one<Row>(connection: Connection, query: ReturnType<typeof sql<Row>>): Promise<Row> {
  const [row] = (await query.execute(connection)).rows;
  if (row === undefined) throw new Error('the database answered nothing');
  return row;
}

async function version(
  connection: Connection,
  { engine, mode }: { engine: Database['engine']; mode: Mode },
): Promise<Finding> {
  const { number, text, fsync } = await one(
    connection,
    sql<{ number: string; text: string; fsync: string }>`SELECT current_setting('server_version_num') AS number,
      current_setting('server_version') AS text, current_setting('fsync') AS fsync`,
  );
  if (engine === 'pglite') return ok(`The embedded database (PostgreSQL ${text}) answers.`);
  if (Math.floor(Number(number) / 10_000) < OLDEST_VERSION) {
    return failure(`PostgreSQL ${text} is no longer maintained.`, `Move to PostgreSQL ${OLDEST_VERSION} or later.`);
  }
  if (fsync === 'off') {
    const lost = `PostgreSQL ${text} runs with fsync=off: a power cut loses what was answered.`;
    return (mode === 'live' ? failure : warning)(lost, 'Set fsync=on.');
  }
  return ok(`PostgreSQL ${text} answers.`);
}

async function migrations(connection: Connection, known: readonly Migration[]): Promise<Finding> {
  const { count } = await one(connection, sql<{ count: number }>`SELECT count(*)::int AS count FROM schema_migrations`);
  if (count === known.length) return ok(`The tables are those of this version (${known.at(-1)?.name}).`);
  if (count > known.length) {
    return failure('The tables are those of a newer version.', 'Run the newer version on every machine.');
  }
  return failure(`${known.length - count} migrations are not applied.`, 'npx latchkey migrate');
}

async function skew(connection: Connection, clock: Pick<Clock, 'wall'>): Promise<Finding> {
  const before = clock.wall().getTime();
  const { at } = await one(connection, sql<{ at: Date }>`SELECT clock_timestamp() AS at`);
  const after = clock.wall().getTime();
  // Whatever the way there and back took is no difference.
  const apart = Math.max(0, before - at.getTime(), at.getTime() - after);
  const told = `Its clock and ours are ${(apart / 1_000).toFixed(1)} s apart.`;
  const next = 'Let a time service (chrony, systemd-timesyncd) set both clocks.';
  if (apart >= BADLY_SKEWED_MS) return failure(told, next);
  return apart >= SKEWED_MS ? warning(told, next) : ok(told);
}

async function connections(connection: Connection): Promise<Finding> {
  const { used, most } = await one(
    connection,
    sql<{
      used: number;
      most: number;
    }>`SELECT (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used,
      current_setting('max_connections')::int AS most`,
  );
  const told = `${used} of ${most} connections are taken.`;
  if (used < most * MANY_CONNECTIONS) return ok(told);
  return warning(told, 'Lower DATABASE_POOL_SIZE, or raise max_connections of PostgreSQL.');
}

/** Whether the keys in the database can be read, and are known for ours: the oldest and the newest of each product. */
export function storedKeysQuestion(connection: Connection, keys: KeyKeeper): Question {
  return {
    code: 'stored_keys',
    next: 'Give LATCHKEY_SECRET the secret that the keys were stored under, beside the new one: new,old.',
    async ask() {
      const { rows } = await sql<{ id: string; product: string; ciphertext: Uint8Array; secret: string }>`
        SELECT id, product, key_ciphertext AS ciphertext, key_secret_id AS secret FROM licenses WHERE id IN (
          SELECT min(id) FROM licenses GROUP BY product UNION SELECT max(id) FROM licenses GROUP BY product
        ) ORDER BY product, id LIMIT 100`.execute(connection);
      if (rows.length === 0) return ok('No licence was issued yet.');
      const forged = new Set<string>();
      for (const { id, product, ciphertext, secret } of rows) {
        const key = keys.open(id, { ciphertext, secretId: secret });
        if (keys.classify(key) === 'FORGED') forged.add(product);
      }
      if (forged.size === 0) return ok(`${rows.length} stored keys were opened and recognised.`);
      const next =
        'If their secret was replaced, write both into its variable: new,old. Imported keys may be of another.';
      return warning(`Keys of ${[...forged].join(', ')} are made with a secret that is not known here.`, next);
    },
  };
}
