import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
  createPrice,
  DAY,
  HOUR,
  latestInvoice,
  periodOf,
  stripeError,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
afterEach(() => test.close());

/** A subscription of $25 a month whose card has come to fail, and a price of $50. */
async function begin(card = 'pm_card_chargeCustomerFail', more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  const begun = await beginSubscription('pm_card_visa', {}, more);
  ({ test, stripe } = begun);
  const dearer = await createPrice(stripe, { interval: 'month' }, 5000);
  const { start, end } = periodOf(begun.subscription);
  const half = Math.round((start + end) / 2);
  await test.moveTo(half);
  await useCard(begun.customer.id, card);
  const upgrade = {
    items: [{ id: begun.subscription.items.data[0]?.id ?? '', price: dearer.id }],
    payment_behavior: 'pending_if_incomplete',
    proration_behavior: 'always_invoice',
    proration_date: half,
  } satisfies Stripe.SubscriptionUpdateParams;
  return { ...begun, dearer, upgrade, half, end };
}

async function useCard(customer: string, card: string) {
  await test.control('POST', `/customers/${customer}/payment_method`, { payment_method: card });
}

const get = (subscription: { id: string }) => stripe.subscriptions.retrieve(subscription.id);
const priceOf = (subscription: Stripe.Subscription) => subscription.items.data[0]?.price.id;
const invoiceOf = (subscription: Stripe.Subscription) => stripe.invoices.retrieve(String(subscription.latest_invoice));
async function eventsOf(type: string): Promise<number> {
  return (await stripe.events.list({ type: `customer.subscription.${type}` })).data.length;
}

