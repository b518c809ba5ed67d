import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ask, frameworks, type Handler, startApp, type TestApp } from '../../test/support/apps.ts';
import { startTestLatchkey, type TestLatchkey } from '../../test/support/latchkey.ts';
import { startLossyProxy } from '../../test/support/proxy.ts';
import { createClient } from '../client/client.ts';
import { createFileSpool } from '../node/file-spool.ts';
import { createUsageRecorder, type UsageRecorder } from '../usage/recorder.ts';
import { createLicenseGate } from './license-gate.ts';
import { createMetering, type Metering, type MeteringOptions } from './metering.ts';

const product = 'investment-system';
const costs = { '/signals': 1, 'GET /signals/history/:symbol': 2, '/upload': 3, '/missing': 1, '/broken': 5 };

let latchkey: TestLatchkey;
let license: { id: string; key: string };
let app: TestApp | null = null;
let metering: Metering | null = null;
let recorder: UsageRecorder | null = null;
let folder: string;

beforeAll(async () => {
  latchkey = await startTestLatchkey();
});

afterAll(() => latchkey?.remove());

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-metering-'));
  // A hundred calls a month, and none beyond.
  license = await latchkey.issue(product, { plan: 'free' });
});

afterEach(async () => {
  await app?.close();
  await metering?.close();
  await recorder?.close({ withinMs: 200 });
  app = null;
  metering = null;
  recorder = null;
  rmSync(folder, { recursive: true, force: true });
});

interface Start extends Partial<MeteringOptions> {
  framework?: (typeof frameworks)[number];
  handler?: Handler;
  url?: string;
  token?: string | undefined;
}

/** An app that meters what it serves, as a vendor would build it. */
async function start(options: Start = {}): Promise<string> {
  const { framework = 'fastify', handler, url = latchkey.url, token, ...more } = { token: latchkey.token, ...options };
  const client = createClient({ url, token });
  recorder = createUsageRecorder({ client, spool: await createFileSpool({ directory: folder }), delayMs: 20 });
  metering = createMetering({ client, recorder, meter: 'calls', costs, whenUnreachable: 'open', ...more });
  app = await startApp(framework, { metering }, handler);
  return app.url;
}

const withKey = (init: RequestInit = {}): RequestInit => ({ ...init, headers: { 'x-license-key': license.key } });

interface Standing {
  used: number;
  remaining: number;
  reserved: number;
  uncovered: number;
}

/** Where the licence stands, once everything is settled. */
async function standing(): Promise<Standing> {
  await metering?.close();
  expect(await recorder?.flush()).toBe(true);
  const query = { license_id: license.id, meter: 'calls' };
  const { data } = await latchkey.admin.request<{ data: Standing[] }>('GET', '/v1/usage/limits', { query });
  const [found] = data;
  if (found === undefined) throw new Error('no standing');
  return found;
}

