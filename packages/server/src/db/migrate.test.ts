import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabaseUrl } from '../../../../test/support/database.ts';
import { silentLog } from '../observability/log.ts';
import type { OpenedDatabase } from './engine.ts';
import { type Migration, migrate, readMigrations } from './migrate.ts';
import { openDatabase } from './open.ts';

let database: OpenedDatabase;
let drop: () => Promise<void>;
beforeAll(async () => {
  const empty = await createTestDatabaseUrl();
  drop = empty.drop;
  database = await openDatabase({ databaseUrl: empty.url, dataDir: null, log: silentLog });
});
afterAll(async () => {
  await database.close();
  await drop();
});
// Empty again, without the seconds that making a cluster takes.
afterEach(async () => {
  await sql`DROP SCHEMA public CASCADE`.execute(database.connection);
  await sql`CREATE SCHEMA public`.execute(database.connection);
});

const migration = (number: number, text: string): Migration => ({
  number,
  name: `${String(number).padStart(4, '0')}_test`,
  sql: text,
  checksum: `sum of ${text}`,
});
const first = migration(1, 'CREATE TABLE one (id text); CREATE TABLE two (id text);');
const second = migration(2, 'ALTER TABLE one ADD COLUMN name text;');

const tables = async () => {
  const { rows } = await sql<{ table_name: string }>`
    SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1`.execute(
    database.connection,
  );
  return rows.map((row) => row.table_name);
};

describe('migrating', () => {
  it('brings an empty database to the tables of this version, and does nothing the second time', async () => {
    const all = readMigrations();
    expect(await migrate(database)).toEqual({ applied: all.map(({ name }) => name), current: all.length });
    expect(await migrate(database)).toEqual({ applied: [], current: all.length });
    expect(await tables()).toContain('licenses');
  });

  it('applies what is new to a database of an earlier version', async () => {
    await migrate(database, [first]);
    expect(await migrate(database, [first, second])).toEqual({ applied: ['0002_test'], current: 2 });
  });

  it('leaves nothing of a migration that fails half-way, and can go on once it is mended', async () => {
    const broken = migration(2, 'CREATE TABLE half (id text); SELECT no_such_function();');
    await expect(migrate(database, [first, broken])).rejects.toThrow(/0002_test failed.*no_such_function/s);
    expect(await tables()).toEqual(['one', 'schema_migrations', 'two']);
    expect((await migrate(database, [first, second])).applied).toEqual(['0002_test']);
  });

  it('refuses a database that a newer version has migrated, and changes nothing', async () => {
    await migrate(database, [first, second]);
    await expect(migrate(database, [first])).rejects.toThrow(/newer version.*0002_test/s);
  });

  it('refuses a migration that was changed after it was applied', async () => {
    await migrate(database, [first]);
    await expect(migrate(database, [migration(1, 'CREATE TABLE other (id text);')])).rejects.toThrow(
      /was changed after/,
    );
  });

  it('is not possible inside an open transaction', async () => {
    const mistaken = database.transaction({ actor: { type: 'system', id: null } }, async () => {
      await migrate(database, [first]);
    });
    await expect(mistaken).rejects.toThrow(/inside an open transaction/);
  });
});

it('the migrations of this version are numbered without a gap', () => {
  expect(readMigrations().map(({ number }) => number)).toEqual(readMigrations().map((_, index) => index + 1));
});
