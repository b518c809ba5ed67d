import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Takes a data folder for this process alone, and gives back what releases it. The lock is the operating system's, held through an empty
 * SQLite file: it ends with the process however that ends, so a `kill -9` leaves nothing to clean up and a reused process id fools nobody.
 */
export function lockDataFolder(folder: string): () => void {
  const ownerFile = join(folder, 'owner.pid');
  const lock = new DatabaseSync(join(folder, 'lock.sqlite'));
  try {
    lock.exec('PRAGMA busy_timeout = 0; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;');
  } catch (error) {
    lock.close();
    throw new Error(
      `The data folder ${folder} is in use by ${describeOwner(ownerFile)}. The embedded database serves one process at a time: ` +
        'stop that one, give this one another DATA_DIR, or set DATABASE_URL to a PostgreSQL server that several can share.',
      { cause: error },
    );
  }
  writeFileSync(ownerFile, String(process.pid));
  return () => lock.close();
}

function describeOwner(ownerFile: string): string {
  try {
    return `process ${readFileSync(ownerFile, 'utf8').trim()}`;
  } catch {
    return 'another process';
  }
}
