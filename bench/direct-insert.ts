// What webhooks are measured against: the rows that they left, inserted again into empty copies of their tables by nothing but the
// driver. Run as a process of its own; prints seconds as JSON, one statement a row and in batches.
import pg from 'pg';

const BATCH = 50;
const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();

interface Table {
  name: string;
  columns: string[];
  types: string[];
  rows: unknown[][];
}

/** Values as text, so that neither side pays for converting them. */
async function readTable(name: string): Promise<Table> {
  const described = await client.query<{ column: string; type: string }>(
    `SELECT attname AS column, format_type(atttypid, atttypmod) AS type FROM pg_attribute
     WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [name],
  );
  const columns = described.rows.map(({ column }) => column);
  const types = described.rows.map(({ type }) => type);
  const text = columns.map((column) => `${column}::text`).join(', ');
  const { rows } = await client.query({ text: `SELECT ${text} FROM ${name}`, rowMode: 'array' });
  return { name, columns, types, rows };
}

async function insertAll(tables: readonly Table[], batch: number): Promise<number> {
  for (const { name } of tables) {
    await client.query(`DROP TABLE IF EXISTS ${name}_copy`);
    await client.query(`CREATE TABLE ${name}_copy (LIKE ${name} INCLUDING ALL)`);
  }
  const began = performance.now();
  for (const { name, columns, types, rows } of tables) {
    for (let first = 0; first < rows.length; first += batch) {
      const part = rows.slice(first, first + batch);
      const values = part.map(
        (_, row) => `(${types.map((type, column) => `$${row * types.length + column + 1}::${type}`).join(', ')})`,
      );
      await client.query(`INSERT INTO ${name}_copy (${columns.join(', ')}) VALUES ${values.join(', ')}`, part.flat());
    }
  }
  return (performance.now() - began) / 1_000;
}

const tables = [await readTable('inbox'), await readTable('stripe_objects')];
const oneByOne = await insertAll(tables, 1);
const batched = await insertAll(tables, BATCH);
await client.end();
process.stdout.write(`inserted ${JSON.stringify({ oneByOne, batched })}\n`);
