/** A file that says which process uses a folder. */

import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Another process that is alive uses the folder. */
export class FolderInUseError extends Error {
  override readonly name = 'FolderInUseError';

  constructor(folder: string, pid: number) {
    super(`${folder} is used by process ${pid}. Give each process a folder of its own.`);
  }
}

interface Holder {
  pid: number;
  /** When the process began, as the system counts it; null where it does not tell. Ids of processes are used again. */
  began: string | null;
}

const heldHere = new Set<string>();
const ATTEMPTS = 5;

/** Takes a folder for this process, from one that died as well; answers what gives it back. Throws a FolderInUseError. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (heldHere.has(folder)) throw new FolderInUseError(folder, process.pid);
  heldHere.add(folder);
  const path = join(folder, 'lock');
  try {
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (await create(path)) {
        return async () => {
          await rm(path, { force: true });
          heldHere.delete(folder);
        };
      }
      const holder = await readHolder(path);
      if (holder !== null && (await isAlive(holder))) throw new FolderInUseError(folder, holder.pid);
      await takeAway(path, holder);
    }
    throw new Error(`${path} could not be taken: other processes take it too.`);
  } catch (error) {
    heldHere.delete(folder);
    throw error;
  }
}

async function create(path: string): Promise<boolean> {
  const own = JSON.stringify({ pid: process.pid, began: await beganAt(process.pid) } satisfies Holder);
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(own).finally(() => file.close());
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Of several that find the same dead holder one renames it; whoever renamed a living one's by mistake puts it back. */
async function takeAway(path: string, dead: Holder | null): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readHolder(aside);
  const isOther = taken !== null && (dead === null || taken.pid !== dead.pid || taken.began !== dead.began);
  if (isOther && (await isAlive(taken))) await rename(aside, path);
  else await rm(aside, { force: true });
}

async function readHolder(path: string): Promise<Holder | null> {
  try {
    const { pid, began } = JSON.parse(await readFile(path, 'utf8')) as Partial<Holder>;
    return typeof pid === 'number' ? { pid, began: began ?? null } : null;
  } catch {
    // Gone, or written by halves when its process died.
    return null;
  }
}

async function isAlive({ pid, began }: Holder): Promise<boolean> {
  // Ours, though we do not hold it: an earlier process had our number, as the first of a container always has.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (codeOf(error) !== 'EPERM') return false;
  }
  return began === null || (await beganAt(pid)) === began;
}

/** The 22nd field of /proc/<pid>/stat (proc(5)); the second, a name in brackets, may hold spaces. */
async function beganAt(pid: number): Promise<string | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8');
    return (
      text
        .slice(text.lastIndexOf(')') + 2)
        .split(' ')
        .at(19) ?? null
    );
  } catch {
    return null;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
