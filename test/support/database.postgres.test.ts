import pg from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { createTestDatabaseUrl, type TestDatabase } from './database.ts';

const opened: TestDatabase[] = [];
afterAll(() => Promise.all(opened.map((database) => database.drop())));

async function open(options: Parameters<typeof createTestDatabaseUrl>[0]): Promise<string> {
  const database = await createTestDatabaseUrl(options);
  opened.push(database);
  if (database.url === null) throw new Error('expected a database on PostgreSQL');
  return database.url;
}

async function query(url: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

describe('a test database', () => {
  it('is migrated once when eight ask for it together, and each gets its own copy', async () => {
    let migrations = 0;
    const migrate = async (url: string) => {
      migrations += 1;
      await query(url, 'create table thing (name text)');
    };
    const template = `copies-${process.pid}`;
    const urls = await Promise.all(Array.from({ length: 8 }, () => open({ migrate, template })));
    expect(migrations).toBe(1);
    await query(urls[0] ?? '', "insert into thing values ('mine')");
    expect(await query(urls[1] ?? '', 'select * from thing')).toEqual([]);
    expect(await query(urls[0] ?? '', 'select * from thing')).toEqual([{ name: 'mine' }]);
  });

  it('is built anew after a migration that failed half-way', async () => {
    const template = `failing-${process.pid}`;
    const failing = open({
      template,
      migrate: async (url) => {
        await query(url, 'create table half ()');
        throw new Error('migration broke');
      },
    });
    await expect(failing).rejects.toThrow('migration broke');
    const url = await open({ template, migrate: async (fresh) => void (await query(fresh, 'create table whole ()')) });
    const tables = await query(url, "select tablename from pg_tables where schemaname = 'public'");
    expect(tables).toEqual([{ tablename: 'whole' }]);
  });

  it('is gone after drop, even with a connection open', async () => {
    const database = await createTestDatabaseUrl();
    const client = new pg.Client({ connectionString: database.url ?? '' });
    client.on('error', () => {});
    await client.connect();
    await database.drop();
    await expect(client.query('select 1')).rejects.toThrow();
    await expect(query(database.url ?? '', 'select 1')).rejects.toThrow(/does not exist/);
  });
});
