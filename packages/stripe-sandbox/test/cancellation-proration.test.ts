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

/** A subscription of $30 for April, which has 30 days: a dollar a day. */
async function begin(more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  test = await startTestStripe();
  stripe = test.stripe;
  await test.moveTo(APRIL);
  const customer = await createCustomer(stripe);
  const price = await createPrice(stripe, { interval: 'month' }, 3000);
  await test.moveTo(APRIL + 10);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    ...more,
  });
  const { start, end } = periodOf(subscription);
  return { customer, price, subscription, start, end };
}

/** What is given back of $30 when this many seconds of the period are left. */
function worth(left: number, period: { start: number; end: number }): number {
  return Math.floor((3000 * left) / (period.end - period.start) + 0.5);
}

const amounts = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => line.amount);
const balanceOf = async (customer: string) => ((await stripe.customers.retrieve(customer)) as Stripe.Customer).balance;

/** The only thing a moment costs: the second or two that pass between the clock's jump and the call. */
function isAbout(actual: number, expected: number): void {
  expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1);
}

describe('canceling at once', () => {
  it('gives nothing back and bills nothing, unless asked to', async () => {
    const { subscription, start, customer } = await begin();
    await test.moveTo(start + 10 * DAY);
    await stripe.subscriptions.cancel(subscription.id);
    expect((await stripe.invoiceItems.list({ customer: customer.id })).data).toEqual([]);
    expect((await stripe.invoices.list({ customer: customer.id })).data).toHaveLength(1);
    expect(await balanceOf(customer.id)).toBe(0);
  });

  it('with prorate and invoice_now puts the unused time on a final invoice, which becomes credit', async () => {
    const { subscription, start, end, customer } = await begin();
    await test.moveTo(start + 10 * DAY);
    const preview = await stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: { cancel_now: true },
    });
    const canceled = await stripe.subscriptions.cancel(subscription.id, { prorate: true, invoice_now: true });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_details: { reason: 'cancellation_requested' } });
    const invoice = await stripe.invoices.retrieve(String(canceled.latest_invoice));
    isAbout(invoice.total, -worth(20 * DAY, { start, end }));
    isAbout(preview.total, invoice.total);
    expect(invoice).toMatchObject({ status: 'paid', amount_due: 0, billing_reason: 'subscription_update' });
    expect(invoice.lines.data[0]?.parent?.subscription_item_details?.proration).toBe(true);
    expect(await balanceOf(customer.id)).toBe(invoice.total);
  });

  it('with prorate alone leaves the credit pending, for whoever invoices it', async () => {
    const { subscription, start, end, customer, price } = await begin();
    await test.moveTo(start + 15 * DAY);
    await stripe.subscriptions.cancel(subscription.id, { prorate: true });
    const [credit] = (await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data;
    isAbout(credit?.amount ?? 0, -worth(15 * DAY, { start, end }));
    expect((await stripe.invoices.list({ customer: customer.id })).data).toHaveLength(1);
    // It belongs to the subscription that has ended: another one does not take it up.
    await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    expect((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data).toHaveLength(1);
  });

  it('with invoice_now alone charges what was pending, and keeps the paid time', async () => {
    const { subscription, start, end, price } = await begin();
    const at = end - 15 * DAY;
    await test.moveTo(at);
    const item = subscription.items.data[0]?.id ?? '';
    await stripe.subscriptions.update(subscription.id, {
      items: [{ id: item, price: price.id, quantity: 3 }],
      proration_date: at,
    });
    const canceled = await stripe.subscriptions.cancel(subscription.id, { invoice_now: true });
    const invoice = await stripe.invoices.retrieve(String(canceled.latest_invoice));
    const half = worth(15 * DAY, { start, end });
    expect(amounts(invoice)).toEqual([-half, 3 * half]);
    expect(invoice).toMatchObject({ status: 'paid', amount_paid: 2 * half });
  });

  it('gives back what was paid, not what it would have cost', async () => {
    test = await startTestStripe();
    stripe = test.stripe;
    await test.moveTo(APRIL);
    const customer = await createCustomer(stripe);
    const price = await createPrice(stripe, { interval: 'month' }, 3000);
    const coupon = await stripe.coupons.create({ percent_off: 50, duration: 'once' });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      discounts: [{ coupon: coupon.id }],
    });
    await test.moveTo(periodOf(subscription).start + 15 * DAY);
    await stripe.subscriptions.cancel(subscription.id, { prorate: true, invoice_now: true });
    isAbout(await balanceOf(customer.id), -750);
  });

  it('on trial or before the first payment gives nothing back', async () => {
    const { subscription, customer } = await begin({ trial_period_days: 14 });
    await stripe.subscriptions.cancel(subscription.id, { prorate: true, invoice_now: true });
    expect((await stripe.invoiceItems.list({ customer: customer.id })).data).toEqual([]);
    expect(await balanceOf(customer.id)).toBe(0);
    const twice = stripe.subscriptions.cancel(subscription.id, { prorate: true });
    expect((await stripeError(twice)).code).toBe('resource_missing');
  });

  it('keeps why, in the customer’s words', async () => {
    const { subscription } = await begin();
    const why = { comment: 'Too dear for me', feedback: 'too_expensive' as const };
    const canceled = await stripe.subscriptions.cancel(subscription.id, { cancellation_details: why });
    expect(canceled.cancellation_details).toMatchObject({ ...why, reason: 'cancellation_requested' });
  });
});

