import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePortPair } from '../test/support/ports.ts';
import { startProcess } from '../test/support/processes.ts';
import { pin, SERVER_CORE } from './cores.ts';

/** Secrets of a server that lives for one measurement. */
export const ROOT_SECRET = 'the root secret of a benchmark that is long enough';
export const MASTER_SECRET = 'the master secret of a benchmark that is long enough';
export const WEBHOOK_SECRET = 'whsec_of_a_benchmark';
export const ADMIN_TOKEN = 'lka_the_admin_token_of_a_benchmark';

/** A server under measurement: the whole of Latchkey as `npm start` runs it, in a process of its own. */
export interface MeasuredServer {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** Starts Latchkey over a PostgreSQL database and keeps it on its core. */
export async function startLatchkey(databaseUrl: string, env: Record<string, string> = {}): Promise<MeasuredServer> {
  const dataDir = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  const port = await freePortPair();
  const child = startProcess({
    file: 'packages/server/src/main.ts',
    env: {
      PORT: String(port),
      DATA_DIR: dataDir,
      DATABASE_URL: databaseUrl,
      SANDBOX: 'on',
      LATCHKEY_SECRET: ROOT_SECRET,
      LICENSE_MASTER_SECRET: MASTER_SECRET,
      STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET,
      ADMIN_TOKEN,
      ...env,
    },
  });
  const stop = async () => {
    await child.stop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  try {
    await child.waitForLine(/Latchkey is ready/, 60_000);
    pin(child.pid, SERVER_CORE);
    return { url: `http://127.0.0.1:${port}`, pid: child.pid, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Bytes of memory that a server holds. */
export function memoryOf({ pid }: MeasuredServer): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1_024;
}

/** Starts the bare route that answers `answer`, on the same core. */
export async function startBare(answer: string): Promise<MeasuredServer> {
  const child = startProcess({ file: 'bench/bare-server.ts', env: { ANSWER: answer, NODE_ENV: 'production' } });
  const [, port] = await child.waitForLine(/listening on (\d+)/, 30_000);
  pin(child.pid, SERVER_CORE);
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid,

    stop: async () => void (await child.stop()),
  };
}