describe.each(frameworks)('metering on %s', (framework) => {
  it('counts what each route costs, by its pattern, and says where the key stands [V3]', async () => {
    const url = await start({ framework });
    const first = await ask(`${url}/signals`, withKey());
    expect(first.status).toBe(200);
    expect(Object.fromEntries(first.headers)).toMatchObject({
      'x-usage-limit': '100',
      'x-usage-used': '1',
      'x-usage-remaining': '99',
      'ratelimit-policy': '"calls";q=100',
      ratelimit: expect.stringMatching(/^"calls";r=99;t=\d+$/),
    });
    const second = await ask(`${url}/signals/history/ACME`, withKey());
    expect(second.headers.get('x-usage-remaining')).toBe('97');
    expect((await ask(`${url}/free`, withKey())).headers.get('x-usage-limit')).toBeNull();
    expect(await standing()).toMatchObject({ used: 3, remaining: 97, reserved: 0 });
  });

  it('takes the key from the header, the query or the body, and counts nothing without one [V3]', async () => {
    const url = await start({ framework });
    const key = encodeURIComponent(license.key);
    const upload = (body: object) => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect((await ask(`${url}/signals?license_key=${key}`)).headers.get('x-usage-used')).toBe('1');
    expect((await ask(`${url}/upload`, upload({ license_key: license.key }))).headers.get('x-usage-used')).toBe('4');
    const nobody = await ask(`${url}/upload`, upload({ rows: [] }));
    expect([nobody.status, nobody.headers.get('x-usage-used')]).toEqual([200, null]);
    expect(await standing()).toMatchObject({ used: 4 });
  });

  it('admits exactly what is left, however many come at once [V3] [V7]', async () => {
    const url = await start({ framework, costs: { '/signals': 5 }, checkTimeoutMs: 30_000 });
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(`${url}/signals`, withKey())));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(20);
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(40);
    const [one] = refused;
    expect(one?.body).toMatchObject({ status: 429, code: 'limit_reached', requested: 5, limit: 100, remaining: 0 });
    expect(Object.fromEntries(one?.headers ?? [])).toMatchObject({
      'content-type': expect.stringContaining('application/problem+json'),
      'x-usage-remaining': '0',
      'retry-after': expect.stringMatching(/^[1-9]\d*$/),
    });
    expect(await standing()).toMatchObject({ used: 100, remaining: 0, reserved: 0, uncovered: 0 });
  });

  it('gives back what failed, and what found nothing', async () => {
    const url = await start({ framework });
    expect((await ask(`${url}/broken`, withKey())).status).toBe(500);
    expect((await ask(`${url}/missing`, withKey())).status).toBe(404);
    expect(await standing()).toMatchObject({ used: 0, remaining: 100, reserved: 0 });
  });

  it('counts what failed too, where that is wanted', async () => {
    const url = await start({ framework, charge: 'always' });
    await ask(`${url}/broken`, withKey());
    expect(await standing()).toMatchObject({ used: 5 });
  });

  it('is not got around by another spelling of the path, or by asking for the head alone', async () => {
    const url = await start({ framework });
    const spellings = [`${url}/signals?x=1`, `${url}/signals/history/a%2Fb`, `${url}/SIGNALS`, `${url}/signals/`];
    let expected = 0;
    for (const spelling of spellings) {
      const { status } = await ask(spelling, withKey());
      if (status === 200) expected += spelling.includes('history') ? 2 : 1;
    }
    await fetch(`${url}/signals`, withKey({ method: 'HEAD' }));
    expect(await standing()).toMatchObject({ used: expected + 1 });
  });

  it('refuses a key that nobody has, and one that is no longer in force', async () => {
    const url = await start({ framework });
    const unknown = await ask(`${url}/signals`, { headers: { 'x-license-key': 'INV-NOBODY' } });
    expect(unknown).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    await latchkey.admin.request('POST', `/v1/licenses/${license.id}/suspend`, { body: {} });
    expect(await ask(`${url}/signals`, withKey())).toMatchObject({ status: 403, body: { reason: 'SUSPENDED' } });
  });
});

describe('metering', () => {
  it('asks the app who calls, where keys are not how its customers are known', async () => {
    const url = await start({
      anonymous: 'refuse',
      identify: ({ header }) => (header('authorization') === 'Bearer mine' ? { license_id: license.id } : null),
    });
    const mine = await ask(`${url}/signals`, { headers: { authorization: 'Bearer mine' } });
    expect(mine.headers.get('x-usage-used')).toBe('1');
    expect(await ask(`${url}/signals`)).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });

  it('needs no token of the app’s where callers show their keys', async () => {
    const url = await start({ token: undefined });
    expect((await ask(`${url}/signals`, withKey())).status).toBe(200);
    expect((await ask(`${url}/broken`, withKey())).status).toBe(500);
    expect(await standing()).toMatchObject({ used: 1, remaining: 99, reserved: 0 });
  });

  it('says no in the app’s own words, where it has some', async () => {
    const present = () => ({ status: 418, body: { error: 'no more tea' } });
    const url = await start({ present, costs: { '/signals': 101 } });
    expect(await ask(`${url}/signals`, withKey())).toMatchObject({ status: 418, body: { error: 'no more tea' } });
  });

  it('tells the analytics route, method, status and time', async () => {
    const url = await start();
    await ask(`${url}/signals/history/ACME`, withKey());
    await standing();
    const row = await latchkey
      .server()
      .app.database.connection.selectFrom('usage_events')
      .selectAll()
      .orderBy('received_at', 'desc')
      .executeTakeFirst();
    expect(row).toMatchObject({ method: 'GET', route: '/signals/history/:symbol', status: 200 });
    expect(row?.duration_ms).toBeGreaterThanOrEqual(0);
  });

  it('counts use once whose answer got lost on the way', async () => {
    const proxy = await startLossyProxy(latchkey.url, (_method, path) => path.endsWith('/finalize'));
    const url = await start({ url: proxy.url });
    for (let call = 0; call < 5; call += 1) await ask(`${url}/signals`, withKey());
    expect(await standing()).toMatchObject({ used: 5, remaining: 95, reserved: 0 });
    expect(proxy.lost()).toBeGreaterThanOrEqual(5);
    await proxy.close();
  });
});

