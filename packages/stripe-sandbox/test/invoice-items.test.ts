import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
  createPrice,
  HOUR,
  latestInvoice,
  periodOf,
  stripeError,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
let customer: string;
let subscription: Stripe.Subscription;

beforeEach(async () => {
  const begun = await beginSubscription();
  ({ test, stripe, subscription } = begun);
  customer = begun.customer.id;
});
afterEach(() => test.close());

describe('an invoice item', () => {
  it('says what it costs in one of four ways', async () => {
    const price = await createPrice(stripe, null, 333);
    const ofPrice = await stripe.invoiceItems.create({ customer, pricing: { price: price.id }, quantity: 2 });
    expect(ofPrice).toMatchObject({
      amount: 666,
      quantity: 2,
      description: 'Licence',
      discountable: true,
      invoice: null,
    });
    expect(ofPrice.pricing).toMatchObject({ price_details: { price: price.id, product: price.product } });
    const inline = await stripe.invoiceItems.create({
      customer,
      price_data: { currency: 'usd', product: String(price.product), unit_amount_decimal: '0.5' as never },
      quantity: 3,
    });
    // 1.5 cents, rounded half up, once.
    expect(inline.amount).toBe(2);
    const unit = await stripe.invoiceItems.create({ customer, unit_amount_decimal: '-12.5' as never, quantity: 3 });
    expect(unit).toMatchObject({ amount: -38, currency: 'usd', discountable: false });
    const amount = await stripe.invoiceItems.create({ customer, amount: 999, currency: 'usd', metadata: { a: 'b' } });
    expect(amount).toMatchObject({ amount: 999, quantity: 1, metadata: { a: 'b' }, net_amount: 999 });
    expect((await stripeError(stripe.invoiceItems.create({ customer }))).code).toBe('parameter_missing');
    const both = stripe.invoiceItems.create({ customer, amount: 1, pricing: { price: price.id } });
    expect((await stripeError(both)).code).toBe('parameters_exclusive');
    const monthly = await createPrice(stripe);
    const recurring = stripe.invoiceItems.create({ customer, pricing: { price: monthly.id } });
    expect((await stripeError(recurring)).param).toBe('pricing[price]');
  });

  it('goes on the next invoice of its subscription, or of any when it has none, and once only', async () => {
    const [item] = subscription.items.data;
    const other = await stripe.subscriptions.create({ customer, items: [{ price: item?.price.id ?? '' }] });
    const period = { start: periodOf(subscription).start, end: periodOf(subscription).end };
    const own = await stripe.invoiceItems.create({
      customer,
      subscription: subscription.id,
      amount: 250,
      description: '25 calls above 100',
      period,
    });
    const foreign = await stripe.invoiceItems.create({ customer, subscription: other.id, amount: 1 });
    await test.moveTo(periodOf(other).end);
    const renewals = (await stripe.invoices.list({ customer, limit: 2 })).data;
    const renewal = renewals.find((one) => one.parent?.subscription_details?.subscription === subscription.id);
    expect(renewal).toMatchObject({ amount_due: 2750, billing_reason: 'subscription_cycle' });
    expect(renewal?.lines.data[0]).toMatchObject({
      amount: 250,
      description: '25 calls above 100',
      period,
      parent: { invoice_item_details: { invoice_item: own.id, subscription: subscription.id } },
    });
    expect((await stripe.invoiceItems.retrieve(own.id)).invoice).toBe(renewal?.id);
    const anotherOne = await stripe.invoiceItems.retrieve(foreign.id);
    expect(anotherOne.invoice).not.toBe(renewal?.id);
    expect(anotherOne.invoice).not.toBe(null);
  });

  it('goes on a renewal that is still a draft, and is charged with it', async () => {
    await test.moveTo(periodOf(subscription).end);
    const draft = await latestInvoice(stripe, subscription.id);
    expect(draft.status).toBe('draft');
    await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 120 });
    await test.moveTo(periodOf(subscription).end + HOUR);
    expect(await stripe.invoices.retrieve(draft.id ?? '')).toMatchObject({ status: 'paid', amount_paid: 2620 });
    const late = await stripeError(stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 120 }));
    expect(late.code).toBe('invoice_not_editable');
  });

  it('is seen in the preview of the next invoice', async () => {
    await stripe.invoiceItems.create({ customer, subscription: subscription.id, amount: 250 });
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    expect(preview.amount_due).toBe(2750);
  });

  it('can be changed and deleted until its invoice is final', async () => {
    const pending = await stripe.invoiceItems.create({ customer, unit_amount_decimal: '10' as never, quantity: 5 });
    expect(await stripe.invoiceItems.update(pending.id, { quantity: 7 })).toMatchObject({ amount: 70, quantity: 7 });
    const renamed = await stripe.invoiceItems.update(pending.id, {
      amount: 80,
      description: 'Calls',
      metadata: { a: '1' },
    });
    expect(renamed).toMatchObject({ amount: 80, quantity: 1, description: 'Calls', metadata: { a: '1' } });
    const draft = await stripe.invoices.create({ customer, pending_invoice_items_behavior: 'include' });
    await stripe.invoiceItems.update(pending.id, { amount: 90 });
    const shown = await stripe.invoices.retrieve(draft.id ?? '');
    expect(shown).toMatchObject({ total: 90, amount_due: 90 });
    expect(shown.lines.data[0]?.id).toBe(draft.lines.data[0]?.id);
    const more = await stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 10 });
    expect(await stripe.invoiceItems.del(more.id)).toEqual(expect.objectContaining({ id: more.id, deleted: true }));
    expect((await stripe.invoices.retrieve(draft.id ?? '')).lines.data).toHaveLength(1);
    await stripe.invoices.finalizeInvoice(draft.id ?? '');
    for (const call of [stripe.invoiceItems.update(pending.id, { amount: 1 }), stripe.invoiceItems.del(pending.id)]) {
      expect((await stripeError(call)).code).toBe('invoice_not_editable');
    }
  });

  it('is refused on what is not the customer’s', async () => {
    const stranger = await stripe.customers.create({});
    const draft = await stripe.invoices.create({ customer: stranger.id });
    const onInvoice = stripe.invoiceItems.create({ customer, invoice: draft.id, amount: 5 });
    expect((await stripeError(onInvoice)).param).toBe('invoice');
    const onSubscription = stripe.invoiceItems.create({
      customer: stranger.id,
      subscription: subscription.id,
      amount: 5,
    });
    expect((await stripeError(onSubscription)).param).toBe('subscription');
  });
});
