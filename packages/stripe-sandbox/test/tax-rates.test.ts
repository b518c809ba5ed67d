import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createCustomer,
  createPrice,
  HOUR,
  latestInvoice,
  periodOf,
  sdk,
  startTestStripe,
  stripeError,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
afterEach(() => test.close());

async function open() {
  test = await startTestStripe();
  stripe = test.stripe;
  const customer = await createCustomer(stripe);
  const price = await createPrice(stripe, { interval: 'month' }, 500);
  const rate = (inclusive: boolean, percentage = 25) =>
    stripe.taxRates.create({ display_name: 'VAT', inclusive, percentage, country: 'de', tax_type: 'vat' });
  const subscribe = (more: Partial<Stripe.SubscriptionCreateParams>) =>
    stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], ...more });
  return { customer, price, rate, subscribe };
}

describe('a tax rate', () => {
  it('is made, renamed, archived and listed; its percentage stays', async () => {
    const { rate } = await open();
    const made = await rate(false, 19.5);
    expect(made).toMatchObject({ percentage: 19.5, inclusive: false, active: true, country: 'DE', tax_type: 'vat' });
    const renamed = await stripe.taxRates.update(made.id, { display_name: 'MwSt', active: false });
    expect(renamed).toMatchObject({ display_name: 'MwSt', active: false, percentage: 19.5 });
    const other = await rate(true);
    expect((await stripe.taxRates.list({ active: true })).data.map(({ id }) => id)).toEqual([other.id]);
    expect((await stripe.taxRates.list({ inclusive: false })).data.map(({ id }) => id)).toEqual([made.id]);
    expect((await stripe.taxRates.retrieve(made.id)).id).toBe(made.id);
    const tooMuch = stripe.taxRates.create({ display_name: 'All', inclusive: false, percentage: 100.5 });
    expect((await stripeError(tooMuch)).param).toBe('percentage');
    const types = (await stripe.events.list({ type: 'tax_rate.*' })).data.map((event) => event.type);
    expect(types).toEqual(['tax_rate.created', 'tax_rate.updated', 'tax_rate.created']);
  });

  it('that is archived cannot be used any more', async () => {
    const { rate, subscribe } = await open();
    const { id } = await rate(false);
    await stripe.taxRates.update(id, { active: false });
    expect((await stripeError(subscribe({ default_tax_rates: [id] }))).param).toBe('default_tax_rates[0]');
  });
});

describe('the tax of a subscription', () => {
  it('exclusive is added to what is paid, now and at every renewal', async () => {
    const { rate, subscribe } = await open();
    const vat = await rate(false);
    const subscription = await subscribe({ default_tax_rates: [vat.id] });
    expect(subscription.default_tax_rates?.map(({ id }) => id)).toEqual([vat.id]);
    const first = await latestInvoice(stripe, subscription.id);
    expect(first).toMatchObject({
      subtotal: 500,
      subtotal_excluding_tax: 500,
      total_excluding_tax: 500,
      total: 625,
      amount_paid: 625,
      total_taxes: [
        { amount: 125, tax_behavior: 'exclusive', taxable_amount: 500, tax_rate_details: { tax_rate: vat.id } },
      ],
    });
    expect(first.lines.data[0]?.taxes).toMatchObject([{ amount: 125, tax_rate_details: { tax_rate: vat.id } }]);
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    await test.moveTo(periodOf(subscription).end + HOUR);
    const renewed = await latestInvoice(stripe, subscription.id);
    expect([renewed.total, renewed.amount_paid, preview.total]).toEqual([625, 625, 625]);
  });

  it('inclusive is a part of what is paid', async () => {
    const { rate, subscribe } = await open();
    const vat = await rate(true);
    const subscription = await subscribe({ default_tax_rates: [vat.id] });
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      subtotal: 500,
      subtotal_excluding_tax: 400,
      total_excluding_tax: 400,
      total: 500,
      amount_paid: 500,
      total_taxes: [{ amount: 100, tax_behavior: 'inclusive', taxable_amount: 400 }],
    });
  });

  it('is counted from what a discount leaves, and of prorations line by line', async () => {
    const { rate, subscribe, price } = await open();
    const vat = await rate(false);
    const half = await stripe.coupons.create({ percent_off: 50, duration: 'forever' });
    const subscription = await subscribe({ default_tax_rates: [vat.id], discounts: [{ coupon: half.id }] });
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ subtotal: 500, total: 313, amount_paid: 313 });
    const { start, end } = periodOf(subscription);
    const at = Math.round((start + end) / 2);
    await test.moveTo(at);
    const change = {
      items: [{ id: subscription.items.data[0]?.id ?? '', price: price.id, quantity: 3 }],
      proration_behavior: 'always_invoice' as const,
      proration_date: at,
    };
    const preview = await stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: change,
    });
    const changed = await stripe.subscriptions.update(subscription.id, change);
    const invoice = await stripe.invoices.retrieve(String(changed.latest_invoice));
    expect(invoice.lines.data.map((line) => [line.amount, line.taxes?.[0]?.amount])).toEqual([
      [-125, -31],
      [375, 94],
    ]);
    expect(invoice).toMatchObject({ total: 313, amount_paid: 313 });
    expect(preview.total).toBe(313);
  });

  it('is none for who is exempt, and changes with the next invoice', async () => {
    const { rate, subscribe, customer } = await open();
    const vat = await rate(false);
    const subscription = await subscribe({});
    await stripe.subscriptions.update(subscription.id, { default_tax_rates: [vat.id] });
    await test.moveTo(periodOf(subscription).end + HOUR);
    expect((await latestInvoice(stripe, subscription.id)).total).toBe(625);
    await stripe.customers.update(customer.id, { tax_exempt: 'exempt' });
    const next = await stripe.subscriptions.retrieve(subscription.id);
    await test.moveTo(periodOf(next).end + HOUR);
    const exempt = await latestInvoice(stripe, subscription.id);
    expect(exempt).toMatchObject({ total: 500, total_taxes: [{ amount: 0, taxability_reason: 'customer_exempt' }] });
    const without = await stripe.subscriptions.update(subscription.id, { default_tax_rates: '' });
    expect(without.default_tax_rates).toEqual([]);
  });

  it('is shown to older callers as they knew it', async () => {
    const { rate, subscribe } = await open();
    const vat = await rate(false);
    const subscription = await subscribe({ default_tax_rates: [vat.id] });
    const older = sdk(test.port, { apiVersion: '2024-06-20' as Stripe.LatestApiVersion });
    const invoice = (await older.invoices.retrieve(String(subscription.latest_invoice))) as unknown;
    expect(invoice).toMatchObject({
      tax: 125,
      total_tax_amounts: [{ amount: 125, inclusive: false, tax_rate: vat.id }],
    });
  });
});

