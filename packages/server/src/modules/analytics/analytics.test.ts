import { dayMs, durationHistogram, hourMs, percentile } from '@latchkey/core';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';
import { writeEvents } from '../../../test/support/use.ts';
import { runProgram } from '../../cli/program.ts';
import type { CountedEvent } from '../usage/rollup.ts';

const PRODUCT = 'investment-system';

let shop: Shop;
/** The beginning of the day on which the test runs, by the domain's clock. */
let today: number;
const ada = { license: '', key: '', customer: '', account: '' };
const bob = { license: '', key: '', customer: '', account: '' };

beforeAll(async () => {
  shop = await openShop();
  const { app } = shop.server;
  // Before noon, so that no test runs over an hour's end; and far enough into a month to look back.
  const now = app.clock.now();
  const target = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 20, 11, 30);
  await shop.vendor('POST', '/sandbox/time/advance', { seconds: Math.floor((target - now.getTime()) / 1_000) });
  today = Math.floor(app.clock.now().getTime() / dayMs) * dayMs;
  for (const [who, name] of [
    [ada, 'ada'],
    [bob, 'bob'],
  ] as const) {
    const body = { product: PRODUCT, plan: 'starter', email: `${name}@example.com` };
    const { body: license } = await shop.vendor('POST', '/v1/licenses', body);
    who.license = license.id;
    who.key = license.key;
    who.customer = license.customer_id;
    who.account = `license/${license.id}/${PRODUCT}/calls`;
    await sql`INSERT INTO ledger_accounts (id, license_id, product, meter, created_at)
      VALUES (${who.account}, ${license.id}, ${PRODUCT}, 'calls', now()) ON CONFLICT DO NOTHING`.execute(
      app.database.connection,
    );
  }
  await record();
});
afterAll(() => shop?.close());

/** A fortnight in which Ada uses one call more each day, at 09:00, and Bob ten a day; and this morning’s requests of Ada. */
async function record(): Promise<void> {
  const events: CountedEvent[] = [];
  const use = (account: string, at: number, quantity: number, more: Partial<CountedEvent> = {}) =>
    events.push({
      ...{ account, at, quantity, covered: quantity, overage: 0, uncovered: 0, reverses: null },
      ...{ method: 'GET', route: '/signals', durationMs: null, status: 200, ...more },
    });
  for (let day = 1; day <= 14; day++) {
    use(ada.account, today - (15 - day) * dayMs + 9 * hourMs, day);
    use(bob.account, today - (15 - day) * dayMs + 10 * hourMs, 10, { route: '/export/csv', durationMs: 200 });
  }
  for (const durationMs of durations)
    use(ada.account, today + 9 * hourMs, 1, { durationMs, route: '/signals/history/:symbol' });
  use(ada.account, today + 9 * hourMs, 5, { status: 503, method: null, route: null, covered: 2, overage: 3 });
  use(ada.account, today + 9 * hourMs, -2, { reverses: 'evt_1', method: null, route: null, covered: 0, overage: -2 });
  await writeEvents(shop.server.app.database, events);
}

const durations = [12, 15, 20, 25, 30, 90, 120, 450, 900, 4_000];
const totalOfAda = (14 * 15) / 2 + durations.length + 3;

const series = async (query: string, token: string | null = shop.server.app.adminToken.token): Promise<Wire> =>
  (await shop.call('GET', `/v1/usage?${query}`, token)).body;
const day = (offset: number) => new Date(today + offset * dayMs).toISOString();

