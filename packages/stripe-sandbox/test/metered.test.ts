import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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

// https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup

let test: TestStripe;
let stripe: Stripe;
let meter: Stripe.Billing.Meter;
let perUnit: Stripe.Price;
beforeAll(async () => {
  test = await startTestStripe();
  ({ stripe } = test);
  meter = await createMeter('requests');
  perUnit = await metered(meter, { unit_amount: 10 });
});
afterAll(() => test.close());

function createMeter(name: string, formula: 'count' | 'last' | 'sum' = 'sum'): Promise<Stripe.Billing.Meter> {
  return stripe.billing.meters.create({ display_name: name, event_name: name, default_aggregation: { formula } });
}

function metered(by: Stripe.Billing.Meter, amounts: Partial<Stripe.PriceCreateParams>): Promise<Stripe.Price> {
  return stripe.prices.create({
    currency: 'usd',
    recurring: { interval: 'month', usage_type: 'metered', meter: by.id },
    product_data: { name: 'Requests' },
    ...amounts,
  });
}

function use(customer: string, value: number | string, timestamp?: number, name = 'requests') {
  return stripe.billing.meterEvents.create({
    event_name: name,
    payload: { stripe_customer_id: customer, value: String(value) },
    ...(timestamp === undefined ? {} : { timestamp }),
  });
}

async function subscribe(
  prices: readonly Stripe.Price[] = [perUnit],
  more: Partial<Stripe.SubscriptionCreateParams> = {},
) {
  const customer = (await createCustomer(stripe)).id;
  const items = prices.map((price) => ({ price: price.id }));
  const subscription = await stripe.subscriptions.create({ customer, items, ...more });
  const [item] = subscription.items.data;
  return { customer, subscription, id: subscription.id, item: item?.id ?? '', ...periodOf(subscription) };
}

const invoicesOf = async (subscription: string) => (await stripe.invoices.list({ subscription })).data;
const amounts = (invoice: Stripe.Invoice | undefined) => invoice?.lines.data.map((line) => line.amount);

describe('a metered price', () => {
  it('needs a meter that counts, and a licensed one has none', async () => {
    const recurring = { interval: 'month' as const };
    const refused = [
      await stripeError(metered(meter, { unit_amount: 1, recurring: { ...recurring, usage_type: 'metered' } })),
      await stripeError(metered(meter, { unit_amount: 1, recurring: { ...recurring, meter: meter.id } })),
    ];
    expect(refused.map(({ param }) => param)).toEqual(['recurring[meter]', 'recurring[meter]']);
    expect(perUnit.recurring).toMatchObject({ usage_type: 'metered', meter: meter.id });
    const listed = await stripe.prices.list({ recurring: { meter: meter.id, usage_type: 'metered' } });
    expect(listed.data.map(({ id }) => id)).toContain(perUnit.id);
  });

  it('has no quantity', async () => {
    const { subscription, id, item } = await subscribe();
    expect(subscription.items.data[0]).not.toHaveProperty('quantity');
    const refused = await stripeError(stripe.subscriptions.update(id, { items: [{ id: item, quantity: 2 }] }));
    expect([refused.statusCode, refused.param]).toEqual([400, 'items[0][quantity]']);
  });

  it('is sold by Checkout without a quantity', async () => {
    const fee = await createPrice(stripe);
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      success_url: 'https://shop.example/ok',
      line_items: [{ price: fee.id, quantity: 1 }, { price: perUnit.id }],
    });
    expect(session.amount_total).toBe(2500);
    const page = await (await fetch(session.url ?? '')).text();
    expect(page).toContain('$0.10 for each used, billed per month');
    await test.control('POST', `/checkout/sessions/${session.id}/complete`, { email: 'ada@example.com' });
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription', 'invoice'] });
    const subscription = done.subscription as Stripe.Subscription;
    expect(subscription.items.data.map(({ quantity }) => quantity)).toEqual([1, undefined]);
    expect(amounts(done.invoice as Stripe.Invoice)).toEqual([2500]);
  });

  it('alone costs nothing at Checkout, and its preview is of nothing', async () => {
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      success_url: 'https://shop.example/ok',
      line_items: [{ price: perUnit.id }],
    });
    await test.control('POST', `/checkout/sessions/${session.id}/complete`, { email: 'ada@example.com' });
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['subscription'] });
    expect([done.payment_status, done.amount_total, done.invoice]).toEqual(['no_payment_required', 0, null]);
    expect((done.subscription as Stripe.Subscription).status).toBe('active');
    const customer = (await createCustomer(stripe)).id;
    const items = [{ price: perUnit.id }];
    const preview = await stripe.invoices.createPreview({ customer, subscription_details: { items } });
    expect([preview.total, preview.lines.data]).toEqual([0, []]);
  });
});

