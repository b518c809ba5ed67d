import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
  createCustomer,
  createPrice,
  DAY,
  HOUR,
  latestInvoice,
  periodOf,
  startTestStripe,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
afterEach(() => test.close());

async function begin(...args: Parameters<typeof beginSubscription>) {
  const begun = await beginSubscription(...args);
  test = begun.test;
  return begun;
}

async function eventTypes(stripe: Stripe, since: number): Promise<string[]> {
  const events = await stripe.events.list({ created: { gte: since }, limit: 100 });
  return events.data.map((event) => event.type).reverse();
}

describe('a subscription that is paid', () => {
  it('is active at once, with a paid invoice and the events of its making', async () => {
    const { stripe, customer, price, subscription } = await begin();
    expect(subscription).toMatchObject({ status: 'active', currency: 'usd', customer: customer.id, cancel_at: null });
    const { start, end } = periodOf(subscription);
    expect(start).toBe(subscription.created);
    expect(new Date(end * 1000).getUTCDate()).toBeLessThanOrEqual(new Date(start * 1000).getUTCDate());
    const invoice = await stripe.invoices.retrieve(String(subscription.latest_invoice), { expand: ['payments'] });
    expect(invoice).toMatchObject({
      status: 'paid',
      billing_reason: 'subscription_create',
      amount_due: 2500,
      amount_paid: 2500,
      amount_remaining: 0,
      attempt_count: 1,
      attempted: true,
      number: `${customer.invoice_prefix}-0001`,
    });
    expect(invoice.parent?.subscription_details?.subscription).toBe(subscription.id);
    const [line] = invoice.lines.data;
    expect(line).toMatchObject({
      amount: 2500,
      description: '1 × Licence (at $25.00 / month)',
      period: { start, end },
    });
    expect(line?.pricing?.price_details?.price).toBe(price.id);
    const payment = invoice.payments?.data[0];
    expect(payment).toMatchObject({ status: 'paid', amount_paid: 2500, is_default: true });
    const intent = await stripe.paymentIntents.retrieve(String(payment?.payment.payment_intent), {
      expand: ['latest_charge'],
    });
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 2500, customer: customer.id });
    expect((intent.latest_charge as Stripe.Charge).outcome?.type).toBe('authorized');
    const types = await eventTypes(stripe, subscription.created);
    expect(types.slice(types.indexOf('customer.subscription.created'))).toEqual([
      'customer.subscription.created',
      'customer.updated',
      'invoice.created',
      'invoice.finalized',
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.updated',
      'invoice_payment.paid',
      'invoice.paid',
      'invoice.payment_succeeded',
      'customer.subscription.updated',
    ]);
  });

  it('renews at the end of its period: a draft for an hour, then finalised and charged', async () => {
    const { stripe, subscription } = await begin();
    const { end } = periodOf(subscription);
    await test.moveTo(end);
    const renewed = await stripe.subscriptions.retrieve(subscription.id);
    expect(renewed.status).toBe('active');
    expect(periodOf(renewed).start).toBe(end);
    const draft = await latestInvoice(stripe, subscription.id);
    expect(draft).toMatchObject({
      id: renewed.latest_invoice,
      status: 'draft',
      billing_reason: 'subscription_cycle',
      created: end,
      automatically_finalizes_at: end + HOUR,
      next_payment_attempt: end + HOUR,
      auto_advance: true,
      period_start: subscription.created,
      period_end: end,
    });
    expect(draft.lines.data[0]?.period).toEqual({ start: end, end: periodOf(renewed).end });
    await test.moveTo(end + HOUR);
    const paid = await stripe.invoices.retrieve(draft.id ?? '');
    expect(paid.status).toBe('paid');
    expect(paid.status_transitions).toMatchObject({ finalized_at: end + HOUR, paid_at: end + HOUR });
    const [updated] = (await stripe.events.list({ type: 'customer.subscription.updated', limit: 1 })).data;
    expect(updated?.created).toBe(end);
    const previous = updated?.data.previous_attributes as Partial<Stripe.Subscription>;
    expect(previous.latest_invoice).toBe(subscription.latest_invoice);
    expect(previous.items?.data[0]?.current_period_end).toBe(end);
    expect(updated?.request).toEqual({ id: null, idempotency_key: null });
  });

  it('renews month after month from the 31st, in one jump of the clock', async () => {
    test = await startTestStripe();
    const { stripe } = test;
    const year = new Date((await test.now()) * 1000).getUTCFullYear() + 1;
    await test.moveTo(Date.UTC(year, 0, 31, 9, 30) / 1000);
    const price = await createPrice(stripe);
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    await test.moveTo(Date.UTC(year, 6, 1) / 1000);
    const invoices = await stripe.invoices.list({ subscription: subscription.id, limit: 100 });
    const days = invoices.data.map((invoice) => new Date((invoice.lines.data[0]?.period.start ?? 0) * 1000));
    expect(days.reverse().map((day) => `${day.getUTCMonth() + 1}-${day.getUTCDate()}`)).toEqual([
      '1-31',
      year % 4 === 0 ? '2-29' : '2-28',
      '3-31',
      '4-30',
      '5-31',
      '6-30',
    ]);
    expect(invoices.data.every((invoice) => invoice.status === 'paid')).toBe(true);
    expect(new Set(invoices.data.map((invoice) => invoice.number)).size).toBe(6);
  });

  it.each([
    ['day', 10, 10 * DAY],
    ['week', 2, 14 * DAY],
    ['year', 1, undefined],
  ] as const)('renews every %s × %i', async (interval, count, seconds) => {
    test = await startTestStripe();
    const { stripe } = test;
    const price = await createPrice(stripe, { interval, interval_count: count });
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 3 }],
    });
    const { start, end } = periodOf(subscription);
    const expected = new Date(start * 1000);
    expected.setUTCFullYear(expected.getUTCFullYear() + 1);
    expect(end).toBe(seconds === undefined ? expected.getTime() / 1000 : start + seconds);
    await test.moveTo(end + 2 * HOUR);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      status: 'paid',
      amount_paid: 7500,
      created: end,
    });
  });
});

describe('an invoice that is sent', () => {
  it('is finalised after an hour with a due date, is not charged, and can be paid by hand', async () => {
    const { stripe, subscription } = await begin(
      'pm_card_visa',
      {},
      { collection_method: 'send_invoice', days_until_due: 14 },
    );
    expect(subscription.status).toBe('active');
    expect((await latestInvoice(stripe, subscription.id)).status).toBe('draft');
    await test.moveTo(subscription.created + HOUR);
    const open = await latestInvoice(stripe, subscription.id);
    expect(open).toMatchObject({ status: 'open', attempted: false, due_date: subscription.created + HOUR + 14 * DAY });
    expect(await stripe.invoices.pay(open.id ?? '')).toMatchObject({ status: 'paid', amount_paid: 2500 });
  });
});
