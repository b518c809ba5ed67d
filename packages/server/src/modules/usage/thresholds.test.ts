import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const VENDOR = 'owner@vendor.example';
let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ ALERT_EMAIL: VENDOR });
});
afterAll(() => shop?.close());

let count = 0;
const issue = async (plan: string) => {
  const email = `user-${++count}@example.com`;
  const { body } = await shop.vendor('POST', '/v1/licenses', { product: 'investment-system', plan, email });
  return { id: body.id as string, key: body.key as string, email };
};
const event = (license: { key: string }, quantity = 1) => {
  count += 1;
  return { id: `use-${count}`, meter: 'calls', license_key: license.key, quantity };
};
const use = async (license: { key: string }, quantity: number): Promise<Wire> =>
  (await shop.vendor('POST', '/v1/usage', event(license, quantity))).body;
const letters = async (to: string): Promise<string[]> => {
  await shop.settle();
  const { body } = await shop.vendor('GET', `/sandbox/mail?to=${encodeURIComponent(to)}`);
  return body.map(({ subject }: Wire) => subject).filter((subject: string) => /API calls/.test(subject));
};
const told = async (license: { id: string }): Promise<Wire[]> => {
  const query = `subject_id=${license.id}&action=usage.threshold_reached`;
  const { body } = await shop.vendor('GET', `/v1/audit?${query}`);
  return body.data.map(({ detail }: Wire) => detail).reverse();
};

const MOST = '80 % of your API calls of Investment System are used';
const ALL = 'All API calls of Investment System are used';

describe('use of what is included', () => {
  it('is written of at 80 and at 100 percent, to the customer, and at a hard limit to the vendor', async () => {
    const license = await issue('free');
    await use(license, 79);
    expect(await letters(license.email)).toEqual([]);
    await use(license, 1);
    expect(await letters(license.email)).toEqual([MOST]);
    await use(license, 19);
    expect(await letters(license.email)).toEqual([MOST]);
    await use(license, 1);
    expect(await letters(license.email)).toEqual([ALL, MOST]);
    expect((await use(license, 1)).rejected).toMatchObject([{ code: 'limit_reached' }]);
    expect(await letters(license.email)).toHaveLength(2);
    expect(await told(license)).toMatchObject([
      { percent: 80, used: 80, included: 100, meter: 'calls', plan: 'free', limit: 'hard' },
      { percent: 100, used: 100 },
    ]);
    expect(await letters(VENDOR)).toEqual(['A customer of Investment System has used all API calls']);
  });

  it('is told of once, however many requests cross it at the same moment', async () => {
    const license = await issue('free');
    const events = Array.from({ length: 120 }, () => event(license));
    const answers = await Promise.all(events.map((one) => shop.vendor('POST', '/v1/usage', one)));
    expect(answers.filter(({ body }) => body.accepted === 1)).toHaveLength(100);
    const all = await letters(license.email);
    expect(all.filter((subject) => subject === ALL)).toHaveLength(1);
    expect(all.filter((subject) => subject === MOST).length).toBeLessThanOrEqual(1);
    const percents = (await told(license)).map(({ percent }) => percent);
    expect(new Set(percents).size).toBe(percents.length);
    expect(percents).toContain(100);
  });

  it('that goes beyond in one step is told of by the higher threshold alone, and not to the vendor where it is billed', async () => {
    const before = (await letters(VENDOR)).length;
    const license = await issue('starter');
    await use(license, 1_500);
    expect(await letters(license.email)).toEqual([ALL]);
    expect(await letters(VENDOR)).toHaveLength(before);
  });

  it('that is told of when its period is over is on record, and nobody is written to', async () => {
    const license = await issue('free');
    const at = shop.server.app.clock.now().toISOString();
    await shop.vendor('POST', '/sandbox/time/advance', { days: 33 });
    await shop.vendor('POST', '/v1/usage', { ...event(license, 90), at });
    expect(await told(license)).toMatchObject([{ percent: 80, used: 90 }]);
    expect(await letters(license.email)).toEqual([]);
  });

  it('is told of again in the next period', async () => {
    const license = await issue('free');
    await use(license, 85);
    await shop.vendor('POST', '/sandbox/time/advance', { days: 32 });
    await use(license, 85);
    expect(await letters(license.email)).toEqual([MOST, MOST]);
    const [one, other] = await told(license);
    expect(one?.starts_at).not.toBe(other?.starts_at);
  });
});

describe('what was recorded', () => {
  it('shows at once, by the hour and the route, and is what the events say', async () => {
    const license = await issue('starter');
    const properties = { method: 'GET', route: '/signals', duration_ms: 40, status: 200 };
    await shop.vendor('POST', '/v1/usage', [{ ...event(license, 3), properties }, event(license, 4)]);
    const mistake = event(license, 9);
    await shop.vendor('POST', '/v1/usage', mistake);
    const taken = { license_key: license.key, meter: 'calls', reverses: mistake.id, id: `undo-${mistake.id}` };
    expect((await shop.vendor('POST', '/v1/usage/corrections', taken)).status).toBeLessThan(300);
    const { body } = await shop.vendor('GET', `/v1/usage?license_id=${license.id}&by=hour&group=route`);
    const [series] = body.data;
    expect(series.total).toMatchObject({ events: 3, quantity: 7 });
    expect(series.period).toMatchObject({ used: 7, included: 1000, limit: 'overage' });
    expect(series.routes.map(({ route, quantity }: Wire) => [route, quantity])).toEqual([
      [null, 4],
      ['/signals', 3],
    ]);
    expect(series.routes[1].latency).toMatchObject({ timed: 1, p99_ms: 40 });
    const now = shop.server.app.clock.now().getTime();
    const from = new Date(now - 50 * 86_400_000).toISOString();
    const proof = await shop.vendor('POST', '/v1/analytics/usage/proof', { from });
    expect(proof.body).toMatchObject({ equal: true, discrepancies: [] });
    expect(proof.body.hours).toBeGreaterThan(3);
  });
});