describe('tax on an invoice made by hand', () => {
  it('follows its lines and its rates while it is a draft', async () => {
    const { rate, customer } = await open();
    const vat = await rate(false);
    const draft = await stripe.invoices.create({ customer: customer.id, default_tax_rates: [vat.id] });
    await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id ?? '', amount: 1000, currency: 'usd' });
    expect(await stripe.invoices.retrieve(draft.id ?? '')).toMatchObject({ subtotal: 1000, total: 1250 });
    const ten = await rate(false, 10);
    expect((await stripe.invoices.update(draft.id ?? '', { default_tax_rates: [ten.id] })).total).toBe(1100);
    expect((await stripe.invoices.pay(draft.id ?? '')).amount_paid).toBe(1100);
    const note = stripe.creditNotes.create({ invoice: draft.id ?? '', amount: 100, refund_amount: 100 });
    expect((await stripeError(note)).code).toBe('sandbox_unsupported');
  });
});

describe('automatic tax', () => {
  it('of an account without registrations is complete, and nothing', async () => {
    const { subscribe } = await open();
    const subscription = await subscribe({ automatic_tax: { enabled: true } });
    expect(subscription.automatic_tax).toEqual({ disabled_reason: null, enabled: true, liability: { type: 'self' } });
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(invoice.automatic_tax).toMatchObject({ enabled: true, status: 'complete', provider: 'stripe' });
    expect([invoice.total, invoice.total_taxes]).toEqual([500, []]);
  });

  it('at Checkout needs an address, or leave to ask for one, and goes on in the subscription', async () => {
    const { customer, price } = await open();
    const session = (more: Partial<Stripe.Checkout.SessionCreateParams>) =>
      stripe.checkout.sessions.create({
        mode: 'subscription',
        customer: customer.id,
        line_items: [{ price: price.id, quantity: 1 }],
        success_url: 'http://127.0.0.1/success',
        automatic_tax: { enabled: true },
        ...more,
      });
    expect((await stripeError(session({}))).code).toBe('customer_tax_location_invalid');
    const made = await session({ billing_address_collection: 'required', customer_update: { address: 'auto' } });
    expect(made.automatic_tax).toMatchObject({ enabled: true, status: 'requires_location_inputs' });
    await test.control('POST', `/checkout/sessions/${made.id}/complete`, {});
    const done = await stripe.checkout.sessions.retrieve(made.id, { expand: ['subscription'] });
    expect(done.automatic_tax.status).toBe('complete');
    expect((done.subscription as Stripe.Subscription).automatic_tax.enabled).toBe(true);
  });

  it('goes with no rates set by hand', async () => {
    const { rate, subscribe } = await open();
    const { id } = await rate(false);
    const both = subscribe({ automatic_tax: { enabled: true }, default_tax_rates: [id] });
    expect((await stripeError(both)).param).toBe('default_tax_rates');
  });
});
