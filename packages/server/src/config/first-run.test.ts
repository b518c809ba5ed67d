import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSeededRandomness } from '../../test/support/ports.ts';
import { openFirstRun } from './first-run.ts';

const randomness = createSeededRandomness('first run');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-first-run-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('the secrets of an installation', () => {
  it('are made once and are the same at every later start', () => {
    const first = openFirstRun(folder, randomness);
    const made = [first.rootSecret(), first.sandboxWebhookSecret(), first.secretFor('LICENSE_MASTER_SECRET')];
    expect(first.adminToken().isNew).toBe(true);
    const token = first.adminToken();
    expect(token.isNew).toBe(false);
    const second = openFirstRun(folder, randomness);
    expect([second.rootSecret(), second.sandboxWebhookSecret(), second.secretFor('LICENSE_MASTER_SECRET')]).toEqual(
      made,
    );
    expect(second.adminToken()).toEqual(token);
    expect(new Set(made).size).toBe(3);
    expect(second.secretFor('MASTER_KEY')).toMatch(/^[0-9a-f]{64}$/);
  });

  it('can be read by their owner alone, even where the folder allowed more', () => {
    chmodSync(folder, 0o777);
    openFirstRun(folder, randomness).rootSecret();
    expect(statSync(join(folder, 'secrets.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['secrets.json']);
  });

  it('are not written before they are needed', () => {
    openFirstRun(join(folder, 'deeper'), randomness);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('that cannot be read stop the start instead of being made anew', () => {
    writeFileSync(join(folder, 'secrets.json'), '{"rootSecret": ');
    expect(() => openFirstRun(folder, randomness)).toThrow(/cannot be read/);
    expect(readFileSync(join(folder, 'secrets.json'), 'utf8')).toBe('{"rootSecret": ');
  });
});
