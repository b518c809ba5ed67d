import { afterEach, describe, expect, it, vi } from 'vitest';
import { startProcess, type TestProcess } from './processes.ts';

const started: TestProcess[] = [];
afterEach(() => Promise.all(started.splice(0).map((one) => one.kill())));

function talker(mode: string): TestProcess {
  const one = startProcess({ file: 'test/support/fixtures/talker.ts', args: [mode] });
  started.push(one);
  return one;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('a process under test', () => {
  it('is waited for by a whole line of its output, also when the line is already there', async () => {
    const one = talker('polite');
    const match = await one.waitForLine(/^hello from (\d+)$/);
    expect(Number(match[1])).toBe(one.pid);
    await expect(one.waitForLine(/^hello/)).resolves.toMatchObject({ 0: 'hello' });
  });

  it('ends by SIGTERM with its own exit code', async () => {
    const one = talker('polite');
    await one.waitForLine(/hello/);
    await one.waitForLine(/secret/);
    expect(await one.stop()).toEqual({ code: 3, signal: null });
    expect(isAlive(one.pid)).toBe(false);
  });

  it('is killed, and the wait fails, when it does not end in time', async () => {
    const one = talker('deaf');
    await one.waitForLine(/secret/);
    await expect(one.stop('SIGTERM', 300)).rejects.toThrow(/had not ended 300 ms after SIGTERM.*not now/s);
    await one.exited;
    expect(isAlive(one.pid)).toBe(false);
  });

  it('that ends early fails the wait at once and shows what it wrote', async () => {
    const one = talker('quits');
    await expect(one.waitForLine(/never/)).rejects.toThrow(/it ended.*hello from/s);
    expect(await one.exited).toEqual({ code: 7, signal: null });
  });

  it('ends when the process that started it is killed outright', async () => {
    const host = startProcess({ file: 'test/support/fixtures/host.ts' });
    started.push(host);
    const pid = Number((await host.waitForLine(/^started (\d+)$/))[1]);
    expect(isAlive(pid)).toBe(true);
    await host.kill();
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 5_000 });
  });

  it('sees none of the environment of the tests', async () => {
    process.env.LATCHKEY_TEST_LEAK = 'visible';
    const one = talker('polite');
    delete process.env.LATCHKEY_TEST_LEAK;
    await expect(one.waitForLine(/^secret is absent$/)).resolves.toBeTruthy();
  });
});