describe('while the server is away', () => {
  it('an app goes on, and catches up when it is back: nothing lost, nothing twice [V3]', async () => {
    const url = await start();
    for (let call = 0; call < 3; call += 1) await ask(`${url}/signals`, withKey());
    await metering?.close();
    await latchkey.stop();
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(`${url}/signals`, withKey())));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    await metering?.close();
    expect(recorder?.waiting).toBe(30);
    // The app is started anew as well: what it had not told is on disk.
    await app?.close();
    await recorder?.close({ withinMs: 50 });
    await latchkey.start();
    await start();
    expect(await standing()).toMatchObject({ used: 33, remaining: 67, uncovered: 0 });
    expect(recorder?.waiting).toBe(0);
  });

  it('an app that was told to be closed is, and says when to come back', async () => {
    const url = await start({ url: 'http://127.0.0.1:9', whenUnreachable: 'closed' });
    const refused = await ask(`${url}/signals`, withKey());
    expect(refused).toMatchObject({ status: 503, body: { code: 'unavailable' } });
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]/);
    expect((await ask(`${url}/free`)).status).toBe(200);
  });

  it('an app that was told to remember admits as much as it knew to be left', async () => {
    const url = await start({ whenUnreachable: 'cached', costs: { '/signals': 30 } });
    expect((await ask(`${url}/signals`, withKey())).headers.get('x-usage-remaining')).toBe('70');
    await metering?.close();
    await latchkey.stop();
    const statuses: number[] = [];
    for (let call = 0; call < 4; call += 1) statuses.push((await ask(`${url}/signals`, withKey())).status);
    expect(statuses).toEqual([200, 200, 429, 429]);
    // Nothing is known of somebody who was never there.
    const stranger = { headers: { 'x-license-key': 'INV-STRANGER' } };
    expect((await ask(`${url}/signals`, stranger)).status).toBe(503);
    await latchkey.start();
    expect(await standing()).toMatchObject({ used: 90, remaining: 10, uncovered: 0 });
  });
});

describe.each(frameworks)('a gate for licences on %s', (framework) => {
  it('lets keys in force through, and says why not of others', async () => {
    const client = createClient({ url: latchkey.url });
    const gate = createLicenseGate({ client, product, routes: ['/signals'], whenUnreachable: 'closed', freshForMs: 0 });
    app = await startApp(framework, { license: gate });
    const { url } = app;
    expect((await ask(`${url}/signals`, withKey())).status).toBe(200);
    expect((await ask(`${url}/free`)).status).toBe(200);
    expect((await ask(`${url}/signals`)).status).toBe(401);
    expect(await ask(`${url}/signals`, { headers: { 'x-license-key': 'INV-NOBODY' } })).toMatchObject({ status: 401 });
    await latchkey.admin.request('POST', `/v1/licenses/${license.id}/suspend`, { body: {} });
    expect(await ask(`${url}/signals`, withKey())).toMatchObject({ status: 403, body: { reason: 'SUSPENDED' } });
  });

  it('goes by what it remembers while the server is away, if it was told to', async () => {
    const client = createClient({ url: latchkey.url });
    const gate = createLicenseGate({ client, product, whenUnreachable: 'cached', freshForMs: 0 });
    app = await startApp(framework, { license: gate });
    expect((await ask(`${app.url}/signals`, withKey())).status).toBe(200);
    await latchkey.stop();
    expect((await ask(`${app.url}/signals`, withKey())).status).toBe(200);
    expect((await ask(`${app.url}/signals`, { headers: { 'x-license-key': 'INV-STRANGER' } })).status).toBe(503);
    await latchkey.start();
  });
});

describe('use that reached the server on two ways', () => {
  it.each(['record', 'finalize'])('is counted once, when %s was first', async (first) => {
    const { usage } = latchkey.admin;
    const whose = { license_id: license.id, meter: 'calls' };
    const { reservation_id } = await usage.check({ ...whose, quantity: 4, reserve: true });
    const record = () => usage.record([{ ...whose, id: 'evt_twice', quantity: 4, enforce: false }]);
    const finalize = () => usage.finalize(reservation_id ?? '', { id: 'evt_twice' });
    for (const way of first === 'record' ? [record, finalize] : [finalize, record]) await way();
    const query = { license_id: license.id, meter: 'calls' };
    const { data } = await latchkey.admin.request<{ data: Standing[] }>('GET', '/v1/usage/limits', { query });
    expect(data[0]).toMatchObject({ used: 4, remaining: 96, reserved: 0 });
  });
});

// Moves the server's clock: behind all others.
describe('a handler that is slow', () => {
  it('is counted though its reservation has run out meanwhile', async () => {
    let held = () => {};
    const isHeld = new Promise<void>((resolve) => {
      held = resolve;
    });
    let goOn = () => {};
    const mayGoOn = new Promise<void>((resolve) => {
      goOn = resolve;
    });
    const url = await start({
      holdSeconds: 60,
      handler: async () => {
        held();
        await mayGoOn;
      },
    });
    const slow = ask(`${url}/signals`, withKey());
    await isHeld;
    await latchkey.advance({ minutes: 2 });
    goOn();
    expect((await slow).status).toBe(200);
    expect(await standing()).toMatchObject({ used: 1, reserved: 0 });
  });
});
