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
const MAY = APRIL + 30 * DAY;
const HALF = APRIL + 15 * DAY;

/** A subscription that begins on 1 April, of $10 a month unless said otherwise. */
async function begin(more: Partial<Stripe.SubscriptionCreateParams> = {}, card = 'pm_card_visa') {
  test = await startTestStripe();
  stripe = test.stripe;
  await test.moveTo(APRIL);
  const customer = await createCustomer(stripe, card);
  const price = await createPrice(stripe, { interval: 'month' }, 1000);
  const dearer = await createPrice(stripe, { interval: 'month' }, 2000);
  await test.moveTo(APRIL + 10);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    ...more,
  });
  const item = subscription.items.data[0]?.id ?? '';
  return { customer, price, dearer, subscription, item };
}

function amounts(invoice: { lines: { data: { amount: number }[] } }): number[] {
  return invoice.lines.data.map((line) => line.amount);
}

/** The time at which exactly this share of the period is left. */
function timeLeft(subscription: Stripe.Subscription, share: number): number {
  const { start, end } = periodOf(subscription);
  return end - Math.round((end - start) * share);
}

describe('an upgrade half-way through', () => {
  it('gives back $5 and charges $10 with the next invoice, as in Stripe’s example', async () => {
    const { subscription, item, dearer, customer } = await begin();
    await test.moveTo(timeLeft(subscription, 0.5));
    const at = timeLeft(subscription, 0.5);
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: dearer.id }],
      proration_date: at,
    });
    expect(changed.items.data[0]).toMatchObject({ id: item, price: { id: dearer.id }, quantity: 1 });
    expect(periodOf(changed)).toEqual(periodOf(subscription));
    expect(changed.latest_invoice).toBe(subscription.latest_invoice);
    const pending = await stripe.invoiceItems.list({ customer: customer.id, pending: true });
    expect(pending.data.map((one) => [one.amount, one.proration, one.discountable])).toEqual([
      [1000, true, false],
      [-500, true, false],
    ]);
    const { end } = periodOf(changed);
    await test.moveTo(end + HOUR);
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(amounts(invoice)).toEqual([-500, 1000, 2000]);
    expect(invoice).toMatchObject({ status: 'paid', amount_paid: 2500, billing_reason: 'subscription_cycle' });
    const [credit, debit] = invoice.lines.data;
    expect(credit).toMatchObject({
      description: `Unused time on Licence after 16 Apr ${new Date(at * 1000).getUTCFullYear()}`,
      period: { start: at, end },
    });
    expect(credit?.parent?.subscription_item_details).toMatchObject({
      proration: true,
      subscription_item: item,
      proration_details: { credited_items: { invoice: subscription.latest_invoice } },
    });
    expect(debit?.description).toContain('Remaining time on Licence');
    expect((await stripe.invoiceItems.list({ pending: true })).data).toEqual([]);
  });

  it('with always_invoice is charged at once, and the next invoice is whole again', async () => {
    const { subscription, item, dearer } = await begin();
    const at = timeLeft(subscription, 0.5);
    await test.moveTo(at);
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: dearer.id }],
      proration_behavior: 'always_invoice',
      proration_date: at,
    });
    expect(changed.status).toBe('active');
    const invoice = await stripe.invoices.retrieve(String(changed.latest_invoice));
    expect(amounts(invoice)).toEqual([-500, 1000]);
    expect(invoice).toMatchObject({ status: 'paid', amount_paid: 500, billing_reason: 'subscription_update' });
    await test.moveTo(periodOf(changed).end + HOUR);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([2000]);
  });

  it('with none costs nothing until the next period', async () => {
    const { subscription, item, dearer } = await begin();
    await test.moveTo(HALF);
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: dearer.id, quantity: 2 }],
      proration_behavior: 'none',
    });
    await test.moveTo(MAY + DAY);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([4000]);
  });

  it('is counted by the second, each line rounded half up by itself', async () => {
    const { subscription, item, dearer } = await begin();
    const { start, end } = periodOf(subscription);
    const at = start + 1_234_567;
    await test.moveTo(at);
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: dearer.id, quantity: 3 }],
      proration_behavior: 'always_invoice',
      proration_date: at,
    });
    const left = end - at;
    const whole = end - start;
    expect(amounts(await stripe.invoices.retrieve(String(changed.latest_invoice)))).toEqual([
      -Math.floor((1000 * left) / whole + 0.5),
      Math.floor((6000 * left) / whole + 0.5),
    ]);
  });
});

