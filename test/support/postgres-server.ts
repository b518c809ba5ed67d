import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './ports.ts';
import {
  type PostgresBinaries,
  postgresCandidates,
  type RunAs,
  reachableFolder,
  unprivilegedUser,
} from './postgres-binaries.ts';

/** A throw-away PostgreSQL server on 127.0.0.1. */
export interface PostgresServer {
  /** Connects as superuser to the `postgres` database. */
  adminUrl: string;
  /** Which PostgreSQL it is, and why not a better one, for the log. */
  description: string;
  /** Ends the server at once and removes its data. */
  stop(): Promise<void>;
}

export interface PostgresServerOptions {
  /** Commits are on the disk when they are answered, as in production: for measurements. Tests do without, for nothing of theirs survives. */
  durable?: boolean;
}

/** Starts the first PostgreSQL that can be started; data lives in a temporary folder and does not outlive this process. */
export async function startPostgresServer({ durable = false }: PostgresServerOptions = {}): Promise<PostgresServer> {
  const settings = durable ? DURABLE : FLEETING;
  const failures: string[] = [];
  for (const candidate of postgresCandidates()) {
    try {
      const server = await startFrom(candidate, settings);
      const description = [server.description, ...failures].join('; ');
      return { ...server, description };
    } catch (error) {
      failures.push(`${candidate.name} did not start: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`No PostgreSQL could be started for the tests. ${failures.join('; ') || 'None was found.'}`);
}

async function startFrom(candidate: PostgresBinaries, settings: readonly string[]): Promise<PostgresServer> {
  const runAs = unprivilegedUser();
  const scratch = mkdtempSync(join(tmpdir(), 'latchkey-postgres-'));
  chmodSync(scratch, 0o755);
  try {
    const folder = reachableFolder(candidate, runAs, scratch);
    const password = randomBytes(12).toString('hex');
    const data = join(scratch, 'data');
    if (runAs.uid !== undefined && runAs.gid !== undefined) chownSync(scratch, runAs.uid, runAs.gid);
    initialise(folder, runAs, scratch, data, password);
    const { child, port } = await listenSomewhere(folder, runAs, scratch, data, settings);
    return {
      adminUrl: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
      description: candidate.name,
      stop: () => stop(child, scratch),
    };
  } catch (error) {
    rmSync(scratch, { recursive: true, force: true });
    throw error;
  }
}

function initialise(folder: string, runAs: RunAs, scratch: string, data: string, password: string): void {
  const passwordFile = join(scratch, 'password');
  writeFileSync(passwordFile, `${password}\n`);
  if (runAs.uid !== undefined && runAs.gid !== undefined) chownSync(passwordFile, runAs.uid, runAs.gid);
  const result = spawnSync(
    join(folder, 'initdb'),
    [
      '-D',
      data,
      '-U',
      'postgres',
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--no-sync',
      '-E',
      'UTF8',
      '--locale=C',
    ],
    { ...runAs, cwd: scratch, encoding: 'utf8', env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' } },
  );
  if (result.status !== 0) throw new Error(`initdb: ${result.error?.message ?? result.stderr.trim()}`);
}

async function listenSomewhere(
  folder: string,
  runAs: RunAs,
  scratch: string,
  data: string,
  settings: readonly string[],
) {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    try {
      return { child: await launch(folder, runAs, scratch, [...settings, `port=${port}`], data), port };
    } catch (error) {
      // Another process may take the port between our look and PostgreSQL's.
      if (attempt === 3 || !existsSync(data)) throw error;
    }
  }
}

// The shell outlives neither of its two neighbours: it ends PostgreSQL and removes the data when our end of its standard
// input closes, which the system does even if this process is killed outright.
const supervisor = `
exec 3<&0
keep=$1; scratch=$2; shift 2
"$@" & server=$!
{ read -r _ <&3; touch "$keep"; kill -QUIT "$server"; } & watcher=$!
wait "$server"; status=$?
kill "$watcher" 2>/dev/null
if [ -e "$keep" ]; then rm -rf "$scratch"; fi
exit $status
`;

const settings = [
  'max_connections=200',
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_parallel_workers_per_gather=0',
  'log_min_messages=log',
  'log_checkpoints=off',
];

// Nothing here survives the run, so nothing is worth a disk flush; what a commit means to other sessions is unchanged.
const FLEETING = [...settings, 'fsync=off', 'full_page_writes=off', 'shared_buffers=128MB'];
const DURABLE = [
  ...settings,
  'fsync=on',
  'full_page_writes=on',
  'synchronous_commit=on',
  'shared_buffers=1GB',
  'max_wal_size=8GB',
];

const readyWithinMs = 60_000;

function launch(folder: string, runAs: RunAs, scratch: string, settings: readonly string[], data: string) {
  const server = [join(folder, 'postgres'), '-D', data];
  const args = [...server, ...settings.flatMap((setting) => ['-c', setting])];
  const child = spawn('sh', ['-c', supervisor, 'sh', join(scratch, 'stopping'), scratch, ...args], {
    ...runAs,
    cwd: scratch,
    // Its own session: Ctrl-C reaches the tests first, and closing the pipe then ends PostgreSQL.
    detached: true,
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH ?? '', LC_ALL: 'C' },
  });
  return new Promise<ChildProcess>((resolve, reject) => {
    let log = '';
    const tooSlow = setTimeout(() => {
      child.stdin.end();
      reject(new Error(`postgres was not ready within ${readyWithinMs} ms: ${log.trim()}`));
    }, readyWithinMs);
    child.once('exit', () => clearTimeout(tooSlow));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000);
      if (!log.includes('ready to accept connections')) return;
      clearTimeout(tooSlow);
      resolve(child);
    });
    child.on('error', reject);
    child.on('exit', (code) => reject(new Error(`postgres ended with ${code}: ${log.trim()}`)));
  });
}

async function stop(child: ChildProcess, scratch: string): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin?.end();
    await ended;
  }
  rmSync(scratch, { recursive: true, force: true });
}
