// A lock that is a folder: mkdir is atomic everywhere. Its holder touches it while it works, so that the folder a
// killed process left behind is recognised by its age and taken over.
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const touchEveryMs = 1_000;
const staleAfterMs = 15_000;
// Past this age the recorded process ids prove nothing any more (a restarted container counts from 1 again).
const staleWhateverAfterMs = 15 * 60_000;
const pollEveryMs = 200;

/**
 * Runs `work` while no other process of this checkout does; waits for its turn and says so. `work` gets a function that
 * records the id of a process doing the work for it: the lock is not taken over while that process lives.
 */
export async function withInstallLock(root, work) {
  // Outside node_modules, because installing empties that.
  const folder = join(root, '.cache', 'install.lock');
  mkdirSync(join(root, '.cache'), { recursive: true });
  await acquire(folder);
  const touching = setInterval(() => touch(folder), touchEveryMs);
  try {
    return await work((pid) => writeFileSync(join(folder, 'worker'), String(pid)));
  } finally {
    clearInterval(touching);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function acquire(folder) {
  let told = false;
  while (!tryCreate(folder)) {
    if (isStale(folder)) takeAway(folder);
    else {
      if (!told) console.error('latchkey: another command is installing the dependencies; waiting for it …');
      told = true;
      await wait(pollEveryMs);
    }
  }
}

function tryCreate(folder) {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

// Of several processes that find the same stale lock, one wins the rename and the others find it gone.
function takeAway(folder) {
  const aside = `${folder}.${process.pid}.${Date.now()}`;
  try {
    renameSync(folder, aside);
    rmSync(aside, { recursive: true, force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function isStale(folder) {
  const age = ageMs(folder);
  return age > staleWhateverAfterMs || (age > staleAfterMs && !workerLives(folder));
}

function workerLives(folder) {
  try {
    process.kill(Number(readFileSync(join(folder, 'worker'), 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function ageMs(folder) {
  try {
    return Date.now() - statSync(folder).mtimeMs;
  } catch {
    return 0;
  }
}

function touch(folder) {
  const now = new Date();
  try {
    utimesSync(folder, now, now);
  } catch {
    // Taken away as stale, for example after this machine slept: the work goes on, it is idempotent.
  }
}