describe('other changes', () => {
  it('add and remove items, by the subscription and by the items’ own calls', async () => {
    const { subscription, item, dearer } = await begin();
    const at = timeLeft(subscription, 0.25);
    await test.moveTo(at);
    const how = { proration_behavior: 'always_invoice', proration_date: at } as const;
    const added = await stripe.subscriptionItems.create({ subscription: subscription.id, price: dearer.id, ...how });
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([500]);
    await stripe.subscriptionItems.update(added.id, { quantity: 2, ...how });
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([-500, 1000]);
    const twice = stripe.subscriptions.update(subscription.id, { items: [{ price: dearer.id }] });
    expect((await stripeError(twice)).param).toBe('items');
    await stripe.subscriptionItems.del(item, how);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([-250]);
    const last = stripe.subscriptionItems.del(added.id);
    expect((await stripeError(last)).message).toContain('at least one item');
    const { items } = await stripe.subscriptions.retrieve(subscription.id);
    expect(items.data.map((one) => one.id)).toEqual([added.id]);
  });

  it('to another interval begin a new period now and are charged at once', async () => {
    const { subscription, item } = await begin();
    const yearly = await createPrice(stripe, { interval: 'year' }, 10_000);
    await test.moveTo(HALF);
    const changed = await stripe.subscriptions.update(subscription.id, { items: [{ id: item, price: yearly.id }] });
    const { start, end } = periodOf(changed);
    expect(changed.billing_cycle_anchor).toBe(start);
    expect(new Date(end * 1000).getUTCFullYear()).toBe(new Date(start * 1000).getUTCFullYear() + 1);
    const invoice = await stripe.invoices.retrieve(String(changed.latest_invoice));
    const [credit, full] = amounts(invoice);
    expect(credit).toBeGreaterThan(-502);
    expect(credit).toBeLessThan(-498);
    expect(full).toBe(10_000);
    expect(invoice.amount_paid).toBe(10_000 + (credit ?? 0));
  });

  it('of the billing cycle anchor bill a full period from now', async () => {
    const { subscription } = await begin();
    await test.moveTo(HALF);
    const changed = await stripe.subscriptions.update(subscription.id, {
      billing_cycle_anchor: { type: 'now' },
      proration_behavior: 'none',
    });
    expect(periodOf(changed).start).toBeGreaterThanOrEqual(HALF);
    expect(amounts(await stripe.invoices.retrieve(String(changed.latest_invoice)))).toEqual([1000]);
  });

  it('during a trial cost nothing', async () => {
    const { subscription, item, dearer, customer } = await begin({ trial_period_days: 14 });
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: dearer.id }],
      proration_behavior: 'always_invoice',
    });
    expect((await stripe.invoiceItems.list({ customer: customer.id })).data).toEqual([]);
    await test.moveTo(APRIL + 15 * DAY);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([2000]);
  });

  it('outside the period, or of what is not paid for yet, are refused', async () => {
    const { subscription, item, dearer } = await begin({ payment_behavior: 'default_incomplete' });
    const items = [{ id: item, price: dearer.id }];
    expect((await stripeError(stripe.subscriptions.update(subscription.id, { items }))).param).toBe('items');
    await stripe.invoices.pay(String(subscription.latest_invoice));
    const late = { items, proration_date: MAY + DAY };
    expect((await stripeError(stripe.subscriptions.update(subscription.id, late))).param).toBe('proration_date');
  });
});

