import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Host } from '../host.ts';

/** A sandbox of the story's own: free ports, a temporary data folder, nothing left behind. */
export interface OwnServer {
  url: string;
  stripeUrl: string;
  token: string;
  stop(): Promise<void>;
}

const START_MS = 60_000;
const STOP_MS = 10_000;
const READY = 'Latchkey is ready';
const MOST_OUTPUT = 4_000;
const main = fileURLToPath(new URL('../../main.ts', import.meta.url));
/** With it the server notices when this process is killed, and ends too. */
const endWithParent = fileURLToPath(new URL('../../../../../tools/end-with-parent.mjs', import.meta.url));

export async function startOwnServer(host: Host): Promise<OwnServer> {
  const dataDir = await mkdtemp(join(tmpdir(), 'latchkey-story-'));
  const [port, stripePort] = await freePorts();
  const token = `lka_${randomBytes(24).toString('hex')}`;
  const preload = existsSync(endWithParent) ? ['--import', pathToFileURL(endWithParent).href] : [];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...preload, main], {
    cwd: host.directory,
    env: {
      ...pick(host.environment, ['PATH', 'HOME', 'TMPDIR', 'CATALOG', 'SystemRoot', 'NODE_COMPILE_CACHE']),
      HOST: '127.0.0.1',
      PORT: String(port),
      SANDBOX_PORT: String(stripePort),
      SANDBOX: 'on',
      DATA_DIR: dataDir,
      ADMIN_TOKEN: token,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const output = keepOutput(child);
  const stop = async () => {
    await end(child);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 3 });
  };
  try {
    await untilReady(child, output);
  } catch (error) {
    await stop();
    throw error;
  }
  return { url: `http://127.0.0.1:${port}`, stripeUrl: `http://127.0.0.1:${stripePort}`, token, stop };
}

/** The server says when everything stands: it answers before its catalog is known to the local Stripe. */
async function untilReady(child: ChildProcess, output: () => string): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (child.exitCode === null && child.signalCode === null && Date.now() < deadline) {
    if (output().includes(READY)) return;
    await wait(20);
  }
  throw new Error(`The story's own server did not come up. It wrote:\n${output()}`);
}

function keepOutput(child: ChildProcess): () => string {
  let kept = '';
  const keep = (chunk: string) => {
    kept = (kept + chunk).slice(-MOST_OUTPUT);
  };
  child.stdout?.setEncoding('utf8').on('data', keep);
  child.stderr?.setEncoding('utf8').on('data', keep);
  return () => kept.trimEnd();
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGTERM');
  const patience = new AbortController();
  await Promise.race([
    ended,
    wait(STOP_MS, undefined, { signal: patience.signal }).then(
      () => child.kill('SIGKILL'),
      () => {},
    ),
  ]);
  patience.abort();
  await ended;
}

/** Two ports that were free a moment ago, both held until both are known. */
async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once('error', reject);
          server.listen(0, '127.0.0.1', () => {
            const address = server.address();
            resolve(typeof address === 'object' && address !== null ? address.port : 0);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}

function pick(environment: Host['environment'], names: readonly string[]): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const name of names) {
    const value = environment[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked;
}
