import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite, type PGliteOptions } from '@electric-sql/pglite';
import { Kysely, PGliteDialect } from 'kysely';
import { bigIntegerTypeId, parseBigInteger } from './big-integer.ts';
import { lockDataFolder } from './data-lock.ts';
import type { Engine } from './engine.ts';
import type { Schema } from './schema.ts';
import { outsideTransactions } from './transaction-guard.ts';

export interface PgliteOptions {
  /** DATA_DIR, in which the database has the folder `db`; null keeps it in memory. */
  dataDir: string | null;
  /** A dump to start from, instead of an empty database; in memory only. */
  loadDataDir?: Blob;
}

/** The embedded PostgreSQL: one process, one connection. What was committed survives the process being killed, not a power cut. */
export async function openPglite({ dataDir, loadDataDir }: PgliteOptions): Promise<Engine> {
  const options: PGliteOptions = { parsers: { [bigIntegerTypeId]: parseBigInteger } };
  if (loadDataDir !== undefined) options.loadDataDir = loadDataDir;
  let release = (): void => {};
  if (dataDir !== null) {
    const folder = join(dataDir, 'db');
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    release = lockDataFolder(dataDir);
    options.dataDir = folder;
  }
  const pglite = await PGlite.create(options).catch((error: unknown) => {
    release();
    throw error;
  });
  await pglite.exec("SET TIME ZONE 'UTC'");
  const kysely = new Kysely<Schema>({ dialect: new PGliteDialect({ pglite }) });
  return {
    handle: { engine: 'pglite', pglite },
    kysely,
    // Everything is in this process: nothing can be lost, so the state is never told.
    listen: async (channel, handler) => {
      const stop = await pglite.listen(channel, (payload) => outsideTransactions(() => handler(payload)));
      return () => stop();
    },
    async close() {
      await kysely.destroy();
      if (!pglite.closed) await pglite.close();
      release();
    },
  };
}
