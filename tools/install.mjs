// Makes node_modules match package-lock.json, once, however many commands are started at the same moment.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { withInstallLock } from './install-lock.mjs';

/** Installs what package-lock.json asks for, unless it is there already. Ends the process with a remedy if it cannot. */
export async function ensureInstalled(root) {
  if (isInstalled(root)) return;
  try {
    await withInstallLock(root, async (recordWorker) => {
      // Another process may have installed everything while this one waited for the lock.
      if (!isInstalled(root)) await install(root, recordWorker);
    });
  } catch (error) {
    console.error(`latchkey: ${error.message}`);
    process.exit(1);
  }
}

/** Whether node_modules is what package-lock.json describes; a marker makes every answer but the first cheap. */
export function isInstalled(root) {
  if (!existsSync(nodeBinary(root))) return false;
  const wanted = lockHash(root);
  if (wanted === undefined) return existsSync(join(root, 'node_modules', '.package-lock.json'));
  if (readText(markerPath(root)) === wanted) return true;
  // A developer's own `npm install` leaves no marker; npm's record of what it installed tells as much.
  if (!matchesLock(root)) return false;
  writeFileSync(markerPath(root), wanted);
  return true;
}

async function install(root, recordWorker) {
  const locked = existsSync(join(root, 'package-lock.json'));
  console.error(`latchkey: installing dependencies (npm ${locked ? 'ci' : 'install'}); this happens once …`);
  let code = locked ? await npm(root, 'ci', recordWorker) : await npm(root, 'install', recordWorker);
  if (code !== 0 && locked) {
    console.error(`latchkey: npm ci failed (exit ${code}); trying npm install, which may change package-lock.json …`);
    code = await npm(root, 'install', recordWorker);
  }
  if (code !== 0) {
    throw new Error(
      `npm could not install the dependencies (exit ${code}). Its messages are above; check the network and the ` +
        'registry that npm is set to (npm config get registry), then run the command again.',
    );
  }
  if (!existsSync(nodeBinary(root))) {
    throw new Error(
      'npm installed the packages but not the Node 24 binary, so install scripts seem to be switched off. ' +
        'Allow them (npm config delete ignore-scripts) and run: npm rebuild node',
    );
  }
  const hash = lockHash(root);
  if (hash !== undefined) writeFileSync(markerPath(root), hash);
}

async function npm(root, verb, recordWorker) {
  // npm must not run under the Node binary that it is about to replace.
  const bin = join('node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => !folder.endsWith(bin));
  const env = { ...process.env, PATH: path.join(delimiter) };
  const child = spawn('npm', [verb, '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    env,
    // npm's report goes to stderr: stdout belongs to the command that was asked for.
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  if (child.pid !== undefined) recordWorker(child.pid);
  // Whoever stops us stops npm first, so that it never goes on behind a lock that nobody holds.
  const stop = (signal) => child.kill(signal);
  const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'];
  for (const signal of signals) process.on(signal, stop);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', (error) =>
        reject(new Error(`npm could not be started (${error.message}). Is it on the PATH?`)),
      );
      child.on('exit', (code, signal) =>
        signal === null ? resolve(code) : reject(new Error(`stopped by ${signal}.`)),
      );
    });
  } finally {
    for (const signal of signals) process.off(signal, stop);
  }
}

// Platform packages that do not fit this machine are optional and rightly absent.
function matchesLock(root) {
  const wanted = readJson(join(root, 'package-lock.json'))?.packages;
  const present = readJson(join(root, 'node_modules', '.package-lock.json'))?.packages;
  if (wanted === undefined || present === undefined) return false;
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.includes('node_modules/')) return true;
    const found = present[path];
    if (found === undefined) return entry.optional === true || entry.devOptional === true;
    return entry.link === true ? found.resolved === entry.resolved : found.version === entry.version;
  });
}

function lockHash(root) {
  const path = join(root, 'package-lock.json');
  if (!existsSync(path) || !statSync(path).isFile()) return undefined;
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

function readText(path) {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function readJson(path) {
  const text = readText(path);
  return text === undefined ? undefined : JSON.parse(text);
}

const markerPath = (root) => join(root, 'node_modules', '.latchkey-installed');
const nodeBinary = (root) => join(root, 'node_modules', 'node', 'bin', 'node');
