import { createHash } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabaseUrl } from '../../../../test/support/database.ts';
import type { OpenedDatabase } from '../../src/db/engine.ts';
import { migrate, readMigrations } from '../../src/db/migrate.ts';
import { type OpenDatabaseOptions, openDatabase } from '../../src/db/open.ts';
import type { World } from '../../src/foundation.ts';
import { type Log, silentLog } from '../../src/observability/log.ts';

/** A migrated database of a test's own, on the engine that LATCHKEY_TEST_ENGINE names. */
export interface TestDatabase {
  database: OpenedDatabase;
  /** Where it is on the PostgreSQL server, for opening it as another process would; null on the embedded engine. */
  url: string | null;
  /** Closes it and removes it. */
  close(): Promise<void>;
}

export interface TestDatabaseOptions extends Pick<OpenDatabaseOptions, 'poolSize' | 'listener'> {
  log?: Log;
}

/** Cheap enough for one a test file: both engines start from a template that was migrated once. */
export async function createTestDatabase({
  log = silentLog,
  ...options
}: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const { url, openDatabase: open, drop } = await createMigratedDatabase();
  const database = await open({ databaseUrl: url, dataDir: null, log, ...options });
  return {
    database,
    url,
    async close() {
      await database.close();
      await drop();
    },
  };
}

/** The database of a server that a test starts: made and migrated, and not opened yet. */
export interface MigratedDatabase extends Required<Pick<World, 'openDatabase'>> {
  /** Where it is on the PostgreSQL server; null on the embedded engine, which lives in memory then. */
  url: string | null;
  /** Removes it. */
  drop(): Promise<void>;
}

export async function createMigratedDatabase(): Promise<MigratedDatabase> {
  const { url, drop } = await createTestDatabaseUrl({ migrate: migrateAt, template: `latchkey-${migrationsDigest()}` });
  const start = url === null ? { dataDir: null, loadDataDir: await pgliteTemplate() } : {};
  return { url, drop, openDatabase: (options) => openDatabase({ ...options, ...start }) };
}

async function migrateAt(databaseUrl: string): Promise<void> {
  const database = await openDatabase({ databaseUrl, dataDir: null, log: silentLog });
  await migrate(database);
  await database.close();
}

function migrationsDigest(): string {
  const hash = createHash('sha256');
  for (const { checksum } of readMigrations()) hash.update(checksum);
  return hash.digest('hex').slice(0, 16);
}

// Making an empty PGlite takes seconds and loading a dump of one a third of one; the dump outlives the run. Workers that make it at the
// same moment each write the same thing and the last rename wins.
async function pgliteTemplate(): Promise<Blob> {
  const version = /"version": "([^"]+)"/.exec(
    readFileSync(new URL('../../../../node_modules/@electric-sql/pglite/package.json', import.meta.url), 'utf8'),
  )?.[1];
  const file = join(tmpdir(), `latchkey-pglite-${version}-${migrationsDigest()}.tar`);
  if (!existsSync(file)) {
    const database = await openDatabase({ databaseUrl: null, dataDir: null, log: silentLog });
    await migrate(database);
    if (database.handle.engine !== 'pglite') throw new Error('expected the embedded engine');
    const dump = await database.handle.pglite.dumpDataDir('none');
    await database.close();
    const part = `${file}.${process.pid}`;
    writeFileSync(part, Buffer.from(await dump.arrayBuffer()));
    renameSync(part, file);
  }
  return new Blob([readFileSync(file)]);
}
