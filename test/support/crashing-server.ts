import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { CrashPointName } from '../../packages/server/src/ports.ts';
import { createRunningServer, type RunningServer } from './running-server.ts';

/** A server that dies where it is told to, and comes back to what it left. */
export interface CrashingServer extends RunningServer {
  /** From now on it ends, as a power cut would end it, when it next reaches this point; the others it passes. */
  crashAt(point: CrashPointName): void;
  /** Lets go of everything that the process which died had in hand, which on PostgreSQL is free only when its lease ends. */
  endLeases(): Promise<void>;
}

export async function createCrashingServer(engine: 'pglite' | 'postgres'): Promise<CrashingServer> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-crash-'));
  const crashFile = join(folder, 'crash-at');
  const server = await createRunningServer({
    engine,
    dataDir: join(folder, 'data'),
    file: 'test/support/fixtures/crash-server.ts',
    env: { CRASH_FILE: crashFile },
  });
  return {
    ...server,
    crashAt: (point) => writeFileSync(crashFile, point),
    endLeases: async () => {
      if (server.databaseUrl !== null) await endLeases(server.databaseUrl);
    },
    async remove() {
      await server.remove();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function endLeases(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(`update intents set lease_until = null, next_attempt_at = now() where status = 'planned'`);
    await client.query(`update inbox set next_attempt_at = null where status = 'pending'`);
    await client.query(`update outbox set next_attempt_at = null where status = 'pending'`);
  } finally {
    await client.end();
  }
}
