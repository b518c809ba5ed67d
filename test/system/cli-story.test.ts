import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startProcess } from '../support/processes.ts';

// The story as `npm run story` runs it on a bare clone: nothing runs, so it starts a sandbox of its own.
let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(join(tmpdir(), 'latchkey-story-test-'));
});
afterEach(() => rmSync(scratch, { recursive: true, force: true }));

function story(args: readonly string[] = []) {
  return startProcess({
    file: 'packages/server/src/cli/main.ts',
    args: ['story', ...args],
    // Nothing listens on port 1; the temporary data folder of the story's server goes where it can be counted.
    env: { PORT: '1', DATA_DIR: join(scratch, 'none'), TMPDIR: scratch },
  });
}

describe('the story of a customer', () => {
  it('is played to its end in under a minute, shows no key, and leaves nothing behind', async () => {
    const began = performance.now();
    const run = story();
    const { code } = await run.exited;
    const output = run.output();
    expect(output).toContain('every one was what it should be');
    expect(code).toBe(0);
    for (const said of ['TOO_MANY_MACHINES', 'FORGED', 'GRACE', 'SUSPENDED', 'REVOKED', '271 characters']) {
      expect(output).toContain(said);
    }
    expect(output).not.toMatch(/[0-9a-f]{16}-[0-9a-f]{16}/);
    expect(readdirSync(scratch)).toEqual([]);
    expect(performance.now() - began).toBeLessThan(60_000);
  }, 90_000);

  it('fails loudly where a step is not what it should be: which, what was expected, what was seen', async () => {
    const run = story(['--product', 'no-such-product']);
    const { code } = await run.exited;
    expect(code).toBe(1);
    expect(run.output()).toMatch(/Step 2 failed: The store\n {2}expected {2}a product .*\n {2}seen {6}.+/);
    expect(readdirSync(scratch)).toEqual([]);
  }, 90_000);

  it('ends its own server when it is interrupted', async () => {
    const run = story();
    await run.waitForLine(/The server is healthy/, 60_000);
    const { code } = await run.stop('SIGTERM', 15_000);
    expect(code).toBe(143);
    expect(readdirSync(scratch)).toEqual([]);
  }, 90_000);
});