describe('what is used', () => {
  it('is billed at the end of its period and not before it; alone, it makes no first invoice', async () => {
    const { customer, subscription, id, end } = await subscribe();
    expect([subscription.status, subscription.latest_invoice]).toEqual(['active', null]);
    expect(await invoicesOf(id)).toEqual([]);
    await use(customer, 70);
    await use(customer, 30);
    await test.moveTo(end + 2 * HOUR);
    const [invoice, ...others] = await invoicesOf(id);
    expect(others).toEqual([]);
    expect(invoice).toMatchObject({ status: 'paid', total: 1000, billing_reason: 'subscription_cycle' });
    expect(invoice?.lines.data[0]).toMatchObject({
      description: '100 × Requests (at $0.10 / month)',
      period: { start: subscription.start_date, end },
      quantity: 100,
    });
  });

  it('goes, beside a fee in advance, on the invoice of the next period', async () => {
    const { customer, id, end } = await subscribe([await createPrice(stripe), perUnit]);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([2500]);
    await use(customer, 12);
    await test.moveTo(end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([120, 2500]);
  });

  it('is of the period in which it was used: late reports count until the invoice is finalised', async () => {
    const { customer, id, end } = await subscribe();
    await test.moveTo(end - 60);
    await use(customer, 10, end - 1);
    await test.moveTo(end + 60);
    const draft = await latestInvoice(stripe, id);
    expect([draft.status, draft.total]).toEqual(['draft', 100]);
    await use(customer, 40, end - 1);
    await use(customer, 7, end);
    await test.moveTo(end + 2 * HOUR);
    const final = await stripe.invoices.retrieve(draft.id ?? '');
    expect([final.status, final.total, amounts(final)]).toEqual(['paid', 500, [500]]);
    expect(final.lines.data[0]?.id).toBe(draft.lines.data[0]?.id);
    // Too late for this invoice, and not of the next period either.
    await use(customer, 1000, end - 1);
    const next = periodOf(await stripe.subscriptions.retrieve(id)).end;
    await test.moveTo(next + 2 * HOUR);
    expect((await latestInvoice(stripe, id)).total).toBe(70);
  });

  it.each([
    ['sum', 'by_sum', 80],
    ['count', 'by_count', 30],
    ['last', 'by_last', 20],
  ] as const)('is aggregated by %s', async (formula, name, total) => {
    const by = await createMeter(name, formula);
    const { customer, id, start, end } = await subscribe([await metered(by, { unit_amount: 10 })]);
    await test.moveTo(start + HOUR);
    await use(customer, 2, start + HOUR, name);
    await use(customer, 5, start + 60, name);
    await use(customer, 1, start + 120, name);
    await test.moveTo(end + 2 * HOUR);
    expect((await latestInvoice(stripe, id)).total).toBe(total);
  });

  it('is priced by tiers, with included units and fractions, each tier a line', async () => {
    const price = await metered(meter, {
      billing_scheme: 'tiered',
      tiers_mode: 'graduated',
      tiers: [
        { up_to: 1000, flat_amount: 500 },
        { up_to: 2000, unit_amount_decimal: '1.5' as unknown as Stripe.Decimal },
        { up_to: 'inf', unit_amount: 1 },
      ],
    });
    const { customer, id, end } = await subscribe([price]);
    await use(customer, '2500.5');
    await test.moveTo(end + 60);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([500, 1500, 501]);
    await use(customer, -2000, end - 60);
    await test.moveTo(end + 2 * HOUR);
    const invoice = await latestInvoice(stripe, id);
    expect([invoice.status, amounts(invoice)]).toEqual(['paid', [500]]);
    expect(String(invoice.lines.data[0]?.quantity_decimal)).toBe('500.5');
  });

  it('is never less than nothing', async () => {
    const { customer, id, end } = await subscribe();
    await use(customer, -5);
    await test.moveTo(end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([0]);
  });

  it('is free while a trial runs', async () => {
    const { customer, id, end } = await subscribe([perUnit], { trial_period_days: 10 });
    await use(customer, 50);
    await test.moveTo(end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([0]);
    await use(customer, 3);
    await test.moveTo(periodOf(await stripe.subscriptions.retrieve(id)).end + 2 * HOUR);
    expect((await latestInvoice(stripe, id)).total).toBe(30);
  });

  it('is shown by a preview as far as it has come', async () => {
    const { customer, id, start } = await subscribe([await createPrice(stripe), perUnit]);
    await use(customer, 12);
    await test.moveTo(start + DAY);
    expect(amounts(await stripe.invoices.createPreview({ subscription: id }))).toEqual([120, 2500]);
  });

  it('is discounted and taxed as it is in the end, not as it was when the invoice was drafted', async () => {
    const coupon = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const rate = await stripe.taxRates.create({ display_name: 'VAT', inclusive: false, percentage: 20 });
    const { customer, id, end } = await subscribe([perUnit], {
      discounts: [{ coupon: coupon.id }],
      default_tax_rates: [rate.id],
    });
    await use(customer, 10);
    await test.moveTo(end + 60);
    expect((await latestInvoice(stripe, id)).total).toBe(108);
    await use(customer, 90, end - 60);
    await test.moveTo(end + 2 * HOUR);
    const invoice = await latestInvoice(stripe, id);
    expect([invoice.subtotal, invoice.total, invoice.amount_paid]).toEqual([1000, 1080, 1080]);
  });

  it('becomes another price at the end of a period by a schedule, whole on either side', async () => {
    const { customer, subscription, id, end } = await subscribe();
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: id });
    const [phase] = schedule.phases;
    const cheaper = await metered(meter, { unit_amount: 5 });
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [
        { items: [{ price: perUnit.id }], start_date: phase?.start_date ?? 0, end_date: phase?.end_date ?? 0 },
        { items: [{ price: cheaper.id }], duration: { interval: 'month', interval_count: 1 } },
      ],
    });
    expect(subscription.items.data[0]).not.toHaveProperty('quantity');
    await use(customer, 10);
    await test.moveTo(end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([100]);
    await use(customer, 10);
    await test.moveTo(periodOf(await stripe.subscriptions.retrieve(id)).end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([50]);
  });

  it('is told apart by the time of a test clock', async () => {
    const frozen = await test.now();
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: frozen });
    const customer = (
      await stripe.customers.create({
        test_clock: clock.id,
        payment_method: 'pm_card_visa',
        invoice_settings: { default_payment_method: 'pm_card_visa' },
      })
    ).id;
    const subscription = await stripe.subscriptions.create({ customer, items: [{ price: perUnit.id }] });
    const { end } = periodOf(subscription);
    await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: frozen + 20 * DAY });
    await use(customer, 8, frozen + 20 * DAY);
    await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: end + 2 * HOUR });
    expect((await latestInvoice(stripe, subscription.id)).total).toBe(80);
  });
});

