import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  // Short enough for a test, long enough to tell the steps apart.
  const patience = { timeoutMs: 400, retries: 1, retryDelayMs: 5, failuresToOpen: 4, openMs: 1_000 };
  shop = await openShop({}, { patience });
});

afterAll(async () => {
  await shop?.close();
});

const PRODUCT = 'infinite-server26';
const fail = (plan: object) => shop.control('/fail', plan);
const health = async () => (await shop.vendor('GET', '/health/billing')).body;
const subscriptionOf = async (id: string) => (await shop.vendor('GET', `/v1/subscriptions/${id}`)).body;
const listed = async (path: string): Promise<Wire[]> => (await shop.stripe('GET', path)).data;

/** Stripe answers again, and what was kept is carried out: at once, where it would wait minutes for its next attempt. */
async function isBack(): Promise<void> {
  const { stripe, database, intents, inbox, clock } = shop.server.app;
  await fail({ requests: 0 });
  const isOpen = async () => {
    if ((await stripe.accountId().catch(() => null)) === null) return 'away';
    for (const table of ['intents', 'inbox'] as const) {
      await database.connection
        .updateTable(table)
        .set({ next_attempt_at: clock.wall() })
        .where('next_attempt_at', 'is not', null)
        .execute();
    }
    intents.worker.wake();
    inbox.worker.wake();
    await shop.settle();
    // A request that Stripe left hanging holds its key until it is given up.
    return (await intents.lag()).open;
  };
  await expect.poll(isOpen, { timeout: 25_000, interval: 300 }).toBe(0);
  expect(await stripe.accountId()).toMatch(/^acct_/);
}

async function subscribed(email: string) {
  const session = await shop.buy({ product: PRODUCT, email });
  const [invoice] = await listed(`/v1/invoices?subscription=${session.subscription}`);
  return {
    subscription: session.subscription as string,
    customer: session.customer as string,
    invoice: invoice.id as string,
  };
}

describe.each([
  ['500', { status: 500 }],
  ['429', { status: 429 }],
  ['no answer', { status: 'timeout' }],
  ['a broken connection', { status: 'reset' }],
])('a Stripe that answers with %s', (name, fault) => {
  const mail = (part: string) => `${part}-${name.replaceAll(' ', '-')}@example.com`;

  it('loses nothing and charges nothing twice, whatever was asked of it meanwhile', async () => {
    const leaving = await subscribed(mail('leaving'));
    const refunded = await subscribed(mail('refunded'));
    const sessionsBefore = (await listed('/v1/checkout/sessions?limit=100')).length;
    // The payment is looked up before it is given back; only what changes something fails.
    await fail({ requests: 1_000, ...fault, match: { method: 'POST' } });

    const refund = shop.vendor('POST', '/v1/refunds', { invoice: refunded.invoice });
    await expect(refund).resolves.toMatchObject({ status: 503, body: { code: 'stripe_unavailable' } });
    const cancel = await shop.vendor('POST', `/v1/subscriptions/${leaving.subscription}/cancel`, {
      at_period_end: true,
    });
    expect(cancel.status).toBe(503);
    expect(Number(cancel.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const checkout = await shop.call('POST', '/v1/checkouts', null, { product: PRODUCT, email: mail('buyer') });
    expect({ status: checkout.status, code: checkout.body.code }).toEqual({ status: 503, code: 'stripe_unavailable' });
    expect(Number(checkout.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);

    // Reading goes on from what is known.
    expect(await subscriptionOf(leaving.subscription)).toMatchObject({ standing: 'current' });
    const licenses = await shop.vendor('GET', `/v1/licenses?product=${PRODUCT}`);
    expect(licenses.body.data.length).toBeGreaterThanOrEqual(2);
    expect(await health()).toMatchObject({ status: 'degraded', stripe: { status: 'degraded', circuit: 'open' } });

    await isBack();
    expect(await health()).toMatchObject({ stripe: { status: 'healthy', circuit: 'closed' } });
    expect(await subscriptionOf(leaving.subscription)).toMatchObject({
      standing: 'current',
      cancel_at: expect.any(String),
    });
    const [charge] = await listed(`/v1/charges?customer=${refunded.customer}`);
    expect(charge).toMatchObject({ amount: 2500, amount_refunded: 2500 });
    const refunds = await listed(`/v1/refunds?charge=${charge.id}`);
    expect(refunds.map(({ amount }) => amount)).toEqual([2500]);
    // A page that nobody was shown is not made afterwards.
    const sessionsAfter = (await listed('/v1/checkout/sessions?limit=100')).length;
    expect(sessionsAfter).toBe(sessionsBefore);
    const again = await shop.call('POST', '/v1/checkouts', null, { product: PRODUCT, email: mail('buyer') });
    expect(again.status).toBe(201);
  });

  it('takes over a renewal that happened meanwhile, once, and a change of mind wins over what was kept', async () => {
    const { subscription, customer } = await subscribed(mail('renewing'));
    const before = await subscriptionOf(subscription);
    await fail({ requests: 1_000, ...fault });
    await shop.vendor('POST', `/v1/subscriptions/${subscription}/cancel`, { at_period_end: true });
    await shop.vendor('POST', `/v1/subscriptions/${subscription}/resume`);
    await fail({ requests: 0 });
    await isBack();
    await fail({ requests: 1_000, ...fault });
    // Stripe charges and delivers by itself; only its answers to us fail.
    const advance = shop.vendor('POST', '/sandbox/time/advance', { days: 32 });
    await isBack();
    await advance;
    await shop.settle();
    const after = await subscriptionOf(subscription);
    expect(after).toMatchObject({ standing: 'current', cancel_at: null });
    expect(Date.parse(after.current_period_end)).toBeGreaterThan(Date.parse(before.current_period_end));
    const invoices = await listed(`/v1/invoices?subscription=${subscription}`);
    expect(invoices.map(({ status, amount_paid }) => `${status} ${amount_paid}`)).toEqual(['paid 2500', 'paid 2500']);
    const charges = await listed(`/v1/charges?customer=${customer}`);
    expect(charges.map(({ status }) => status)).toEqual(['succeeded', 'succeeded']);
  });
});
