import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

// The launcher behind every npm script, with the smallest of our servers behind it.
const root = fileURLToPath(new URL('../..', import.meta.url));
let scratch: string;
const children: ChildProcess[] = [];
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'latchkey-launcher-'));
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  rmSync(scratch, { recursive: true, force: true });
});

interface Launched {
  child: ChildProcess;
  url: string;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Runs `npm run stripe` or the launcher itself, and waits until the local Stripe says where it is. */
function launch(command: string, args: string[]): Promise<Launched> {
  const options = ['--port', '0', '--state', join(scratch, 'state.sqlite'), '--admin-token', 'token'];
  const child = spawn(command, [...args, ...options], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  const ended: Launched['ended'] = new Promise((resolve) =>
    child.on('close', (code, signal) => resolve({ code, signal })),
  );
  return new Promise((resolve, reject) => {
    let output = '';
    const take = (text: string) => {
      output += text;
      const url = /Local Stripe\s+(http:\S+)/.exec(output)?.[1];
      if (url !== undefined) resolve({ child, url, ended });
    };
    child.stdout?.setEncoding('utf8').on('data', take);
    child.stderr?.setEncoding('utf8').on('data', take);
    void ended.then(() => reject(new Error(`it ended before it was ready: ${output}`)));
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    await fetch(url);
    return true;
  } catch {
    return false;
  }
}

describe('a server started through the launcher', () => {
  it('ends in order, with exit code 0, when the launcher is told to', async () => {
    const { child, url, ended } = await launch(process.execPath, ['tools/run.mjs', 'stripe']);
    expect(await answers(url)).toBe(true);
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(await answers(url)).toBe(false);
  });

  it('takes a signal that comes twice at once, as npm and a terminal send it, for one', async () => {
    const { child, ended } = await launch(process.execPath, ['tools/run.mjs', 'stripe']);
    child.kill('SIGINT');
    child.kill('SIGINT');
    expect(await ended).toEqual({ code: 0, signal: null });
  });

  it('ends when the launcher is killed outright', async () => {
    const { child, url } = await launch(process.execPath, ['tools/run.mjs', 'stripe']);
    child.kill('SIGKILL');
    await vi.waitFor(async () => expect(await answers(url)).toBe(false), { timeout: 10_000 });
  });

  it('ends when npm is told to, whatever shell npm runs it with', async () => {
    const { child, url, ended } = await launch('npm', ['run', 'stripe', '--']);
    child.kill('SIGTERM');
    await ended;
    await vi.waitFor(async () => expect(await answers(url)).toBe(false), { timeout: 10_000 });
  });
});

describe('the launcher', () => {
  it('passes on the exit code of what it ran, and refuses what it does not know', async () => {
    const run = (...args: string[]) =>
      new Promise<number | null>((resolve) => {
        const child = spawn(process.execPath, ['tools/run.mjs', ...args], { cwd: root, stdio: 'ignore' });
        child.on('close', (code) => resolve(code));
      });
    expect(await run('stripe', '--help')).toBe(0);
    expect(await run('stripe', '--no-such-option')).toBe(2);
    expect(await run('nonsense')).toBe(2);
  });
});
