import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { createTestClock, type TestClock } from '../../../test/support/ports.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = (id: string, parallel: string) => `
id: ${id}
name: ${id}
key: { scheme: random, prefix: ${id.slice(0, 2).toUpperCase()} }
plans:
  - { id: hourly, name: Hourly, price: null, license: { require_credit: hours, max_machines: -1 } }
meters:
  - { id: hours, name: Hours, unit: hour, kind: time }
timed_use: { meter: hours, interval_seconds: 300, parallel_sessions: ${parallel} }
`;

let shop: Shop;
let clock: TestClock;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-sessions-'));
  for (const parallel of ['allow', 'refuse'])
    writeFileSync(join(folder, `${parallel}.yaml`), CATALOG(parallel, parallel));
  clock = createTestClock(new Date());
  shop = await openShop({ CATALOG: join(folder, '*.yaml') }, { clock });
});

afterAll(async () => {
  await shop?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function licensed(product: string, hours: number): Promise<{ id: string; key: string }> {
  const { body } = await shop.vendor('POST', '/v1/licenses', { product });
  const grant = { license_id: body.id, meter: 'hours', quantity: hours, operation_key: 'given' };
  await shop.vendor('POST', '/v1/balances/grants', grant);
  return body;
}

const post = (path: string, body: object) => shop.call('POST', `/v1/usage-sessions${path}`, null, body);
const times = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)));
const balance = async (id: string): Promise<Wire> =>
  (await shop.vendor('GET', `/v1/balances?license_id=${id}&meter=hours`)).body.data[0];

describe('sessions that begin at the same moment', () => {
  it('are one, where two at a time are refused', async () => {
    const { key } = await licensed('refuse', 1);
    const answers = await times(20, () => post('', { license_key: key }));
    const codes = answers.map(({ status, body }) => (status === 201 ? 'begun' : body.code));
    expect(codes.filter((code) => code === 'begun')).toHaveLength(1);
    expect(codes.filter((code) => code === 'session_running')).toHaveLength(19);
    const { body } = answers.find(({ status }) => status === 201) ?? { body: {} };
    expect((await post('', { license_key: key })).body).toMatchObject({ code: 'session_running', session: body.id });
    // It is free again as soon as the other ends, or has vanished.
    clock.advance(15 * 60_000);
    expect((await post('', { license_key: key })).status).toBe(201);
  });

  it('are one for each name that the clients give them', async () => {
    const { key } = await licensed('allow', 1);
    const answers = await times(20, (index) => post('', { license_key: key, session_id: `client-${index % 4}` }));
    expect(new Set(answers.map(({ status }) => Math.floor(status / 100)))).toEqual(new Set([2]));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(4);
  });
});

describe('a session that is touched from everywhere at once', () => {
  it('deducts each interval once', async () => {
    const { id: license, key } = await licensed('allow', 10);
    const { id } = (await post('', { license_key: key })).body;
    for (let interval = 0; interval < 4; interval += 1) {
      clock.advance(5 * 60_000);
      await times(10, () => post(`/${id}/heartbeat`, { license_key: key }));
    }
    clock.advance(60_000);
    await times(10, (index) => post(`/${id}/${index % 2 === 0 ? 'end' : 'heartbeat'}`, { license_key: key }));
    const { body } = await shop.call('GET', `/v1/usage-sessions/${id}?license_key=${key}`, null);
    expect(body).toMatchObject({ code: 'ENDED', deductions: 5, used_seconds: 21 * 60, used: 0.35 });
    expect(await balance(license)).toMatchObject({ used: 0.35, available: 9.65 });
  });

  it('never takes more than there is, however many run on one balance', async () => {
    const { id: license, key } = await licensed('allow', 1);
    const begun = await times(10, () => post('', { license_key: key }));
    for (let interval = 0; interval < 3; interval += 1) {
      clock.advance(4 * 60_000);
      await times(10, (index) => post(`/${begun[index]?.body.id}/heartbeat`, { license_key: key }));
    }
    // Who only learns now that the others have used it up.
    await times(10, (index) => post(`/${begun[index]?.body.id}/heartbeat`, { license_key: key }));
    // Ten sessions of twelve minutes are two hours: there was one.
    expect(await balance(license)).toMatchObject({ used: 1, available: 0, granted: 1 });
    const { body } = await shop.call('GET', `/v1/usage-sessions?license_key=${key}`, null);
    const seconds = body.data.map(({ used_seconds: used }: Wire) => used);
    expect(seconds.reduce((sum: number, used: number) => sum + used, 0)).toBeCloseTo(3_600, 6);
    expect(new Set(body.data.map(({ code }: Wire) => code))).toEqual(new Set(['NO_CREDIT']));
    expect((await shop.vendor('GET', '/v1/ledger/proof?limit=1000')).body).toMatchObject({ balanced: true });
  });
});
