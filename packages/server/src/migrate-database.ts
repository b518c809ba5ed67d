import { parseConfig } from './config/config.ts';
import { type MigrationReport, migrate } from './db/migrate.ts';
import { openDatabase } from './db/open.ts';
import { silentLog } from './observability/log.ts';

/**
 * Brings the database that the environment names to this version's tables, and closes it again: for deployments that migrate
 * before they start. Throws a `ConfigError` for an environment that cannot be used.
 */
export async function migrateDatabase(
  environment: Readonly<Record<string, string | undefined>>,
  warn: (line: string) => void,
): Promise<MigrationReport> {
  const { databaseUrl, dataDir } = parseConfig(environment);
  const say = (fields: object, message: string) => warn(`${message} ${JSON.stringify(fields)}`);
  const log = { ...silentLog, warn: say, error: say };
  const database = await openDatabase({ databaseUrl, dataDir, log });
  try {
    return await migrate(database);
  } finally {
    await database.close();
  }
}
