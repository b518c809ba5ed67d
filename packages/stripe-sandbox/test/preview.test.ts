import fc from 'fast-check';
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

let test: TestStripe;
let stripe: Stripe;
let prices: Stripe.Price[];
let rates: Stripe.TaxRate[];
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
  const cents = [0, 333, 1000, 2999, 12_345];
  const monthly = await Promise.all(cents.map((amount) => createPrice(stripe, { interval: 'month' }, amount)));
  prices = [...monthly, await createPrice(stripe, { interval: 'year' }, 9999)];
  const vat = { display_name: 'VAT', percentage: 8.875 };
  rates = [
    await stripe.taxRates.create({ ...vat, inclusive: false }),
    await stripe.taxRates.create({ ...vat, inclusive: true }),
  ];
});
afterAll(() => test.close());

/** What must be the same of an invoice and its preview. */
function essence(invoice: Stripe.Invoice) {
  return {
    lines: invoice.lines.data.map(({ amount, description, period, quantity, pricing, discount_amounts: off }) => ({
      amount,
      description,
      period,
      quantity,
      price: pricing?.price_details?.price,
      off: (off ?? []).map((one) => one.amount),
    })),
    subtotal: invoice.subtotal,
    total: invoice.total,
    taxes: (invoice.total_taxes ?? []).map((tax) => [tax.amount, tax.taxable_amount]),
    due: invoice.amount_due,
    balance: invoice.starting_balance,
    reason: invoice.billing_reason,
    period: [invoice.period_start, invoice.period_end],
    discounts: invoice.discounts.length,
  };
}

const change = fc.record({
  from: fc.nat({ max: 4 }),
  to: fc.nat({ max: 5 }),
  quantities: fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 0, max: 7 })),
  behavior: fc.constantFrom<Stripe.SubscriptionUpdateParams.ProrationBehavior[]>(
    'always_invoice',
    'create_prorations',
    'none',
  ),
  after: fc.integer({ min: HOUR, max: 27 * DAY }),
  percentOff: fc.option(fc.constantFrom(10, 33.3, 50), { nil: null }),
  duration: fc.constantFrom<('forever' | 'once')[]>('forever', 'once'),
  resets: fc.boolean(),
  balance: fc.constantFrom(0, -700, 250),
  tax: fc.constantFrom(null, 0, 1),
});

describe('the preview of a change', () => {
  it('is the invoice that the change makes, line by line and to the cent', async () => {
    await fc.assert(
      fc.asyncProperty(change, async (given) => {
        const customer = await createCustomer(stripe);
        const coupon =
          given.percentOff === null
            ? null
            : await stripe.coupons.create({ percent_off: given.percentOff, duration: given.duration });
        const subscription = await stripe.subscriptions.create({
          customer: customer.id,
          items: [{ price: prices[given.from]?.id ?? '', quantity: given.quantities[0] }],
          ...(coupon === null ? {} : { discounts: [{ coupon: coupon.id }] }),
          ...(given.tax === null ? {} : { default_tax_rates: [rates[given.tax]?.id ?? ''] }),
        });
        await stripe.customers.update(customer.id, { balance: given.balance });
        const at = periodOf(subscription).start + given.after;
        await test.moveTo(at);
        const details = {
          items: [
            {
              id: subscription.items.data[0]?.id ?? '',
              price: prices[given.to]?.id ?? '',
              quantity: given.quantities[1],
            },
          ],
          proration_behavior: given.behavior,
          proration_date: at,
          ...(given.resets ? { billing_cycle_anchor: { type: 'now' as const } } : {}),
        };
        const before = (await stripe.invoices.list({ subscription: subscription.id })).data.length;
        const ask = () =>
          stripe.invoices.createPreview({ subscription: subscription.id, subscription_details: details });
        const preview = await ask();
        expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(before);
        const changed = await stripe.subscriptions.update(subscription.id, details);
        if (changed.latest_invoice === subscription.latest_invoice) {
          await test.moveTo(periodOf(changed).end + HOUR);
        }
        const invoice = await latestInvoice(stripe, subscription.id);
        const expected = essence(invoice);
        const shown = essence(preview);
        // A new period begins in the second of the change, which may be one later than that of the preview.
        if (preview.billing_reason === 'subscription_update') {
          for (const one of [expected, shown]) {
            one.period = [];
            for (const line of one.lines) line.period = { start: 0, end: 0 };
          }
        }
        expect(shown).toEqual(expected);
        expect(invoice.status).toBe('paid');
        await stripe.subscriptions.cancel(subscription.id);
      }),
      { numRuns: 40, seed: 20_261_121 },
    );
  }, 120_000);
});

describe('other previews', () => {
  it('show the next renewal when nothing is to change, and nothing when none will come', async () => {
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: prices[2]?.id ?? '' }],
    });
    const { end } = periodOf(subscription);
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    expect(preview).toMatchObject({
      amount_due: 1000,
      status: 'draft',
      created: end,
      next_payment_attempt: end + HOUR,
      billing_reason: 'subscription_cycle',
    });
    expect(preview.id).toMatch(/^upcoming_in_/);
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    const none = await stripeError(stripe.invoices.createPreview({ subscription: subscription.id }));
    expect(none).toMatchObject({ statusCode: 404, code: 'invoice_upcoming_none' });
  });

  it('show what a new subscription would cost, with a coupon and on trial', async () => {
    const customer = await createCustomer(stripe);
    const coupon = await stripe.coupons.create({ amount_off: 300, currency: 'usd' });
    const items = [{ price: prices[2]?.id ?? '', quantity: 2 }];
    const first = await stripe.invoices.createPreview({
      customer: customer.id,
      discounts: [{ coupon: coupon.id }],
      subscription_details: { items },
    });
    expect(first).toMatchObject({ subtotal: 2000, total: 1700, billing_reason: 'subscription_create' });
    expect((await stripe.coupons.retrieve(coupon.id)).times_redeemed).toBe(0);
    const trial = await stripe.invoices.createPreview({
      customer: customer.id,
      subscription_details: { items, trial_end: (await test.now()) + 7 * DAY },
    });
    expect(trial.total).toBe(0);
    expect((await stripe.subscriptions.list({ customer: customer.id })).data).toEqual([]);
  });

  it('show what ending a trial now costs', async () => {
    const customer = await createCustomer(stripe);
    const { id } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: prices[3]?.id ?? '' }],
      trial_period_days: 7,
    });
    const preview = await stripe.invoices.createPreview({
      subscription: id,
      subscription_details: { trial_end: 'now' },
    });
    await stripe.subscriptions.update(id, { trial_end: 'now' });
    const invoice = await latestInvoice(stripe, id);
    expect([preview.total, preview.billing_reason]).toEqual([invoice.total, invoice.billing_reason]);
    expect(invoice.amount_paid).toBe(2999);
  });
});
