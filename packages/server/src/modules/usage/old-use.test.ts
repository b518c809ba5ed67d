import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
let license: { id: string; key: string };
let began: string;

beforeAll(async () => {
  shop = await openShop({ USAGE_EVENTS_KEEP_MONTHS: '3' });
  const { body } = await shop.vendor('POST', '/v1/licenses', { product: 'investment-system', plan: 'pro' });
  license = { id: body.id, key: body.key };
  began = now();
});
afterAll(() => shop?.close());

const now = () => shop.server.app.clock.now().toISOString();
const advance = (span: object) => shop.vendor('POST', '/sandbox/time/advance', span);
const record = async (id: string, quantity: number): Promise<Wire> =>
  (await shop.vendor('POST', '/v1/usage', { id, meter: 'calls', license_key: license.key, quantity })).body;
const reserve = async (): Promise<string> => {
  const asked = { meter: 'calls', license_key: license.key, quantity: 5, reserve: true, hold_seconds: 60 };
  return (await shop.vendor('POST', '/v1/usage/check', asked)).body.reservation_id;
};
const end = async (id: string, how: 'finalize' | 'release'): Promise<[number, string]> => {
  const { status, body } = await shop.vendor('POST', `/v1/reservations/${id}/${how}`, {});
  return [status, body.code];
};

describe('reservations that are over', () => {
  it('are answered as they were for 35 days, and then no more, while the books stay proven', async () => {
    const [used, given, lapsed] = [await reserve(), await reserve(), await reserve()];
    expect(await end(used, 'finalize')).toEqual([200, 'done']);
    expect(await end(given, 'release')).toEqual([200, 'done']);
    await advance({ days: 34 });
    await shop.server.app.usageRetention.removeReservations();
    expect(await end(used, 'finalize')).toEqual([200, 'exists']);
    expect(await end(given, 'release')).toEqual([200, 'exists']);
    expect(await end(lapsed, 'finalize')).toEqual([409, 'reservation_closed']);

    await advance({ days: 2 });
    const young = await reserve();
    await shop.server.app.usageRetention.removeReservations();
    for (const id of [used, given, lapsed]) expect(await end(id, 'finalize')).toEqual([404, 'resource_missing']);
    expect(await end(young, 'finalize')).toEqual([200, 'done']);
    const { body } = await shop.vendor('GET', '/v1/ledger/proof');
    expect(body).toMatchObject({ balanced: true, discrepancies: [] });
  });
});

describe('events that are no longer kept', () => {
  it('are still in every series, are no difference to the proof, and are said to be gone where they would be needed', async () => {
    await record('kept', 3);
    const series = async (by: string, to: string) => {
      const query = new URLSearchParams({
        license_id: license.id,
        meter: 'calls',
        from: began,
        to,
        by,
        group: 'route',
      });
      const { status, body } = await shop.vendor('GET', `/v1/usage?${query}`);
      expect(status).toBe(200);
      return body.data;
    };
    const soon = now();
    const until = new Date(Date.parse(soon) + 3_600_000).toISOString();
    const before = { days: await series('day', until), hours: await series('hour', until) };
    expect(before.days[0].total).toMatchObject({ quantity: 13, events: 3 });

    await advance({ days: 150 });
    await record('later', 4);
    expect(await shop.server.app.usageRetention.dropEvents()).toBeGreaterThan(0);
    const after = { days: await series('day', until), hours: await series('hour', until) };
    const figures = (all: Wire) =>
      [all.days, all.hours].map(([{ slots, total, routes }]) => ({ slots, total, routes }));
    expect(figures(after)).toEqual(figures(before));

    const prove = (from: string, to: string) =>
      shop.vendor('POST', '/v1/analytics/usage/proof', { from, to, repair: true });
    expect(await prove(began, until)).toMatchObject({
      ...{
        status: 400,
        body: { code: 'invalid_request', path: 'to', detail: expect.stringContaining('were dropped') },
      },
    });
    const sixtyDaysAgo = new Date(Date.parse(now()) - 60 * 86_400_000).toISOString();
    const proven = await prove(sixtyDaysAgo, now());
    expect(proven.body).toMatchObject({ equal: true, hours: 1, discrepancies: [], repaired: 0 });
    expect(Date.parse(proven.body.events_from)).toBeGreaterThan(Date.parse(soon));
    expect(figures({ days: await series('day', until), hours: await series('hour', until) })).toEqual(figures(before));
    expect((await shop.vendor('GET', '/v1/ledger/proof')).body).toMatchObject({ balanced: true });
  });
});
