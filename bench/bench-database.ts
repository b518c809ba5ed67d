import pg from 'pg';
import { migrate } from '../packages/server/src/db/migrate.ts';
import { openDatabase } from '../packages/server/src/db/open.ts';
import { silentLog } from '../packages/server/src/observability/log.ts';

/** Makes an empty database on the server at `adminUrl`, with Latchkey's tables, and answers its address. */
export async function createDatabase(adminUrl: string, name: string): Promise<string> {
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  await admin.query(`CREATE DATABASE ${name}`);
  await admin.end();
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const database = await openDatabase({ databaseUrl: url.href, dataDir: null, log: silentLog });
  await migrate(database);
  await database.close();
  return url.href;
}