describe('a change in the middle of a period', () => {
  const dearer = () => metered(meter, { unit_amount: 20 });

  it('bills what was used at the old price, and from then on at the new one', async () => {
    const { customer, id, item, start, end } = await subscribe();
    await use(customer, 10);
    await test.moveTo(start + 10 * DAY);
    const change = { items: [{ id: item, price: (await dearer()).id }] };
    const preview = await stripe.invoices.createPreview({ subscription: id, subscription_details: change });
    await stripe.subscriptions.update(id, change);
    expect(await invoicesOf(id)).toEqual([]);
    expect(amounts(await stripe.invoices.createPreview({ subscription: id }))).toEqual(amounts(preview));
    await use(customer, 4);
    await test.moveTo(end + 2 * HOUR);
    const invoice = await latestInvoice(stripe, id);
    expect([amounts(preview), amounts(invoice)]).toEqual([
      [100, 0],
      [100, 80],
    ]);
    expect(invoice.lines.data.map(({ period }) => period)).toEqual([
      { start, end: start + 10 * DAY },
      { start: start + 10 * DAY, end },
    ]);
  });

  it('gives the use up in the classic billing mode', async () => {
    const { customer, id, item, start, end } = await subscribe([perUnit], { billing_mode: { type: 'classic' } });
    await use(customer, 10);
    await test.moveTo(start + 10 * DAY);
    await stripe.subscriptions.update(id, { items: [{ id: item, price: (await dearer()).id }] });
    await use(customer, 4);
    await test.moveTo(end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([80]);
  });

  it('gives the use up when nothing is to be prorated', async () => {
    const { customer, id, item, start, end } = await subscribe();
    await use(customer, 10);
    await test.moveTo(start + 10 * DAY);
    const items = [{ id: item, price: (await dearer()).id }];
    await stripe.subscriptions.update(id, { items, proration_behavior: 'none' });
    await use(customer, 4);
    await test.moveTo(end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([80]);
  });

  it('bills a removed item at once where everything is invoiced at once', async () => {
    const { customer, id, start } = await subscribe([await createPrice(stripe), perUnit]);
    const subscription = await stripe.subscriptions.retrieve(id);
    await use(customer, 10);
    await test.moveTo(start + 10 * DAY);
    const items = [{ id: subscription.items.data[1]?.id ?? '', deleted: true }];
    await stripe.subscriptions.update(id, { items, proration_behavior: 'always_invoice' });
    const invoice = await latestInvoice(stripe, id);
    expect([invoice.status, amounts(invoice)]).toEqual(['paid', [100]]);
  });

  it('leaves the count as it is where only the fee changes', async () => {
    const fee = await createPrice(stripe);
    const { customer, id, item, start, end } = await subscribe([fee, perUnit]);
    await use(customer, 10);
    await test.moveTo(start + (end - start) / 2);
    const items = [{ id: item, price: (await createPrice(stripe, { interval: 'month' }, 5000)).id }];
    await stripe.subscriptions.update(id, { items, proration_behavior: 'always_invoice' });
    expect(amounts(await latestInvoice(stripe, id))).toEqual([-1250, 2500]);
    await test.moveTo(end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([100, 5000]);
  });

  it('bills the use so far when a new period begins', async () => {
    const { customer, id, start } = await subscribe();
    await use(customer, 10);
    await test.moveTo(start + 10 * DAY);
    const anchor = { billing_cycle_anchor: { type: 'now' as const }, proration_behavior: 'none' as const };
    const changed = await stripe.subscriptions.update(id, anchor);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([100]);
    expect(periodOf(changed).start).toBe(start + 10 * DAY);
    await use(customer, 1, start + 10 * DAY);
    await test.moveTo(periodOf(changed).end + 2 * HOUR);
    expect(amounts(await latestInvoice(stripe, id))).toEqual([10]);
  });
});

describe('a cancellation', () => {
  it('throws away what was used, unless it is invoiced now', async () => {
    const thrown = await subscribe();
    const billed = await subscribe();
    await use(thrown.customer, 10);
    await use(billed.customer, 10);
    await test.moveTo(billed.start + DAY);
    await stripe.subscriptions.cancel(thrown.id);
    const preview = await stripe.invoices.createPreview({
      subscription: billed.id,
      subscription_details: { cancel_now: true },
    });
    await stripe.subscriptions.cancel(billed.id, { invoice_now: true });
    const [invoice] = await invoicesOf(billed.id);
    expect([invoice?.status, amounts(invoice), preview.total]).toEqual(['paid', [100], 100]);
    await test.moveTo(billed.end + 2 * HOUR);
    expect(await invoicesOf(thrown.id)).toEqual([]);
    expect(await invoicesOf(billed.id)).toHaveLength(1);
  });

  it('at the end of the period bills the last use, late reports too', async () => {
    const { customer, id, end } = await subscribe();
    await stripe.subscriptions.update(id, { cancel_at_period_end: true });
    await use(customer, 10);
    expect(amounts(await stripe.invoices.createPreview({ subscription: id }))).toEqual([100]);
    await test.moveTo(end + 60);
    expect((await stripe.subscriptions.retrieve(id)).status).toBe('canceled');
    await use(customer, 5, end - 60);
    await test.moveTo(end + 2 * HOUR);
    const [invoice] = await invoicesOf(id);
    expect([invoice?.status, invoice?.total]).toEqual(['paid', 150]);
  });
});