describe('a change that waits for its payment', () => {
  it('happens at once when it is paid at once, without a word of waiting', async () => {
    const { subscription, upgrade, dearer } = await begin('pm_card_visa');
    const changed = await stripe.subscriptions.update(subscription.id, upgrade);
    expect(changed).toMatchObject({ status: 'active', pending_update: null });
    expect(priceOf(changed)).toBe(dearer.id);
    expect(await invoiceOf(changed)).toMatchObject({ status: 'paid', amount_paid: 1250, auto_advance: false });
    expect(await eventsOf('pending_update_applied')).toBe(0);
    await test.moveTo(periodOf(changed).end + HOUR);
    expect((await latestInvoice(stripe, subscription.id)).total).toBe(5000);
  });

  it('leaves the subscription as it is when it is declined, and shows what waits and until when', async () => {
    const { subscription, upgrade, dearer, price, customer } = await begin();
    const changed = await stripe.subscriptions.update(subscription.id, upgrade);
    expect(changed.status).toBe('active');
    expect(priceOf(changed)).toBe(price.id);
    expect(changed.pending_update?.subscription_items?.map((item) => item.price.id)).toEqual([dearer.id]);
    const now = await test.now();
    expect(Math.abs((changed.pending_update?.expires_at ?? 0) - now - 23 * HOUR)).toBeLessThanOrEqual(2);
    expect(await invoiceOf(changed)).toMatchObject({ status: 'open', amount_due: 1250, next_payment_attempt: null });
    expect(((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).delinquent).toBe(false);
  });

  it('happens when its invoice is paid after all', async () => {
    const { subscription, upgrade, dearer, customer, end } = await begin();
    const waiting = await stripe.subscriptions.update(subscription.id, upgrade);
    await test.moveTo((await test.now()) + 2 * HOUR);
    await useCard(customer.id, 'pm_card_visa');
    await stripe.invoices.pay(String(waiting.latest_invoice));
    const changed = await get(subscription);
    expect(changed).toMatchObject({ status: 'active', pending_update: null });
    expect(priceOf(changed)).toBe(dearer.id);
    expect(await eventsOf('pending_update_applied')).toBe(1);
    await test.moveTo(end + HOUR);
    expect((await latestInvoice(stripe, subscription.id)).total).toBe(5000);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(3);
    expect(await eventsOf('pending_update_expired')).toBe(0);
  });

  it('happens when the customer has answered the bank', async () => {
    const { subscription, upgrade, dearer } = await begin('pm_card_authenticationRequired');
    const waiting = await stripe.subscriptions.update(subscription.id, upgrade);
    expect(waiting.pending_update).not.toBeNull();
    const invoice = await stripe.invoices.retrieve(String(waiting.latest_invoice), {
      expand: ['payments.data.payment.payment_intent'],
    });
    const intent = invoice.payments?.data[0]?.payment.payment_intent as Stripe.PaymentIntent;
    expect(intent.status).toBe('requires_action');
    await test.control('POST', `/payment_intents/${intent.id}/authenticate`, { outcome: 'success' });
    expect(priceOf(await get(subscription))).toBe(dearer.id);
  });

  it('is dropped after 23 hours: the invoice is void, and nothing of it is ever charged', async () => {
    const { subscription, upgrade, price, customer, end } = await begin();
    const waiting = await stripe.subscriptions.update(subscription.id, upgrade);
    await test.moveTo((waiting.pending_update?.expires_at ?? 0) - 60);
    expect((await get(subscription)).pending_update).not.toBeNull();
    await test.moveTo(waiting.pending_update?.expires_at ?? 0);
    const dropped = await get(subscription);
    expect(dropped).toMatchObject({ status: 'active', pending_update: null });
    expect((await invoiceOf(waiting)).status).toBe('void');
    expect(await eventsOf('pending_update_expired')).toBe(1);
    expect((await stripe.invoiceItems.list({ customer: customer.id })).data).toEqual([]);
    await useCard(customer.id, 'pm_card_visa');
    await test.moveTo(end + HOUR);
    const renewed = await get(subscription);
    expect(priceOf(renewed)).toBe(price.id);
    expect((await latestInvoice(stripe, subscription.id)).lines.data.map((line) => line.amount)).toEqual([2500]);
  });

  it('ends with the period, when that ends before', async () => {
    const { subscription, upgrade, end, price } = await begin();
    await test.moveTo(end - HOUR);
    const waiting = await stripe.subscriptions.update(subscription.id, { ...upgrade, proration_date: end - HOUR });
    expect(waiting.pending_update?.expires_at).toBe(end);
    await test.moveTo(end);
    expect(await get(subscription)).toMatchObject({ pending_update: null });
    expect(priceOf(await get(subscription))).toBe(price.id);
    expect((await invoiceOf(waiting)).status).toBe('void');
  });

  it('gives what was pending before back when it is dropped by hand', async () => {
    const { subscription, upgrade, customer } = await begin();
    const mine = await stripe.invoiceItems.create({ customer: customer.id, amount: 300, currency: 'usd' });
    const waiting = await stripe.subscriptions.update(subscription.id, upgrade);
    expect((await invoiceOf(waiting)).amount_due).toBe(1550);
    await stripe.invoices.voidInvoice(String(waiting.latest_invoice));
    expect((await get(subscription)).pending_update).toBeNull();
    const left = await stripe.invoiceItems.list({ customer: customer.id, pending: true });
    expect(left.data.map((item) => item.id)).toEqual([mine.id]);
  });

  it('gives way to another change, and to the end of the subscription', async () => {
    const { subscription, upgrade, customer } = await begin();
    const first = await stripe.subscriptions.update(subscription.id, upgrade);
    const [entry] = upgrade.items;
    const items = [{ id: entry?.id ?? '', quantity: 3 }];
    const second = await stripe.subscriptions.update(subscription.id, { ...upgrade, items });
    expect((await invoiceOf(first)).status).toBe('void');
    expect(second.pending_update?.subscription_items?.[0]?.quantity).toBe(3);
    await stripe.subscriptions.cancel(subscription.id);
    expect(await get(subscription)).toMatchObject({ status: 'canceled', pending_update: null });
    expect((await invoiceOf(second)).status).toBe('void');
    expect((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data).toEqual([]);
  });

  it('can begin a new period, from the moment it was asked for', async () => {
    const { subscription, upgrade, customer } = await begin();
    const yearly = await createPrice(stripe, { interval: 'year' }, 20_000);
    const [entry] = upgrade.items;
    const waiting = await stripe.subscriptions.update(subscription.id, {
      ...upgrade,
      items: [{ id: entry?.id ?? '', price: yearly.id }],
    });
    expect(periodOf(waiting)).toEqual(periodOf(subscription));
    const asked = waiting.pending_update?.billing_cycle_anchor ?? 0;
    await test.moveTo(asked + DAY / 2);
    await useCard(customer.id, 'pm_card_visa');
    await stripe.invoices.pay(String(waiting.latest_invoice));
    const changed = await get(subscription);
    expect(periodOf(changed).start).toBe(asked);
    expect(changed.billing_cycle_anchor).toBe(asked);
    await test.moveTo(asked + 40 * DAY);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
  });

  it('by the items’ own calls, too', async () => {
    const { subscription, dearer } = await begin();
    const how = { payment_behavior: 'pending_if_incomplete', proration_behavior: 'always_invoice' } as const;
    const item = await stripe.subscriptionItems.create({ subscription: subscription.id, price: dearer.id, ...how });
    const waiting = await get(subscription);
    expect(waiting.items.data).toHaveLength(1);
    expect(waiting.pending_update?.subscription_items?.map((one) => one.id)).toContain(item.id);
  });

  it('under a schedule changes the current phase when it happens', async () => {
    const { subscription, upgrade, dearer, price, customer } = await begin();
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const current = async () => (await stripe.subscriptionSchedules.retrieve(schedule.id)).phases[0]?.items[0]?.price;
    const waiting = await stripe.subscriptions.update(subscription.id, upgrade);
    expect(await current()).toBe(price.id);
    await useCard(customer.id, 'pm_card_visa');
    await stripe.invoices.pay(String(waiting.latest_invoice));
    expect(await current()).toBe(dearer.id);
  });

  it('that needs no payment happens as ever', async () => {
    const { subscription, upgrade, dearer } = await begin();
    const changed = await stripe.subscriptions.update(subscription.id, { ...upgrade, proration_behavior: 'none' });
    expect(changed.pending_update).toBeNull();
    expect(priceOf(changed)).toBe(dearer.id);
  });

  it('is only about what is billed', async () => {
    const { subscription, upgrade, customer, price } = await begin();
    const named = { ...upgrade, metadata: { plan: 'pro' } };
    expect((await stripeError(stripe.subscriptions.update(subscription.id, named))).param).toBe('metadata');
    const start = stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      payment_behavior: 'pending_if_incomplete',
    });
    expect((await stripeError(start)).param).toBe('payment_behavior');
  });
});