describe('a series of use', () => {
  it('has a figure for every day, whose sum is the whole, and where it is going [V7]', async () => {
    const { data, by, to } = await series(`license_id=${ada.license}`);
    const [one] = data;
    expect([data.length, by, to]).toEqual([1, 'day', new Date(today + 12 * hourMs).toISOString()]);
    expect(one).toMatchObject({ product: PRODUCT, meter: 'calls', unit: 'call', license_id: ada.license });
    expect(one.slots).toHaveLength(30);
    expect(one.slots.slice(-15).map(({ quantity }: Wire) => quantity)).toEqual([
      ...Array.from({ length: 14 }, (_, index) => index + 1),
      durations.length + 3,
    ]);
    expect(one.slots[0]).toEqual({
      ...{ start: day(-29), end: day(-28), events: 0, failed: 0, quantity: 0, covered: 0, overage: 0, uncovered: 0 },
    });
    // A correction changes quantities and is no event.
    expect(one.total).toMatchObject({ events: 14 + durations.length + 1, failed: 1, quantity: totalOfAda, overage: 1 });
    expect(one.trend).toMatchObject({ direction: 'rising' });
    const fortnight = await series(`license_id=${ada.license}&from=${day(-14)}&to=${day(0)}`);
    expect(fortnight.data[0].trend).toMatchObject({ per_slot: 1, direction: 'rising' });
  });

  it('can be had by the hour, by the month, and of a part of a day', async () => {
    const from = new Date(today + 8.5 * hourMs).toISOString();
    const [hours] = (await series(`license_id=${ada.license}&by=hour&from=${from}`)).data;
    expect(hours.slots.map(({ start, quantity }: Wire) => [start.slice(11, 16), quantity])).toEqual([
      ['08:00', 0],
      ['09:00', durations.length + 3],
      ['10:00', 0],
      ['11:00', 0],
    ]);
    const [months] = (await series(`license_id=${ada.license}&by=month`)).data;
    expect(months.slots).toHaveLength(12);
    expect(months.slots.at(-1).quantity).toBe(totalOfAda);
  });

  it('tells each route on its own, with how long its requests took [V7]', async () => {
    const [one] = (await series(`license_id=${ada.license}&group=route&from=${day(-1)}`)).data;
    const route = one.routes.find((each: Wire) => each.route === '/signals/history/:symbol');
    const histogram = durationHistogram(durations);
    expect(route).toMatchObject({
      method: 'GET',
      quantity: durations.length,
      latency: {
        timed: durations.length,
        mean_ms: Math.round(durations.reduce((sum, one) => sum + one, 0) / durations.length),
        p50_ms: percentile(histogram, 50),
        p99_ms: percentile(histogram, 99),
      },
    });
    expect(Math.abs(route.latency.p99_ms - 4_000)).toBeLessThanOrEqual(4_000 / 32);
    expect(route.slots.map(({ quantity }: Wire) => quantity)).toEqual([0, durations.length]);
    const unnamed = one.routes.find((each: Wire) => each.route === null);
    expect(unnamed).toMatchObject({ method: null, quantity: 3, overage: 1, latency: null });
    const sum = one.routes.reduce((total: number, each: Wire) => total + each.quantity, 0);
    expect(sum).toBe(one.total.quantity);
  });

  it('is for whoever holds the key, its owner and the vendor, and nobody else', async () => {
    const [adas, bobs] = await Promise.all([shop.tokenOf('ada'), shop.tokenOf('bob')]);
    expect((await series(`license_key=${ada.key}`, null)).data[0].total.quantity).toBe(totalOfAda);
    expect((await series('', adas)).data.map(({ license_id }: Wire) => license_id)).toEqual([ada.license]);
    expect((await series('', bobs)).data.map(({ license_id }: Wire) => license_id)).toEqual([bob.license]);
    expect(await series(`license_id=${ada.license}`, bobs)).toMatchObject({ status: 404 });
    expect(await series(`license_id=${ada.license}`, null)).toMatchObject({ status: 401 });
    expect(await series('')).toMatchObject({ status: 400, path: 'license_id' });
  });

  it.each([
    ['a time that is none', 'from=yesterday'],
    ['an end before its start', 'from=2026-05-02&to=2026-05-01'],
    ['more slots than one answer has', 'by=hour&from=2020-01-01'],
    ['slots of another length', 'by=week'],
    ['a group of another kind', 'group=customer'],
  ])('refuses %s', async (_, query) => {
    expect(await series(`license_id=${ada.license}&${query}`)).toMatchObject({ status: 400, code: 'invalid_request' });
  });

  it('is CSV where that is asked for, by the address or by what is accepted', async () => {
    const path = `${shop.server.url}/v1/usage?license_id=${ada.license}&from=${day(-1)}&group=route`;
    const authorization = `Bearer ${shop.server.app.adminToken.token}`;
    const byHeader = await fetch(path, { headers: { authorization, accept: 'text/csv, application/json' } });
    expect(byHeader.headers.get('content-type')).toContain('text/csv');
    const text = await byHeader.text();
    expect(text).toBe(await (await fetch(`${path}&format=csv`, { headers: { authorization } })).text());
    const [head = '', ...lines] = text.trimEnd().split('\r\n');
    expect(head.split(',').slice(0, 3)).toEqual(['product', 'meter', 'unit']);
    expect(lines).toHaveLength(3 * 2);
    expect(lines.some((line) => line.includes('/signals/history/:symbol'))).toBe(true);
  });
});

