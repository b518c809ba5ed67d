import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { copyEmbeddedDatabase } from '../../../../test/support/migrated-database.ts';
import { silentLog } from '../observability/log.ts';
import { lockDataFolder } from './data-lock.ts';
import { migrate } from './migrate.ts';
import { openDatabase } from './open.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-lock-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lockFile = fileURLToPath(new URL('./data-lock.ts', import.meta.url));

/** Another process that holds the folder until it is killed. */
async function holdElsewhere() {
  const program = `const { lockDataFolder } = await import(${JSON.stringify(lockFile)});
    lockDataFolder(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1000);`;
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise<void>((resolve, reject) => {
    holder.stdout.once('data', () => resolve());
    holder.once('exit', (code) => reject(new Error(`the holder ended with ${code}`)));
  });
  holder.removeAllListeners('exit');
  return holder;
}

describe('a data folder', () => {
  it('is for one process: a second is told which one has it and what to do, and gets it when that one is killed', async () => {
    const holder = await holdElsewhere();
    expect(() => lockDataFolder(folder)).toThrow(
      new RegExp(`in use by process ${holder.pid}.*DATA_DIR.*DATABASE_URL`, 's'),
    );
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await ended;
    lockDataFolder(folder)();
  });

  it('is locked within one process too, and free again once released', () => {
    const release = lockDataFolder(folder);
    expect(() => lockDataFolder(folder)).toThrow(/in use/);
    release();
    lockDataFolder(folder)();
  });

  it('keeps the embedded database from one start to the next', async () => {
    await copyEmbeddedDatabase(folder);
    const open = () => openDatabase({ databaseUrl: null, dataDir: folder, log: silentLog });
    const first = await open();
    await migrate(first);
    await expect(open()).rejects.toThrow(/in use/);
    const row = { key: 'kept', value: '"yes"', updated_at: new Date() };
    await first.connection.insertInto('settings').values(row).execute();
    await first.close();
    const second = await open();
    expect(await migrate(second)).toMatchObject({ applied: [] });
    expect(await second.connection.selectFrom('settings').select('value').executeTakeFirst()).toEqual({ value: 'yes' });
    await second.close();
  });
});
