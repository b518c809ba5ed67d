import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { copyEmbeddedDatabase } from '../support/migrated-database.ts';
import { startProcess, type TestProcess } from '../support/processes.ts';

// The command line against a real server on the embedded database, with the token that the server's first start left behind.
const command = 'packages/server/src/cli/main.ts';
let folder: string;
let environment: Record<string, string>;
let server: TestProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-cli-test-'));
  await copyEmbeddedDatabase(folder);
  const [port, stripePort] = await freePorts();
  environment = { PORT: String(port), SANDBOX_PORT: String(stripePort), DATA_DIR: folder, LOG_LEVEL: 'warn' };
  server = startProcess({ file: command, args: ['start'], env: environment });
  await untilHealthy(`http://127.0.0.1:${port}/health`);
}, 90_000);
afterAll(async () => {
  await server?.stop('SIGTERM', 15_000);
  rmSync(folder, { recursive: true, force: true });
});

async function untilHealthy(url: string): Promise<void> {
  const deadline = Date.now() + 60_000;
  const ended = server.exited.then(() => true);
  for (;;) {
    const up = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (up) return;
    const pause = new Promise<boolean>((resolve) => setTimeout(resolve, 50, false));
    if ((await Promise.race([ended, pause])) || Date.now() > deadline) {
      throw new Error(`The server did not come up:\n${server.output()}`);
    }
  }
}

async function freePorts(): Promise<[number, number]> {
  const holders = [createServer(), createServer()];
  const ports: number[] = [];
  for (const holder of holders) {
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const address = holder.address();
    ports.push(typeof address === 'object' && address !== null ? address.port : 0);
  }
  await Promise.all(holders.map((holder) => new Promise((resolve) => holder.close(resolve))));
  return [ports[0] ?? 0, ports[1] ?? 0];
}

async function latchkey(...args: string[]): Promise<{ code: number | null; output: string }> {
  const run = startProcess({ file: command, args, env: environment });
  const { code } = await run.exited;
  return { code, output: run.output() };
}

async function json(...args: string[]): Promise<Record<string, unknown>> {
  const { code, output } = await latchkey(...args, '--json');
  expect(code, output).toBe(0);
  return JSON.parse(output);
}

describe('a licence from the command line', () => {
  it('is issued, activated, validated, withheld, given back, extended and revoked, and each no is exit code 1', async () => {
    const { id, key } = await json(
      'license',
      'issue',
      '--product',
      'infinite-server26',
      '--email',
      'a@example.com',
      '--show-key',
    );
    const license = String(id);
    const secret = String(key);
    expect(secret).toHaveLength(271);

    expect(await latchkey('license', 'activate', secret, '--machine', 'server_001')).toMatchObject({ code: 0 });
    const second = await latchkey('license', 'activate', secret, '--machine', 'server_002');
    expect(second).toMatchObject({ code: 1, output: expect.stringContaining('TOO_MANY_MACHINES') });
    expect(await latchkey('license', 'validate', secret, '--machine', 'server_001')).toMatchObject({ code: 0 });

    await json('license', 'suspend', license, '--reason', 'under review');
    const suspended = await latchkey('license', 'validate', secret);
    expect(suspended).toMatchObject({ code: 1, output: expect.stringMatching(/SUSPENDED.*under review/) });
    const refused = await latchkey('license', 'renew', license);
    expect(refused).toMatchObject({ code: 1, output: expect.stringContaining('license_state_conflict') });
    expect(await json('license', 'reinstate', license)).toMatchObject({ status: 'active' });

    const before = await json('license', 'show', license);
    const after = await json('license', 'renew', license);
    expect(Date.parse(String(after.expires_at)) - Date.parse(String(before.expires_at))).toBe(30 * 86_400_000);
    expect(await json('license', 'deactivate', secret, '--machine', 'server_001')).toMatchObject({ valid: true });
    expect(await json('license', 'revoke', license)).toMatchObject({ status: 'revoked' });
    const list = await latchkey('license', 'list', '--status', 'revoked');
    expect(list).toMatchObject({ code: 0, output: expect.stringContaining(license) });
    expect(list.output).not.toContain(secret);
  }, 120_000);
});

describe('everything else an operator looks at', () => {
  it.each([
    [['catalog', 'show'], 'infinite-server26'],
    [['catalog', 'push'], 'infinite-server26'],
    [['stats'], 'Subscriptions'],
    [['subscription', 'list'], ''],
    [['inbox', 'list'], ''],
    [['audit', 'list'], 'AT'],
    [['api-key', 'list'], ''],
    [['time', 'now'], 'T'],
  ])('%j answers', async (args, said) => {
    const { code, output } = await latchkey(...args);
    expect(code, output).toBe(0);
    expect(output).toContain(said);
  });

  it('an API key does what its scopes say until it is revoked', async () => {
    const created = await json('api-key', 'create', 'reader', '--scope', 'licenses:read');
    const token = String(created.key);
    expect(await latchkey('license', 'list', '--token', token)).toMatchObject({ code: 0 });
    const forbidden = await latchkey('stats', '--token', token);
    expect(forbidden).toMatchObject({ code: 1, output: expect.stringContaining('forbidden') });
    await json('api-key', 'revoke', String(created.id));
    const revoked = await latchkey('license', 'list', '--token', token);
    expect(revoked).toMatchObject({ code: 1, output: expect.stringContaining('unauthorized') });
  }, 60_000);

  it('time is moved, and what time it is then is said', async () => {
    const before = Date.parse((await latchkey('time', 'now')).output.trim());
    await json('time', 'advance', '1d', '2h');
    const after = Date.parse((await latchkey('time', 'now')).output.trim());
    expect(after - before).toBeGreaterThanOrEqual(26 * 3_600_000);
  }, 60_000);

  it('the embedded database cannot be migrated under a running server, which is said', async () => {
    const { code, output } = await latchkey('migrate');
    expect(code).toBe(1);
    expect(output).toContain('is in use by process');
  });
});
