import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startProcess } from './processes.ts';

/** Brings the database that the environment names to the newest tables, as an operator does before a start. */
export async function migrateByCommand(env: Readonly<Record<string, string>>): Promise<void> {
  const migration = startProcess({ file: 'packages/server/src/cli/main.ts', args: ['migrate'], env });
  const { code } = await migration.exited;
  if (code !== 0) throw new Error(`latchkey migrate ended with ${code}:\n${migration.output()}`);
}

/**
 * Lays a migrated embedded database into a data folder that has none. Making one takes seconds and copying one a tenth of
 * a second, so one outlives the run; workers that make it at the same moment each make the same, and the first stays.
 */
export async function copyEmbeddedDatabase(dataDir: string): Promise<void> {
  const template = join(tmpdir(), `latchkey-embedded-${digest()}`);
  if (!existsSync(template)) {
    const making = `${template}.${process.pid}`;
    await migrateByCommand({ DATA_DIR: making });
    try {
      renameSync(making, template);
    } catch (error) {
      rmSync(making, { recursive: true, force: true });
      if (!existsSync(template)) throw error;
    }
  }
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  cpSync(join(template, 'db'), join(dataDir, 'db'), { recursive: true });
}

/** Of all that decides what is in it: the migrations, and which engine is pinned. */
function digest(): string {
  const migrations = fileURLToPath(new URL('../../packages/server/src/db/migrations', import.meta.url));
  const engine = fileURLToPath(new URL('../../packages/server/package.json', import.meta.url));
  const files = readdirSync(migrations)
    .toSorted()
    .map((name) => join(migrations, name));
  const hash = createHash('sha256');
  for (const file of [...files, engine]) hash.update(readFileSync(file));
  return hash.digest('hex').slice(0, 16);
}
