import { readdirSync, readFileSync } from 'node:fs';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';

/** Whether each column may be null, by table. */
type Tables = Record<string, Record<string, boolean>>;

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

/** What `schema.ts` says: `interface XTable { column: Type }`, and `interface Schema { table: XTable }`. */
function parseSchema(text: string): Tables {
  const interfaces = new Map<string, Record<string, boolean>>();
  for (const [, name = '', body = ''] of text.matchAll(/export interface (\w+) \{\n([\s\S]*?)\n\}/g)) {
    const columns: Record<string, boolean> = {};
    for (const [, column = '', type = ''] of body.matchAll(/^ {2}(\w+): (.+);$/gm))
      columns[column] = / \| null$/.test(type);
    interfaces.set(name, columns);
  }
  const tables: Tables = {};
  const schema = /export interface Schema \{\n([\s\S]*?)\n\}/.exec(text)?.[1] ?? '';
  for (const [, table = '', name = ''] of schema.matchAll(/^ {2}(\w+): (\w+);$/gm))
    tables[table] = interfaces.get(name) ?? {};
  return tables;
}

async function readTables(): Promise<Tables> {
  const { rows } = await sql<{ table_name: string; column_name: string; is_nullable: string }>`
    SELECT table_name, column_name, is_nullable FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name <> 'schema_migrations'`.execute(test.database.connection);
  const tables: Tables = {};
  for (const row of rows) {
    tables[row.table_name] ??= {};
    Object.assign(tables[row.table_name] ?? {}, { [row.column_name]: row.is_nullable === 'YES' });
  }
  return tables;
}

function differences(types: Tables, database: Tables): string[] {
  const found: string[] = [];
  for (const table of new Set([...Object.keys(types), ...Object.keys(database)])) {
    for (const column of new Set([...Object.keys(types[table] ?? {}), ...Object.keys(database[table] ?? {})])) {
      const [inTypes, inDatabase] = [types[table]?.[column], database[table]?.[column]];
      const name = `${table}.${column}`;
      if (inTypes === undefined) found.push(`${name} is not in schema.ts`);
      else if (inDatabase === undefined) found.push(`${name} is not in the database`);
      else if (inTypes !== inDatabase)
        found.push(`${name} may be null in ${inDatabase ? 'the database' : 'schema.ts'} only`);
    }
  }
  return found.sort();
}

// `schema.ts` and its parts, each a subject of its own.
const folder = new URL('./', import.meta.url);
const parts = readdirSync(folder).filter((name) => /^schema(?:-[a-z-]+)?\.ts$/.test(name));
const text = parts.map((name) => readFileSync(new URL(name, folder), 'utf8')).join('\n');

describe('the types of the tables', () => {
  it('are those of the database', async () => {
    const types = parseSchema(text);
    expect(Object.keys(types).length).toBeGreaterThan(10);
    expect(differences(types, await readTables())).toEqual([]);
  });

  it.each([
    ['  email: string | null;\n', '', 'is not in schema.ts'],
    ['  email: string | null;\n', '  email: string;\n', 'may be null in the database only'],
    ['  email: string | null;\n', '  email: string | null;\n  phone: string;\n', 'phone is not in the database'],
    ['  outbox: OutboxTable;\n', '', 'outbox.kind is not in schema.ts'],
  ])('would be found out if %j became %j', async (before, after, finding) => {
    const found = differences(parseSchema(text.replace(before, after)), await readTables());
    expect(found.join('\n')).toContain(finding);
  });
});