describe('the period that is running', () => {
  it('tells what it will come to at its end, and what that costs', async () => {
    const { connection } = shop.server.app.database;
    const [start, end] = [new Date(today - 10 * dayMs), new Date(today + 20.5 * dayMs)];
    const now = shop.server.app.clock.now();
    const share = (now.getTime() - start.getTime()) / (end.getTime() - start.getTime());
    await sql`INSERT INTO usage_windows (account_id, starts_at, ends_at, plan, limit_kind, included, recorded, created_at, updated_at)
      VALUES (${ada.account}, ${start}, ${end}, 'starter', 'overage', 1000, 600, now(), now())`.execute(connection);
    const [one] = (await series(`license_key=${ada.key}`, null)).data;
    const projected = Math.round(600 / share);
    expect(one.period).toEqual({
      starts_at: start.toISOString(),
      ends_at: end.toISOString(),
      plan: 'starter',
      used: 600,
      included: 1000,
      limit: 'overage',
      projected,
      projected_overage: projected - 1000,
      // The plan’s price of a call beyond: three cents.
      projected_overage_cents: (projected - 1000) * 3,
      currency: 'usd',
    });
    expect((await series(`license_key=${bob.key}`, null)).data[0].period).toBeNull();
  });
});

describe('everybody’s use', () => {
  const analytics = async (query = ''): Promise<Wire> =>
    (await shop.vendor('GET', `/v1/analytics/usage?product=${PRODUCT}${query}`)).body;

  it('is told by meter, day, route, customer and hour of the day, with percentiles and a projection [V7] [V11]', async () => {
    const { data, object, as_of } = await analytics();
    const [calls] = data;
    expect([object, data.length, calls.meter, calls.aggregation]).toEqual(['usage_analytics', 1, 'calls', 'sum']);
    expect(calls.total.quantity).toBe(totalOfAda + 140);
    expect(calls.slots.reduce((sum: number, { quantity }: Wire) => sum + quantity, 0)).toBe(calls.total.quantity);
    expect(calls.customers).toMatchObject([
      { customer_id: bob.customer, license_id: null, email: 'bob@example.com', quantity: 140 },
      { customer_id: ada.customer, email: 'ada@example.com', quantity: totalOfAda, overage: 1 },
    ]);
    expect(calls.routes[0]).toMatchObject({ method: 'GET', route: '/export/csv', quantity: 140 });
    expect(calls.routes[0].latency).toMatchObject({ timed: 14, mean_ms: 200 });
    expect(calls.latency.timed).toBe(14 + durations.length);
    expect(calls.hours_of_day.map(({ hour, quantity }: Wire) => [hour, quantity])).toEqual([
      [9, totalOfAda],
      [10, 140],
    ]);
    const { month } = calls;
    const passed = Date.parse(as_of) - Date.parse(month.starts_at);
    const whole = Date.parse(month.ends_at) - Date.parse(month.starts_at);
    expect(month.quantity).toBe(calls.total.quantity);
    expect(Math.abs(month.projected - (month.quantity * whole) / passed)).toBeLessThan(1);
  });

  it('names as many customers as are asked for, and the meters that are named', async () => {
    expect((await analytics('&top=1')).data[0].customers).toMatchObject([{ customer_id: bob.customer }]);
    expect((await analytics('&meter=miles')).data).toEqual([]);
    const { data } = (await shop.vendor('GET', '/v1/analytics/usage')).body;
    expect(data.map(({ product }: Wire) => product)).toContain('redline2');
  });

  it('is CSV that no spreadsheet takes for a formula', async () => {
    const authorization = `Bearer ${shop.server.app.adminToken.token}`;
    const csv = async (table: string) =>
      (
        await fetch(`${shop.server.url}/v1/analytics/usage?product=${PRODUCT}&format=csv&table=${table}`, {
          headers: { authorization },
        })
      ).text();
    expect((await csv('slots')).trimEnd().split('\r\n')).toHaveLength(31);
    expect(await csv('routes')).toMatch(/,GET,\/export\/csv,14,0,140,/);
    expect(await csv('customers')).toMatch(/,bob@example.com,14,0,140,/);
    const use = { account: bob.account, at: today + 9 * hourMs, quantity: 0, covered: 0, overage: 0, uncovered: 0 };
    const route = '=HYPERLINK("https://other.example")';
    const details = { method: null, route, durationMs: null, status: null, reverses: null };
    await writeEvents(shop.server.app.database, [{ ...use, ...details }]);
    expect(await csv('routes')).toContain(`,,"'=HYPERLINK(""https://other.example"")",1,0,0,`);
  });
});

