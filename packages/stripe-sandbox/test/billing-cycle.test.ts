import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createCustomer,
  createPrice,
  DAY,
  HOUR,
  latestInvoice,
  periodOf,
  startTestStripe,
  stripeError,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
afterEach(() => test.close());

const APRIL = Date.UTC(new Date().getUTCFullYear() + 1, 3, 1) / 1000;

/** On 1 April, with a price of $30 a month: a dollar a day until May. */
async function open() {
  test = await startTestStripe();
  stripe = test.stripe;
  await test.moveTo(APRIL);
  const customer = await createCustomer(stripe);
  const price = await createPrice(stripe, { interval: 'month' }, 3000);
  return { customer, price, items: [{ price: price.id }] };
}

const get = (subscription: { id: string }) => stripe.subscriptions.retrieve(subscription.id);
const amounts = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => line.amount);
const balanceOf = async (customer: string) => ((await stripe.customers.retrieve(customer)) as Stripe.Customer).balance;

/** The price of the seconds up to `end`, of a period that would be `whole` long. */
function worth(seconds: number, whole: number, price = 3000): number {
  return Math.floor((price * seconds) / whole + 0.5);
}

describe('a billing cycle that begins later', () => {
  const MAY = APRIL + 30 * DAY;
  const MID = APRIL + 15 * DAY;

  it('charges the days until then, by the second, and whole months from then on', async () => {
    const { customer, items } = await open();
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items,
      billing_cycle_anchor: MID,
    });
    const { start, end } = periodOf(subscription);
    expect([subscription.billing_cycle_anchor, end]).toEqual([MID, MID]);
    const march = 31 * DAY;
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(amounts(invoice)).toEqual([worth(MID - start, march)]);
    expect(invoice.lines.data[0]?.parent?.subscription_item_details?.proration).toBe(true);
    expect(invoice).toMatchObject({ status: 'paid', billing_reason: 'subscription_create' });
    await test.moveTo(MID + HOUR);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([3000]);
    expect(periodOf(await get(subscription)).end).toBe(MID + 30 * DAY);
  });

  it('gives back of those days what they cost, when something changes in them', async () => {
    const { customer, items, price } = await open();
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items, billing_cycle_anchor: MID });
    const at = MID - 5 * DAY;
    await test.moveTo(at);
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? '', price: price.id, quantity: 2 }],
      proration_behavior: 'always_invoice',
      proration_date: at,
    });
    const part = worth(5 * DAY, 31 * DAY);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([-part, worth(5 * DAY, 31 * DAY, 6000)]);
  });

  it('without proration is free until then, and there is no invoice', async () => {
    const { customer, items } = await open();
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items,
      billing_cycle_anchor: MID,
      proration_behavior: 'none',
    });
    expect(subscription).toMatchObject({ status: 'active', latest_invoice: null });
    expect((await stripe.invoices.list({ customer: customer.id })).data).toEqual([]);
    await test.moveTo(MID + HOUR);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ status: 'paid', amount_paid: 3000 });
  });

  it('is not in the past, nor later than the next natural one', async () => {
    const { customer, items } = await open();
    for (const anchor of [APRIL - DAY, MAY + 10 * DAY]) {
      const call = stripe.subscriptions.create({ customer: customer.id, items, billing_cycle_anchor: anchor });
      expect((await stripeError(call)).param).toBe('billing_cycle_anchor');
    }
  });
});

describe('a trial in a running subscription', () => {
  it('gives the unused time back as credit, and bills anew when it ends', async () => {
    const { customer, items } = await open();
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items });
    const { start, end } = periodOf(subscription);
    const at = start + 10 * DAY;
    await test.moveTo(at);
    const trialEnd = at + 14 * DAY;
    const details = { trial_end: trialEnd, proration_date: at };
    const preview = await stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: details,
    });
    const trialing = await stripe.subscriptions.update(subscription.id, details);
    expect(trialing).toMatchObject({ status: 'trialing', trial_end: trialEnd, billing_cycle_anchor: trialEnd });
    expect(periodOf(trialing).end).toBe(trialEnd);
    const invoice = await stripe.invoices.retrieve(String(trialing.latest_invoice));
    const back = -worth(end - at, end - start);
    expect(amounts(invoice)).toEqual([back, 0]);
    expect(amounts(preview)).toEqual(amounts(invoice));
    expect(invoice).toMatchObject({ status: 'paid', billing_reason: 'subscription_update' });
    expect(await balanceOf(customer.id)).toBe(back);
    await test.moveTo(trialEnd + HOUR);
    expect(await get(subscription)).toMatchObject({ status: 'active' });
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ total: 3000, amount_paid: 3000 + back });
  });

  it('without proration gives nothing back', async () => {
    const { customer, items } = await open();
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items });
    const trialing = await stripe.subscriptions.update(subscription.id, {
      trial_end: APRIL + 20 * DAY,
      proration_behavior: 'none',
    });
    expect(trialing.status).toBe('trialing');
    expect(await balanceOf(customer.id)).toBe(0);
  });

  it('is refused in the past and in what is not paid for; "now" changes nothing without one', async () => {
    const { customer, items } = await open();
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items });
    const past = stripe.subscriptions.update(subscription.id, { trial_end: APRIL - DAY });
    expect((await stripeError(past)).param).toBe('trial_end');
    const same = await stripe.subscriptions.update(subscription.id, { trial_end: 'now' });
    expect(same).toMatchObject({ status: 'active', latest_invoice: subscription.latest_invoice });
    const incomplete = await stripe.subscriptions.create({
      customer: customer.id,
      items,
      payment_behavior: 'default_incomplete',
    });
    const early = stripe.subscriptions.update(incomplete.id, { trial_end: APRIL + 20 * DAY });
    expect((await stripeError(early)).param).toBe('trial_end');
  });
});

