import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { overageCharged, pass, periodOf, subscribeCaller, useBeyond } from '../../test/support/overage.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../test/support/overage.yaml', import.meta.url));

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());
afterEach(() => shop.endSubscriptions());

const metersTold = async () => {
  const { data } = await shop.stripe('GET', '/v1/billing/meters?limit=100');
  return data as { id: string; event_name: string }[];
};

describe('use beyond a plan', () => {
  it('is told to Stripe while the period runs, and billed with the renewal, to the cent', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, caller, 'starter', 40);
    await pass(shop, { days: 3 });
    const meter = (await metersTold()).find(({ event_name: name }) => name.includes('_starter_'));
    const now = Math.floor(Date.now() / 60_000) * 60;
    const summaries = await shop.stripe(
      'GET',
      `/v1/billing/meters/${meter?.id}/event_summaries?customer=${caller.customer}&start_time=${now - 86_400}&end_time=${now + 40 * 86_400}`,
    );
    expect(summaries.data).toMatchObject([{ aggregated_value: 40 }]);
    await useBeyond(shop, caller, 'starter', 2);
    await pass(shop, { days: 30 });
    expect(await overageCharged(shop, caller)).toBe(42 * 3);
  });

  it('in the last moments of a period is on its invoice', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    const { end } = await periodOf(shop, caller);
    const now = Date.parse((await shop.vendor('GET', '/sandbox/time')).body.now);
    await useBeyond(shop, caller, 'starter', 5);
    await pass(shop, { seconds: Math.floor((end.getTime() - now) / 1_000) - 2 });
    await useBeyond(shop, caller, 'starter', 7);
    await pass(shop, { hours: 2 });
    expect(await overageCharged(shop, caller)).toBe(12 * 3);
  });

  it('is an amount on the renewal where no price is a decimal', async () => {
    const caller = await subscribeCaller(shop, 'team');
    await useBeyond(shop, caller, 'team', 100);
    await pass(shop, { days: 32 });
    expect(await overageCharged(shop, caller)).toBe(33);
  });

  it('of a period that was billed already is on the next invoice', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    const window = await periodOf(shop, caller);
    await useBeyond(shop, caller, 'starter', 10, window);
    await pass(shop, { days: 33 });
    expect(await overageCharged(shop, caller)).toBe(30);
    await useBeyond(shop, caller, 'starter', 3, window);
    await pass(shop, { days: 31 });
    expect(await overageCharged(shop, caller)).toBe(39);
  });

  it('is given back when it is corrected after it was billed', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    const window = await periodOf(shop, caller);
    await useBeyond(shop, caller, 'starter', 10, window);
    await pass(shop, { days: 33 });
    await useBeyond(shop, caller, 'starter', -4, window);
    await pass(shop, { days: 31 });
    expect(await overageCharged(shop, caller)).toBe(18);
  });

  it('that waits for the next invoice is billed, or given back, when the subscription ends before that', async () => {
    const [late, corrected] = [await subscribeCaller(shop, 'starter'), await subscribeCaller(shop, 'starter')];
    const windows = [await periodOf(shop, late), await periodOf(shop, corrected)];
    await useBeyond(shop, late, 'starter', 10, windows[0]);
    await useBeyond(shop, corrected, 'starter', 10, windows[1]);
    await pass(shop, { days: 33 });
    await useBeyond(shop, late, 'starter', 5, windows[0]);
    await useBeyond(shop, corrected, 'starter', -4, windows[1]);
    await pass(shop, { days: 1 });
    for (const { id } of [late, corrected]) await shop.vendor('POST', `/v1/subscriptions/${id}/cancel`, {});
    await pass(shop, { days: 2 });
    expect(await overageCharged(shop, late)).toBe(45);
    expect(await overageCharged(shop, corrected)).toBe(18);
  });

  it('is billed at the rate of its plan on both sides of an upgrade in mid-period', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, caller, 'starter', 20);
    await pass(shop, { days: 9 });
    const changed = await shop.vendor('POST', `/v1/subscriptions/${caller.id}/change`, { plan: 'pro' });
    expect(changed.status).toBe(200);
    await useBeyond(shop, caller, 'pro', 31);
    await pass(shop, { days: 1 });
    // Told late, of the time before.
    await useBeyond(shop, caller, 'starter', 1);
    await pass(shop, { days: 24 });
    expect(await overageCharged(shop, caller)).toBe(63 + 16);
    const { items } = await shop.stripe('GET', `/v1/subscriptions/${caller.reference}`);
    expect(items.data.map(({ price }: { price: { metadata: object } }) => price.metadata)).toMatchObject([
      { latchkey_plan: 'pro' },
      { latchkey_plan: 'pro', latchkey_meter: 'calls' },
    ]);
  });

  it('up to a change of interval is billed too', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    const window = await periodOf(shop, caller);
    await useBeyond(shop, caller, 'starter', 20, window);
    await pass(shop, { days: 2 });
    await useBeyond(shop, caller, 'starter', 5, window);
    await shop.vendor('POST', `/v1/subscriptions/${caller.id}/change`, { plan: 'yearly' });
    await pass(shop, { hours: 3 });
    expect(await overageCharged(shop, caller)).toBe(75);
  });

  it.each([[{}], [{ at_period_end: true }]])('is billed when the subscription is canceled: %j', async (how) => {
    const caller = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, caller, 'starter', 15);
    await pass(shop, { days: 5 });
    await useBeyond(shop, caller, 'starter', 4);
    const canceled = await shop.vendor('POST', `/v1/subscriptions/${caller.id}/cancel`, how);
    expect(canceled.status).toBe(200);
    await pass(shop, { days: 33 });
    expect(await overageCharged(shop, caller)).toBe(57);
    const { data } = await shop.stripe('GET', `/v1/invoices?customer=${caller.customer}&limit=100`);
    expect(data.map(({ status }: { status: string }) => status)).toEqual(['paid', 'paid']);
  });

  it('during a trial is free', async () => {
    const caller = await subscribeCaller(shop, 'tried');
    await useBeyond(shop, caller, 'tried', 15);
    await pass(shop, { days: 15 });
    expect(await overageCharged(shop, caller)).toBe(0);
    await useBeyond(shop, caller, 'tried', 2);
    await pass(shop, { days: 32 });
    expect(await overageCharged(shop, caller)).toBe(14);
  });

  it('of a customer with two subscriptions is billed on its own, and once', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, caller, 'starter', 30);
    const { email } = await shop.stripe('GET', `/v1/customers/${caller.customer}`);
    const second = await shop.buy({ product: 'signals', plan: 'starter', email });
    expect(second.subscription).not.toBe(caller.reference);
    await pass(shop, { days: 33 });
    const other = { ...caller, customer: second.customer };
    const charged = await overageCharged(shop, caller);
    expect(charged + (second.customer === caller.customer ? 0 : await overageCharged(shop, other))).toBe(90);
  });
});
