// The one launcher behind every npm script. It is plain JavaScript for Node 20 with nothing installed: it makes
// sure the installation is there, then runs the real command under the Node 24 that npm brought into node_modules.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
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

// SIGKILL cannot be forwarded: for that case the child has an IPC channel and sees 'disconnect'.
const forwarded = ['SIGTERM', 'SIGINT', 'SIGHUP'];

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
  if (name === 'test:long') env.LATCHKEY_TEST_LONG = '1';
  const node = join(root, 'node_modules', 'node', 'bin', 'node');
  const child = spawn(node, ['--disable-warning=ExperimentalWarning', file, ...args], {
    cwd: root,
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // The channel only tells the child that we are gone; it must not keep us alive.
  child.channel?.unref();
  for (const signal of forwarded) process.on(signal, () => child.kill(signal));
  // npm hands a signal to its shell, and a shell may die of it without telling us: then our parent changes.
  const parent = process.ppid;
  const orphaned = setInterval(() => {
    if (process.env.npm_lifecycle_event === undefined || process.ppid === parent) return;
    clearInterval(orphaned);
    child.kill('SIGTERM');
  }, 500);
  orphaned.unref();
  child.on('error', (error) => {
    console.error(`latchkey: could not start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

await main(process.argv.slice(2));
