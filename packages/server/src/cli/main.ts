/** The command line: `npx latchkey …`. Reads the process's environment and hands it on. */

import { constants } from 'node:os';
import { text } from 'node:stream/consumers';
import type { Host } from './host.ts';
import { runProgram } from './program.ts';

const server = new URL('../main.ts', import.meta.url).href;

const host: Host = {
  environment: process.env,
  directory: process.cwd(),
  color: process.stdout.isTTY === true && (process.env.NO_COLOR ?? '') === '',
  out: (line) => void process.stdout.write(`${line}\n`),
  err: (line) => void process.stderr.write(`${line}\n`),
  ...(process.stderr.isTTY === true ? { terminal: (text: string) => void process.stderr.write(text) } : {}),
  readInput: () => text(process.stdin),
  // The server takes this process over, with its signals and its exit code.
  startServer: async () => void (await import(server)),
  onInterrupt(work) {
    const end = (signal: NodeJS.Signals) =>
      void work().finally(() => process.exit(128 + (constants.signals[signal] ?? 0)));
    process.once('SIGINT', end).once('SIGTERM', end);
    return () => void process.off('SIGINT', end).off('SIGTERM', end);
  },
};

// A reader that has seen enough (`latchkey license list | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const exitCode = await runProgram(host, process.argv.slice(2));
if (exitCode !== 0) process.exitCode = exitCode;
