import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { overageCharged, pass, subscribeCaller, useBeyond } from '../../test/support/overage.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../test/support/overage.yaml', import.meta.url));

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ CATALOG }, { patience: { retries: 1, retryDelayMs: 5, failuresToOpen: 1_000 } });
});
afterAll(() => shop?.close());
afterEach(() => shop.endSubscriptions());
afterEach(() => shop.control('/fail', { requests: 0 }));

const overageOf = async (subscription: string, more = '') =>
  (await shop.vendor('GET', `/v1/billing/overage?subscription=${subscription}${more}`)).body.data;

/** Gives back what waits for its next attempt, as time does. */
async function tryAgain(): Promise<void> {
  const { database, clock } = shop.server.app;
  await database.transaction({ actor: { type: 'system', id: 'test' } }, ({ connection }) =>
    connection
      .updateTable('intents')
      .set({ lease_until: null, next_attempt_at: clock.wall() })
      .where('status', '=', 'planned')
      .execute(),
  );
  shop.server.app.intents.worker.wake();
  await shop.settle();
}

describe('use beyond a plan, told', () => {
  it('is shown as computed, as told, and as Stripe has counted and billed it', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, caller, 'starter', 40);
    expect(await overageOf(caller.id)).toMatchObject([
      { status: 'open', steps: 40, cost_cents: 120, reported_steps: 0, counted_steps: null },
    ]);
    await pass(shop, { minutes: 1 });
    expect(await overageOf(caller.reference, '&stripe=true')).toMatchObject([
      { status: 'open', reported_steps: 40, metered_steps: 40, billed_cents: null, counted_steps: 40 },
    ]);
    await pass(shop, { days: 32 });
    expect(await overageOf(caller.id)).toMatchObject([{ status: 'billed', billed_cents: 120, itemized_cents: 0 }]);
    expect(await overageOf(caller.id, '&open=true')).toEqual([]);
    const { body } = await shop.vendor('GET', '/v1/analytics/revenue');
    expect(body.overage_revenue).toMatchObject([{ currency: 'usd', amount_cents: 120 }]);
    expect(body.totals).toMatchObject([{ mrr_cents: 2_900 }]);
    const { overage } = shop.server.app;
    expect(await overage.revenue(new Date(0), { product: 'signals' })).toMatchObject([{ currency: 'usd', cents: 120 }]);
    expect(await overage.revenue(new Date(0), { product: 'another' })).toEqual([]);
  });

  it('is listed page by page', async () => {
    const first = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, first, 'starter', 1);
    await useBeyond(shop, first, 'pro', 1);
    const page = (await shop.vendor('GET', `/v1/billing/overage?subscription=${first.id}&limit=1`)).body;
    expect(page).toMatchObject({ has_more: true, data: [{ plan: 'pro' }] });
    const next = await shop.vendor('GET', `/v1/billing/overage?subscription=${first.id}&limit=1&after=${page.next}`);
    expect(next.body).toMatchObject({ has_more: false, data: [{ plan: 'starter' }] });
    expect(await shop.vendor('GET', '/v1/billing/overage?after=nonsense')).toMatchObject({ status: 400 });
  });

  it.each([
    [{ status: 500 }],
    [{ status: 409 }],
    // Stripe has counted it, and its answer is lost.
    [{ status: 500, when: 'after' }],
    [{ status: 'reset', when: 'after' }],
  ])('is neither lost nor doubled when Stripe answers %j', async (fault) => {
    const caller = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, caller, 'starter', 25);
    await shop.control('/fail', { requests: 1_000, match: { path: '/v1/billing/meter_events' }, ...fault });
    await shop.server.app.overage.run();
    if (!('when' in fault)) {
      expect(await overageOf(caller.id)).toMatchObject([{ status: 'reporting', reported_steps: 0 }]);
    }
    await useBeyond(shop, caller, 'starter', 5);
    await shop.server.app.overage.run();
    await shop.control('/fail', { requests: 0 });
    await tryAgain();
    await pass(shop, { minutes: 11 });
    expect(await overageOf(caller.id, '&stripe=true')).toMatchObject([{ metered_steps: 30, counted_steps: 30 }]);
    await pass(shop, { days: 32 });
    expect(await overageCharged(shop, caller)).toBe(90);
  });

  it('as an amount is put on the invoice once when the answer was lost', async () => {
    const caller = await subscribeCaller(shop, 'team');
    await useBeyond(shop, caller, 'team', 100);
    await shop.vendor('POST', `/v1/subscriptions/${caller.id}/cancel`, {});
    await shop.settle();
    expect(await overageOf(caller.id)).toMatchObject([{ status: 'billed', itemized_cents: 33 }]);
    const other = await subscribeCaller(shop, 'team');
    await useBeyond(shop, other, 'team', 100);
    await shop.control('/fail', {
      ...{ requests: 1_000, status: 500, when: 'after', match: { method: 'POST', path: '/v1/invoiceitems' } },
    });
    await shop.vendor('POST', `/v1/subscriptions/${other.id}/cancel`, {});
    await shop.settle();
    expect(await overageOf(other.id)).toMatchObject([{ status: 'reporting' }]);
    await shop.control('/fail', { requests: 0 });
    await tryAgain();
    await pass(shop, { hours: 2 });
    expect(await overageCharged(shop, other)).toBe(33);
  });

  it('that Stripe’s meter would not take is an amount on the renewal', async () => {
    const caller = await subscribeCaller(shop, 'pro');
    const { data } = await shop.stripe('GET', '/v1/billing/meters?limit=100');
    const meter = data.find(({ event_name: name }: { event_name: string }) => name.includes('_pro_'));
    await useBeyond(shop, caller, 'pro', 10);
    await shop.stripe('POST', `/v1/billing/meters/${meter.id}/deactivate`, {});
    await shop.server.app.overage.run();
    await shop.stripe('POST', `/v1/billing/meters/${meter.id}/reactivate`, {});
    expect(await overageOf(caller.id)).toMatchObject([
      { status: 'open', refusal: expect.stringContaining('inactive') },
    ]);
    await pass(shop, { days: 32 });
    expect(await overageOf(caller.id)).toMatchObject([{ status: 'billed', metered_steps: 0, itemized_cents: 5 }]);
    expect(await overageCharged(shop, caller)).toBe(5);
  });

  it('is compared with Stripe’s meters by a reconciliation', async () => {
    const caller = await subscribeCaller(shop, 'starter');
    await useBeyond(shop, caller, 'starter', 8);
    await shop.server.app.overage.run();
    const found = async () =>
      (await shop.server.app.reconciler.run('report')).differences.filter(({ type }) => type === 'overage');
    expect(await found()).toEqual([]);
    const { data } = await shop.stripe('GET', '/v1/billing/meters?limit=100');
    const meter = data.find(({ event_name: name }: { event_name: string }) => name.includes('_starter_'));
    // Somebody else reports under the same name.
    await shop.stripe('POST', '/v1/billing/meter_events', {
      event_name: meter.event_name,
      'payload[stripe_customer_id]': caller.customer,
      'payload[value]': '5',
    });
    const differences = await found();
    expect(differences).toMatchObject([{ type: 'overage', problem: 'differs', fields: ['metered'], fixed: false }]);
    expect(differences[0]?.id).toContain(caller.license);
  });
});
