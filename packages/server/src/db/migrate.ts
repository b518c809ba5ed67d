import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { EngineHandle, OpenedDatabase } from './engine.ts';

/** One numbered SQL file. */
export interface Migration {
  number: number;
  name: string;
  sql: string;
  checksum: string;
}

/** What `migrate` did. */
export interface MigrationReport {
  applied: string[];
  /** The newest number in the database now. */
  current: number;
}

/** An advisory lock's key: any number that nothing else in the database takes. */
const lockKey = 4_242_001;

/** The migrations that come with this version, in order. */
export function readMigrations(folder: string = fileURLToPath(new URL('./migrations/', import.meta.url))): Migration[] {
  const migrations = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => parseMigration(file, readFileSync(`${folder}/${file}`, 'utf8')));
  migrations.forEach((migration, index) => {
    if (migration.number !== index + 1) {
      throw new Error(`Migrations must be numbered without gaps: expected ${index + 1}, found ${migration.name}.`);
    }
  });
  return migrations;
}

function parseMigration(file: string, text: string): Migration {
  const match = /^(\d{4})_([a-z0-9_]+)\.sql$/.exec(file);
  if (match === null) throw new Error(`A migration is named NNNN_name.sql; found ${file}.`);
  const sql = text.replaceAll('\r\n', '\n');
  return {
    number: Number(match[1]),
    name: file.slice(0, -'.sql'.length),
    sql,
    checksum: createHash('sha256').update(sql).digest('hex'),
  };
}

/**
 * Brings the database to this version's tables. Safe when many processes start together (one works, the others wait and then find it
 * done) and when run again. Refuses a database of a newer version, and one whose applied migrations differ from these files.
 */
export async function migrate(database: OpenedDatabase, migrations = readMigrations()): Promise<MigrationReport> {
  database.assertOutsideTransaction('A migration');
  return inSession(database.handle, async (session) => {
    await session.script(`CREATE TABLE IF NOT EXISTS schema_migrations (
      number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at timestamptz NOT NULL
    )`);
    const done = await session.rows('SELECT number, name, checksum FROM schema_migrations ORDER BY number');
    const current = checkHistory(done, migrations);
    const applied: string[] = [];
    for (const migration of migrations.slice(current)) {
      await apply(session, migration);
      applied.push(migration.name);
    }
    return { applied, current: migrations.length };
  });
}

function checkHistory(done: readonly Record<string, unknown>[], migrations: readonly Migration[]): number {
  for (const row of done) {
    const migration = migrations[Number(row.number) - 1];
    if (migration === undefined) {
      throw new Error(
        `This database was migrated by a newer version (it has ${String(row.name)}, this version ends at ` +
          `${migrations.at(-1)?.name ?? 'nothing'}). Run that version or a later one, or restore a backup made before the upgrade.`,
      );
    }
    if (migration.checksum !== row.checksum) {
      throw new Error(
        `Migration ${migration.name} was changed after this database applied ${String(row.name)}. ` +
          'Bring the file back as it was and put the change into a new migration.',
      );
    }
  }
  return done.length;
}

async function apply(session: Session, migration: Migration): Promise<void> {
  try {
    await session.script('BEGIN');
    // The number is taken first: should another process ever get here too, it waits here and fails before it changes anything.
    await session.rows('INSERT INTO schema_migrations VALUES ($1, $2, $3, clock_timestamp())', [
      migration.number,
      migration.name,
      migration.checksum,
    ]);
    await session.script(migration.sql);
    await session.script('COMMIT');
  } catch (error) {
    await session.script('ROLLBACK');
    throw new Error(`Migration ${migration.name} failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

/** One connection that nobody else uses meanwhile. */
interface Session {
  /** Runs several statements. */
  script(sql: string): Promise<void>;
  rows(sql: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
}

function inSession<T>(handle: EngineHandle, work: (session: Session) => Promise<T>): Promise<T> {
  if (handle.engine === 'postgres') return inPostgresSession(handle.databaseUrl, work);
  const { pglite } = handle;
  // One process, and its start-up is over before anything else queries: no lock is needed.
  return work({
    script: async (sql) => void (await pglite.exec(sql)),
    rows: async (sql, values) => (await pglite.query<Record<string, unknown>>(sql, values)).rows,
  });
}

// A connection outside the pool: building an index over many rows may take longer than the pool's statement timeout.
async function inPostgresSession<T>(databaseUrl: string, work: (session: Session) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    connectionString: databaseUrl,
    application_name: 'latchkey migrate',
    connectionTimeoutMillis: 10_000,
  });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [lockKey]);
    return await work({
      script: async (sql) => void (await client.query(sql)),
      rows: async (sql, values) => (await client.query<Record<string, unknown>>(sql, values)).rows,
    });
  } finally {
    // Ends the session, and with it the lock.
    await client.end();
  }
}