describe('an end set within the period', () => {
  it('gives back the days after it at once, and no more when it comes', async () => {
    const { subscription, start, end, customer } = await begin();
    await test.moveTo(start + 5 * DAY);
    const details = { cancel_at: start + 20 * DAY, proration_behavior: 'always_invoice' } as const;
    const preview = await stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: details,
    });
    const updated = await stripe.subscriptions.update(subscription.id, details);
    expect(updated).toMatchObject({ status: 'active', cancel_at: start + 20 * DAY, cancel_at_period_end: false });
    const invoice = await stripe.invoices.retrieve(String(updated.latest_invoice));
    expect(amounts(invoice)).toEqual([-worth(10 * DAY, { start, end })]);
    expect(preview.total).toBe(invoice.total);
    expect(invoice.lines.data[0]?.period).toEqual({ start: start + 20 * DAY, end });
    await test.moveTo(end + DAY);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
    expect(await balanceOf(customer.id)).toBe(-1000);
    expect((await stripe.invoices.list({ customer: customer.id })).data).toHaveLength(2);
  });

  it('by default waits with it for a last invoice, made at the end', async () => {
    const { subscription, start, end, customer } = await begin();
    await stripe.subscriptions.update(subscription.id, { cancel_at: start + 15 * DAY });
    expect((await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data).toHaveLength(1);
    await test.moveTo(start + 15 * DAY);
    expect((await latestInvoice(stripe, subscription.id)).status).toBe('draft');
    await test.moveTo(start + 15 * DAY + HOUR);
    const last = await latestInvoice(stripe, subscription.id);
    expect(last).toMatchObject({ status: 'paid', total: -worth(15 * DAY, { start, end }) });
    expect(await balanceOf(customer.id)).toBe(last.total);
  });

  it('without proration gives nothing back', async () => {
    const { subscription, start, customer } = await begin();
    await stripe.subscriptions.update(subscription.id, { cancel_at: start + 15 * DAY, proration_behavior: 'none' });
    await test.moveTo(start + 16 * DAY);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
    expect((await stripe.invoices.list({ customer: customer.id })).data).toHaveLength(1);
    expect(await balanceOf(customer.id)).toBe(0);
  });

  it('that is moved or taken back is settled to the cent', async () => {
    const { subscription, start, end, customer } = await begin();
    const how = { proration_behavior: 'always_invoice' } as const;
    await stripe.subscriptions.update(subscription.id, { cancel_at: start + 10 * DAY, ...how });
    expect(await balanceOf(customer.id)).toBe(-2000);
    await stripe.subscriptions.update(subscription.id, { cancel_at: start + 25 * DAY, ...how });
    expect(await balanceOf(customer.id)).toBe(-500);
    const kept = await stripe.subscriptions.update(subscription.id, { cancel_at: '', ...how });
    expect(kept).toMatchObject({ cancel_at: null, canceled_at: null });
    expect(await balanceOf(customer.id)).toBe(0);
    await test.moveTo(end + HOUR);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([3000]);
  });

  it('is where a change of price is charged to, and no further', async () => {
    const { subscription, start, end, price } = await begin();
    await stripe.subscriptions.update(subscription.id, {
      cancel_at: start + 20 * DAY,
      proration_behavior: 'always_invoice',
    });
    const at = start + 10 * DAY;
    await test.moveTo(at);
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? '', price: price.id, quantity: 2 }],
      proration_behavior: 'always_invoice',
      proration_date: at,
    });
    const tenDays = worth(10 * DAY, { start, end });
    expect(amounts(await stripe.invoices.retrieve(String(changed.latest_invoice)))).toEqual([-tenDays, 2 * tenDays]);
  });
});

describe('an end set within a later period', () => {
  it('is given back on the invoice of that period, as its preview says', async () => {
    const { subscription, end } = await begin();
    const cancelAt = end + 10 * DAY;
    await stripe.subscriptions.update(subscription.id, { cancel_at: cancelAt });
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    await test.moveTo(end + HOUR);
    const renewed = await stripe.subscriptions.retrieve(subscription.id);
    const period = periodOf(renewed);
    const invoice = await latestInvoice(stripe, subscription.id);
    const back = worth(period.end - cancelAt, period);
    expect(amounts(invoice)).toEqual([3000, -back]);
    expect(invoice).toMatchObject({ status: 'paid', amount_paid: 3000 - back });
    expect(preview.total).toBe(invoice.total);
    await test.moveTo(cancelAt + DAY);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
  });

  it('within the first one is given back on the first invoice, unless that is not wanted', async () => {
    const { subscription, start, end, price, customer } = await begin({ cancel_at: APRIL + 15 * DAY });
    const back = worth(end - (APRIL + 15 * DAY), { start, end });
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([3000, -back]);
    const whole = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      cancel_at: APRIL + 15 * DAY,
      proration_behavior: 'none',
    });
    expect(amounts(await latestInvoice(stripe, whole.id))).toEqual([3000]);
  });
});