describe('licences', () => {
  it('are counted by status, product and plan, and by when they end [V11]', async () => {
    const before = (await shop.vendor('GET', `/v1/analytics/licenses?product=${PRODUCT}`)).body;
    const expires_at = new Date(today + 5 * dayMs).toISOString();
    const soon = await shop.vendor('POST', '/v1/licenses', { product: PRODUCT, plan: 'pro', expires_at });
    const gone = await shop.vendor('POST', '/v1/licenses', { product: PRODUCT, plan: 'pro' });
    await shop.vendor('POST', `/v1/licenses/${gone.body.id}/revoke`, {});
    const { body } = await shop.vendor('GET', `/v1/analytics/licenses?product=${PRODUCT}`);
    expect([soon.status, body.total, body.active, body.revoked]).toEqual([201, before.total + 2, before.active + 1, 1]);
    expect(body.ending.days_7).toBe(before.ending.days_7 + 1);
    const pro = body.by_plan.find(({ plan }: Wire) => plan === 'pro');
    expect(pro).toMatchObject({ product: PRODUCT, total: 2, active: 1, revoked: 1, ending: { days_7: 1, days_30: 1 } });
    const statistics = (await shop.vendor('GET', '/v1/licenses/statistics')).body;
    const ofProduct = (await shop.vendor('GET', `/v1/licenses/statistics?product=${PRODUCT}`)).body;
    expect([ofProduct.total, ofProduct.revoked]).toEqual([body.total, body.revoked]);
    const all = (await shop.vendor('GET', '/v1/analytics/licenses')).body;
    expect([all.total, all.active + all.grace, all.revoked]).toEqual([
      statistics.total,
      statistics.active,
      statistics.revoked,
    ]);
  });
});

describe('on the command line', () => {
  async function latchkey(...argv: string[]) {
    const out: string[] = [];
    const exitCode = await runProgram(
      {
        environment: { LATCHKEY_URL: shop.server.url, ADMIN_TOKEN: shop.server.app.adminToken.token },
        directory: '/',
        color: false,
        out: (line) => out.push(line),
        err: (line) => out.push(line),
        readInput: async () => '',
        startServer: async () => {},
        onInterrupt: () => () => {},
      },
      argv,
    );
    return { exitCode, out: out.join('\n') };
  }

  it('use is shown of one, and of everybody', async () => {
    const one = await latchkey('usage', 'show', '--license', ada.license);
    expect(one.exitCode).toBe(0);
    expect(one.out).toContain(`investment-system calls of ${ada.license}\n${totalOfAda} call in 25 events, rising\n`);
    expect(one.out).toMatch(/GET +\/signals\/history\/:symbol +10 +0 +10/);
    const all = await latchkey('usage', 'show', '--product', PRODUCT, '--json');
    expect(JSON.parse(all.out)).toMatchObject({ object: 'usage_analytics', data: [{ meter: 'calls' }] });
    expect((await latchkey('usage', 'show', '--product', PRODUCT)).out).toMatch(/bob@example\.com +\d+ +0 +140/);
    expect((await latchkey('usage', 'show', '--license', 'a', '--customer', 'b')).exitCode).toBe(2);
  });

  it('revenue, licences and use are shown in one view [V11]', async () => {
    const { out, exitCode } = await latchkey('stats', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toMatchObject({
      revenue: { totals: [] },
      licenses: { active: expect.any(Number) },
      subscriptions: {},
      usage: { object: 'usage_analytics' },
    });
    const shown = (await latchkey('stats')).out;
    expect(shown).toMatch(/Licences[\s\S]*Subscriptions[\s\S]*Use[\s\S]*investment-system +calls/);
  });

  it('what is shown of use is held against its events, and put right', async () => {
    const { connection } = shop.server.app.database;
    const from = day(-20);
    expect(await latchkey('usage', 'prove', '--from', from)).toMatchObject({ exitCode: 0 });
    await sql`UPDATE usage_hours SET quantity = 11
      WHERE account_id = ${bob.account} AND hour < ${day(-13)}::timestamptz`.execute(connection);
    const wrong = await latchkey('usage', 'prove', '--from', from);
    expect([wrong.exitCode, wrong.out]).toEqual([1, expect.stringMatching(/Different[\s\S]*11 +10[\s\S]*--repair/)]);
    expect((await latchkey('usage', 'prove', '--from', from, '--repair')).exitCode).toBe(0);
    expect((await latchkey('usage', 'prove', '--from', '2020-01-01')).exitCode).toBe(1);
  });
});