describe('resuming a paused subscription', () => {
  /** Paused since its trial ended without a card. */
  async function pause(card: string | null) {
    const { items } = await open();
    const customer = await stripe.customers.create();
    const { id } = await stripe.subscriptions.create({
      customer: customer.id,
      items,
      trial_period_days: 5,
      trial_settings: { end_behavior: { missing_payment_method: 'pause' } },
    });
    await test.moveTo(APRIL + 10 * DAY);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('paused');
    if (card !== null) await test.control('POST', `/customers/${customer.id}/payment_method`, { payment_method: card });
    return { id, customer };
  }
  const resumedEvents = async () => (await stripe.events.list({ type: 'customer.subscription.resumed' })).data.length;

  it('tries the payment at once and runs on whatever comes of it', async () => {
    const { id } = await pause('pm_card_chargeCustomerFail');
    const resumed = await stripe.subscriptions.resume(id);
    expect(resumed.status).toBe('past_due');
    expect(resumed.status_details).toBeUndefined();
    expect(await resumedEvents()).toBe(1);
  });

  it('by a payment stays paused until somebody pays, and for 23 hours', async () => {
    const { id } = await pause('pm_card_visa');
    const how = { payment_behavior: 'resume_on_payment_success' } as const;
    const waiting = await stripe.subscriptions.resume(id, how);
    expect(waiting.status).toBe('paused');
    await test.moveTo(APRIL + 12 * DAY);
    expect((await latestInvoice(stripe, id)).status).toBe('void');
    const again = await stripe.subscriptions.resume(id, how);
    await stripe.invoices.pay(String(again.latest_invoice));
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('active');
    expect(await resumedEvents()).toBe(1);
  });

  it.each([
    ['create_prorations', 1],
    ['always_invoice', 0],
    ['none', 0],
  ] as const)('in its old cycle with %s charges what is left of the month, or not', async (behavior, pending) => {
    const { id, customer } = await pause('pm_card_visa');
    const before = await stripe.subscriptions.retrieve(id);
    const resumed = await stripe.subscriptions.resume(id, {
      billing_cycle_anchor: { type: 'unchanged' },
      proration_behavior: behavior,
      proration_date: APRIL + 10 * DAY,
    });
    expect(resumed).toMatchObject({ status: 'active', billing_cycle_anchor: before.billing_cycle_anchor });
    const { start, end } = periodOf(resumed);
    const left = worth(end - APRIL - 10 * DAY, end - start);
    expect((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data).toHaveLength(pending);
    if (behavior === 'always_invoice') expect((await latestInvoice(stripe, id)).amount_paid).toBe(left);
    await test.moveTo(end + HOUR);
    expect((await latestInvoice(stripe, id)).amount_paid).toBe(behavior === 'create_prorations' ? 3000 + left : 3000);
  });
});

describe('a free subscription', () => {
  it('that is to be paid for begins a period with the change, and is charged for all of it', async () => {
    const { customer, price } = await open();
    const nothing = await createPrice(stripe, { interval: 'month' }, 0);
    const { id, items } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: nothing.id }] });
    expect(await latestInvoice(stripe, id)).toMatchObject({ status: 'paid', total: 0 });
    await test.moveTo(APRIL + 12 * DAY);
    const changed = { items: [{ id: items.data[0]?.id ?? '', price: price.id }], proration_behavior: 'none' as const };
    const shown = await stripe.invoices.createPreview({ subscription: id, subscription_details: changed });
    const paid = await stripe.subscriptions.update(id, changed);
    expect(paid.billing_cycle_anchor).toBe(APRIL + 12 * DAY);
    expect(periodOf(paid)).toEqual({ start: APRIL + 12 * DAY, end: APRIL + 42 * DAY });
    expect(amounts(shown)).toEqual([3000]);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([3000]);
  });

  it.each([
    ['a metered price, of which nothing was used', 'metered'],
    ['a quantity of none', 'none'],
  ])('is not one with %s: its period goes on', async (_what, kind) => {
    const { customer, price } = await open();
    const nothing = await createPrice(stripe, { interval: 'month' }, 0);
    const meter = await stripe.billing.meters.create({
      ...{ display_name: kind, event_name: kind, default_aggregation: { formula: 'sum' } },
    });
    const counted = await stripe.prices.create({
      ...{ currency: 'usd', unit_amount: 3, product_data: { name: 'Calls' } },
      recurring: { interval: 'month', usage_type: 'metered', meter: meter.id },
    });
    const sold = kind === 'none' ? [{ price: price.id, quantity: 0 }] : [{ price: nothing.id }, { price: counted.id }];
    const { id, items } = await stripe.subscriptions.create({ customer: customer.id, items: sold });
    await test.moveTo(APRIL + 12 * DAY);
    const changed = await stripe.subscriptions.update(id, {
      items: [{ id: items.data[0]?.id ?? '', price: price.id, quantity: 1 }],
      proration_behavior: 'always_invoice',
    });
    expect(changed.billing_cycle_anchor).toBe(APRIL);
    expect((await latestInvoice(stripe, id)).total).toBe(worth(18 * DAY, 30 * DAY));
  });
});
