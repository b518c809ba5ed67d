import { execFile, spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type App, createApp } from '../../../../../examples/redline2/app/app.ts';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const run = promisify(execFile);
const hasCurl = spawnSync('curl', ['--version']).status === 0;
const example = (name: string) => fileURLToPath(new URL(`../../../../../examples/redline2/${name}`, import.meta.url));

let shop: Shop;
let program: App;
let address: string;

async function begin(): Promise<void> {
  program = createApp({ latchkey: { url: shop.server.url } });
  address = await program.app.listen({ port: 0, host: '127.0.0.1' });
}

beforeAll(async () => {
  shop = await openShop();
  await begin();
});
afterAll(async () => {
  await program?.close();
  await shop?.close();
});

async function keyWith(hours?: number): Promise<string> {
  const { body } = await shop.vendor('POST', '/api/licenses', { email: 'user@example.com', hours });
  return body.license_key;
}
const balance = async (license_key: string) =>
  (await shop.call('GET', `/payments/balance?license_key=${license_key}`, null)).body;
async function ask(path: string, init: RequestInit = {}) {
  const answer = await fetch(`${address}${path}`, init);
  return { status: answer.status, session: answer.headers.get('x-session-id'), body: (await answer.json()) as Wire };
}
const upload = (body: object) =>
  ask('/api/upload', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });

describe('a program whose time is paid for', () => {
  it('knows the key from header, query or body: one session for each key, told in a header [R5]', async () => {
    const [key, other] = [await keyWith(10), await keyWith(10)];
    const byHeader = await ask('/api/status', { headers: { 'x-license-key': key } });
    expect(byHeader).toMatchObject({ status: 200, body: { status: 'running' } });
    expect(byHeader.session).toMatch(/^uses_/);
    expect((await ask(`/api/status?license_key=${key}`)).session).toBe(byHeader.session);
    const byBody = await upload({ license_key: key, name: 'prices', rows: [1, 2, 3] });
    expect(byBody).toEqual({ status: 201, session: byHeader.session, body: { name: 'prices', rows: 3 } });
    const another = await ask('/api/status', { headers: { 'x-license-key': other } });
    expect(another.session).not.toBe(byHeader.session);
  });

  it('works without a key, and then counts nothing [R5]', async () => {
    expect(await ask('/api/status')).toMatchObject({ status: 200, session: null });
    expect(await upload({ rows: [] })).toMatchObject({ status: 201, session: null });
  });

  it('says 402 where no hours are left, and 401 to a key that there is not [R5]', async () => {
    const empty = await keyWith();
    expect(await ask(`/api/status?license_key=${empty}`)).toMatchObject({
      status: 402,
      body: { error: expect.any(String), code: 'insufficient_balance' },
    });
    expect((await ask('/api/status?license_key=RL-00000000-00000000-00000000')).status).toBe(401);
  });

  it('deducts each interval of five minutes, and the remainder when it stops [R5]', async () => {
    const key = await keyWith(10);
    await ask('/api/status', { headers: { 'x-license-key': key } });
    expect(await balance(key)).toMatchObject({ hours_remaining: 10, used_hours: 0 });
    await shop.vendor('POST', '/sandbox/time/advance', { minutes: 12 });
    await program.close();
    const { used_hours } = await balance(key);
    // Twelve minutes, and what the test itself takes.
    expect(used_hours).toBeGreaterThanOrEqual(0.2);
    expect(used_hours).toBeLessThan(0.21);
    const statement = await shop.vendor(
      'GET',
      `/v1/balances/statement?license_id=${(await licenseOf(key)).id}&meter=hours`,
    );
    const used = (statement.body.data as Wire[]).filter(({ kind }) => kind === 'consume');
    // The newest first; hours are told to the millionth.
    expect(used.map(({ quantity }) => quantity)).toEqual([expect.closeTo(used_hours - 1 / 6, 5), 0.083333, 0.083333]);
    await begin();
  });

  async function licenseOf(key: string): Promise<Wire> {
    return (await shop.call('POST', '/v1/licenses/validate', null, { key })).body.license;
  }
});

describe('a program in a process of its own', () => {
  it('finds its licence server by LICENSE_SERVER_URL, and counts its last minutes when it is told to stop [R9] [R5]', async () => {
    const key = await keyWith(1);
    const child = spawn(process.execPath, [example('app/main.ts')], {
      env: { ...process.env, LICENSE_SERVER_URL: shop.server.url, PORT: '0' },
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const ready = await new Promise<string>((resolve, reject) => {
      child.stdout.once('data', (said: Buffer) => resolve(String(said)));
      child.stderr.once('data', (said: Buffer) => reject(new Error(String(said))));
    });
    expect(ready).toContain(shop.server.url);
    const url = /at (http:\S+);/.exec(ready)?.[1] ?? '';
    const answer = await fetch(`${url}/api/status`, { headers: { 'x-license-key': key } });
    expect(answer.headers.get('x-session-id')).toMatch(/^uses_/);
    await shop.vendor('POST', '/sandbox/time/advance', { minutes: 3 });
    child.kill('SIGTERM');
    expect(await ended).toBe(0);
    const { used_hours } = await balance(key);
    expect(used_hours).toBeGreaterThanOrEqual(0.05);
    expect(used_hours).toBeLessThan(0.06);
  });

  it.skipIf(!hasCurl)(
    'and the calls of the document, as a shell makes them, are answered as documented [R2] [R3]',
    async () => {
      const env = { ...process.env, BASE: shop.server.url, APP: address, TOKEN: shop.server.app.adminToken.token };
      const { stdout } = await run('bash', [example('calls.sh')], { env });
      expect(stdout.trim().split('\n')).toHaveLength(17);
    },
  );
});
