#!/usr/bin/env node
// `npx latchkey …`: runs the command line under Node 24. Inside a checkout npm brings that Node into node_modules,
// while the `node` that started this file may be older and unable to run TypeScript.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../src/cli/main.ts', import.meta.url));
const node = findNode(dirname(main));
const compiled = fileURLToPath(new URL('../../../node_modules/.cache/latchkey/compiled', import.meta.url));

const child = spawn(node, ['--disable-warning=ExperimentalWarning', main, ...process.argv.slice(2)], {
  stdio: 'inherit',
  // What Node makes of hundreds of files is the same at each start. Where the folder cannot be written, nothing is kept.
  env: { ...process.env, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? compiled },
});
process.on('SIGTERM', () => child.kill('SIGTERM'));
process.on('SIGHUP', () => child.kill('SIGHUP'));
process.on('SIGINT', () => {
  // On a terminal Ctrl-C reaches the command itself as well; a second signal would mean "at once" to it.
  if (!process.stdin.isTTY) child.kill('SIGINT');
});
child.on('error', (error) => {
  console.error(`latchkey: could not start ${node}: ${error.message}`);
  process.exit(1);
});
child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));

function findNode(from) {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', 'node', 'bin', 'node');
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) break;
  }
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  console.error(
    `latchkey needs Node 24 or newer (this is ${process.versions.node}). Run npm install, or use a newer Node.`,
  );
  process.exit(1);
}
