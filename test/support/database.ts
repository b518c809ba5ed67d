import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';

/** A database of a test's own. */
export interface TestDatabase {
  /** Where it is on the PostgreSQL server, or null when the tests run on the embedded engine. */
  url: string | null;
  /** Removes it, ending connections that are still open. */
  drop(): Promise<void>;
}

export interface TestDatabaseOptions {
  /** Brings an empty database to the state that every copy starts from; called once a run for each `template`. */
  migrate?: (url: string) => Promise<void>;
  /** Names that state, where a run has several. */
  template?: string;
  /** Which engine, where a test runs on both by itself; LATCHKEY_TEST_ENGINE says it otherwise. */
  engine?: 'pglite' | 'postgres';
}

/**
 * A fresh database for one test file, on the engine that LATCHKEY_TEST_ENGINE names. On PostgreSQL it is a copy of a
 * template that is migrated once, however many test workers ask for it together; on PGlite `url` is null and the
 * caller opens its own in memory.
 */
export async function createTestDatabaseUrl(options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const engine = options.engine ?? process.env.LATCHKEY_TEST_ENGINE;
  if (engine !== 'postgres') return { url: null, drop: async () => {} };
  const name = `test_${process.pid}_${randomBytes(6).toString('hex')}`;
  await asAdmin(async (admin) => {
    const template = options.migrate && (await ensureTemplate(admin, options.migrate, options.template ?? 'default'));
    await admin.query(`create database ${name}${template === undefined ? '' : ` template ${template}`}`);
  });
  return {
    url: databaseUrl(name),
    drop: () =>
      asAdmin(async (admin) => {
        await admin.query(`drop database if exists ${name} with (force)`);
      }),
  };
}

// The template is built under another name and renamed when complete, so that a worker that dies half-way leaves
// nothing that looks finished.
async function ensureTemplate(admin: pg.Client, migrate: (url: string) => Promise<void>, label: string) {
  const digest = createHash('sha256').update(label).digest();
  const name = `template_${digest.toString('hex').slice(0, 16)}`;
  const lock = digest.readInt32BE(0);
  await admin.query('select pg_advisory_lock($1, $2)', [templateLockSpace, lock]);
  try {
    const { rowCount } = await admin.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) {
      const building = `${name}_building`;
      await admin.query(`drop database if exists ${building} with (force)`);
      await admin.query(`create database ${building}`);
      await migrate(databaseUrl(building));
      await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [building]);
      await admin.query(`alter database ${building} rename to ${name}`);
    }
  } finally {
    await admin.query('select pg_advisory_unlock($1, $2)', [templateLockSpace, lock]);
  }
  return name;
}

/** Any number that no advisory lock of the product uses in its two-key form. */
const templateLockSpace = 0x7e57;

async function asAdmin<T>(work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client({ connectionString: adminUrl() });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

function databaseUrl(name: string): string {
  const url = new URL(adminUrl());
  url.pathname = `/${name}`;
  return url.href;
}

function adminUrl(): string {
  const url = process.env.LATCHKEY_TEST_POSTGRES_URL;
  if (url === undefined) {
    throw new Error(
      'LATCHKEY_TEST_POSTGRES_URL is not set: run this through vitest, in a project that has PostgreSQL.',
    );
  }
  return url;
}
