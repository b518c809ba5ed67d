// The one launcher behind every npm script. It is plain JavaScript for Node 20 with nothing installed: it makes
// sure the installation is there, then runs the real command under the Node 24 that npm brought into node_modules.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureInstalled } from './install.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

// What each command runs; arguments given after the command are passed on behind these.
const commands = {
  start: ['packages/server/src/main.ts'],
  story: ['packages/server/src/cli/main.ts', 'story'],
  stripe: ['packages/stripe-sandbox/src/main.ts'],
  test: ['tools/test.ts'],
  'test:long': ['tools/test.ts', '--long'],
  lint: ['node_modules/@biomejs/biome/bin/biome', 'check', '--error-on-warnings'],
  format: ['node_modules/@biomejs/biome/bin/biome', 'check', '--write'],
  typecheck: ['tools/typecheck.ts'],
  bench: ['bench/run.ts'],
};

// Servers get a process group of their own, so that Ctrl-C reaches them once, through us, and not also from the terminal:
// a second signal means "at once" to most programs.
const servers = ['start', 'stripe'];
const sameSignalMs = 1_000;

async function main([name, ...rest]) {
  const command = Object.hasOwn(commands, name ?? '') ? commands[name] : undefined;
  if (command === undefined) {
    console.error(`Usage: node tools/run.mjs <${Object.keys(commands).join('|')}> [arguments]`);
    process.exit(2);
  }
  await ensureInstalled(root);
  const file = join(root, command[0]);
  if (!existsSync(file)) {
    console.error(`latchkey: "${name}" runs ${command[0]}, which is not in this checkout.`);
    process.exit(2);
  }
  run(file, [...command.slice(1), ...rest], name);
}

function run(file, args, name) {
  const env = { ...process.env, PATH: [join(root, 'node_modules', '.bin'), process.env.PATH ?? ''].join(delimiter) };
  // What Node makes of hundreds of files is the same at each start.
  env.NODE_COMPILE_CACHE ??= join(root, 'node_modules', '.cache', 'latchkey', 'compiled');
  if (name === 'test:long') env.LATCHKEY_TEST_LONG = '1';
  const node = join(root, 'node_modules', 'node', 'bin', 'node');
  const preload = pathToFileURL(join(root, 'tools', 'end-with-parent.mjs')).href;
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', '--import', preload, file, ...args], {
    cwd: root,
    env,
    detached: servers.includes(name),
    // SIGKILL cannot be forwarded: for that case the child sees the channel close.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  child.channel?.unref();
  forwardSignals(child, name);
  child.on('error', (error) => {
    console.error(`latchkey: could not start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function forwardSignals(child, name) {
  const lastSent = new Map();
  const forward = (signal) => {
    // npm and the terminal may both tell us of one Ctrl-C.
    if (Date.now() - (lastSent.get(signal) ?? 0) < sameSignalMs) return;
    lastSent.set(signal, Date.now());
    child.kill(signal);
  };
  process.on('SIGTERM', forward);
  process.on('SIGHUP', forward);
  // A child in the terminal's own group has had its SIGINT from there.
  process.on('SIGINT', (signal) => {
    if (servers.includes(name) || !process.stdin.isTTY) forward(signal);
  });
  // npm hands a signal to its shell, and a shell may die of it without telling us: then our parent changes.
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event === undefined) return;
  setInterval(() => {
    if (process.ppid !== parent) forward('SIGTERM');
  }, 500).unref();
}

await main(process.argv.slice(2));