describe('a downgrade', () => {
  it('invoiced at once becomes credit, which pays the next invoices first', async () => {
    const { subscription, item, dearer, customer, price } = await begin();
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: dearer.id }],
      proration_behavior: 'none',
    });
    const { end } = periodOf(subscription);
    await test.moveTo(end + HOUR);
    const renewed = await stripe.subscriptions.retrieve(subscription.id);
    const at = timeLeft(renewed, 0.5);
    await test.moveTo(at);
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: price.id }],
      proration_behavior: 'always_invoice',
      proration_date: at,
    });
    expect(await stripe.invoices.retrieve(String(changed.latest_invoice))).toMatchObject({
      total: -500,
      amount_due: 0,
      status: 'paid',
      starting_balance: 0,
      ending_balance: -500,
    });
    expect((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).toMatchObject({ balance: -500 });
    await test.moveTo(periodOf(changed).end + HOUR);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      total: 1000,
      amount_due: 500,
      amount_paid: 500,
      starting_balance: -500,
      ending_balance: 0,
    });
    const moves = await stripe.customers.listBalanceTransactions(customer.id);
    expect(moves.data.map((one) => [one.type, one.amount, one.ending_balance])).toEqual([
      ['applied_to_invoice', 500, 0],
      ['applied_to_invoice', -500, -500],
    ]);
  });

  it('gives back what was paid, not what a discount had taken off', async () => {
    const { dearer, price, customer } = await begin();
    const once = await stripe.coupons.create({ percent_off: 50 });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: dearer.id }],
      discounts: [{ coupon: once.id }],
    });
    const at = timeLeft(subscription, 0.5);
    await test.moveTo(at);
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? '', price: price.id }],
      proration_behavior: 'always_invoice',
      proration_date: at,
    });
    // 1000 were paid for 2000: half of them come back. The rest of the period costs 500, for the coupon worked once.
    expect(amounts(await stripe.invoices.retrieve(String(changed.latest_invoice)))).toEqual([-500, 500]);
  });
});

describe('a change that cannot be paid', () => {
  async function failing() {
    const begun = await begin();
    await test.control('POST', `/customers/${begun.customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    await test.moveTo(HALF);
    return begun;
  }

  it('is undone under error_if_incomplete', async () => {
    const { subscription, item, dearer, customer } = await failing();
    const change = stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: dearer.id }],
      proration_behavior: 'always_invoice',
      payment_behavior: 'error_if_incomplete',
    });
    expect(await stripeError(change)).toMatchObject({ statusCode: 402, code: 'card_declined' });
    const same = await stripe.subscriptions.retrieve(subscription.id);
    expect(same.items.data[0]?.price.unit_amount).toBe(1000);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(1);
    expect((await stripe.invoiceItems.list({ customer: customer.id })).data).toEqual([]);
  });

  it.each(['allow_incomplete', 'default_incomplete'] as const)(
    'is made under %s, and leaves the subscription past_due until its invoice is paid',
    async (behavior) => {
      const { subscription, item, dearer } = await failing();
      const changed = await stripe.subscriptions.update(subscription.id, {
        items: [{ id: item, price: dearer.id }],
        proration_behavior: 'always_invoice',
        payment_behavior: behavior,
      });
      expect(changed).toMatchObject({ status: 'past_due' });
      expect(changed.items.data[0]?.price.unit_amount).toBe(2000);
      const invoice = await stripe.invoices.retrieve(String(changed.latest_invoice));
      expect(invoice).toMatchObject({ status: 'open', attempted: behavior === 'allow_incomplete' });
      const good = await stripe.paymentMethods.attach('pm_card_visa', { customer: String(invoice.customer) });
      await stripe.invoices.pay(invoice.id ?? '', { payment_method: good.id });
      expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    },
  );
});
