import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
  createCustomer,
  createPrice,
  DAY,
  HOUR,
  periodOf,
  startTestStripe,
  stripeError,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
let customer: Stripe.Customer;

beforeEach(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
  customer = await createCustomer(stripe);
});
afterEach(() => test.close());

async function draftOver(amount: number, more: Partial<Stripe.InvoiceCreateParams> = {}): Promise<Stripe.Invoice> {
  const draft = await stripe.invoices.create({ customer: customer.id, ...more });
  await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount, currency: 'usd' });
  return stripe.invoices.retrieve(draft.id ?? '');
}

async function eventTypes(of: string): Promise<string[]> {
  const { data } = await stripe.events.list({ limit: 100 });
  return data.filter((event) => (event.data.object as { id?: string }).id === of).map((event) => event.type);
}

describe('an invoice made by hand', () => {
  it('is an empty draft that waits, until items are put on it, it is finalised and paid', async () => {
    const empty = await stripe.invoices.create({ customer: customer.id, description: 'Setup', footer: 'Thanks' });
    expect(empty).toMatchObject({
      status: 'draft',
      auto_advance: false,
      billing_reason: 'manual',
      collection_method: 'charge_automatically',
      amount_due: 0,
      currency: 'usd',
      description: 'Setup',
      footer: 'Thanks',
      parent: null,
      automatically_finalizes_at: null,
    });
    const price = await createPrice(stripe, null, 1999);
    const item = await stripe.invoiceItems.create({
      customer: customer.id,
      invoice: empty.id,
      pricing: { price: price.id },
      quantity: 3,
    });
    const draft = await stripe.invoices.retrieve(empty.id ?? '');
    expect(draft).toMatchObject({ subtotal: 5997, total: 5997, amount_due: 5997, amount_remaining: 5997 });
    expect(draft.lines.data[0]).toMatchObject({
      amount: 5997,
      quantity: 3,
      description: 'Licence',
      parent: { type: 'invoice_item_details', invoice_item_details: { invoice_item: item.id, subscription: null } },
      pricing: { price_details: { price: price.id } },
    });
    await test.moveTo((await test.now()) + 40 * DAY);
    expect((await stripe.invoices.retrieve(empty.id ?? '')).status).toBe('draft');
    const open = await stripe.invoices.finalizeInvoice(empty.id ?? '');
    expect(open).toMatchObject({ status: 'open', number: `${customer.invoice_prefix}-0001` });
    expect(await stripe.invoices.pay(empty.id ?? '')).toMatchObject({ status: 'paid', amount_paid: 5997 });
  });

  it('that goes on by itself is finalised after an hour and charged', async () => {
    const draft = await draftOver(1000, { auto_advance: true });
    expect(draft).toMatchObject({ auto_advance: true, automatically_finalizes_at: draft.created + HOUR });
    await test.moveTo(draft.created + HOUR - 1);
    expect((await stripe.invoices.retrieve(draft.id ?? '')).status).toBe('draft');
    await test.moveTo(draft.created + HOUR);
    expect(await stripe.invoices.retrieve(draft.id ?? '')).toMatchObject({ status: 'paid', amount_paid: 1000 });
  });

  it('is finalised at the time it was given, and not at all once that is switched off', async () => {
    const at = (await test.now()) + 5 * DAY;
    const timed = await draftOver(1000, { automatically_finalizes_at: at });
    const stopped = await draftOver(1000, { auto_advance: true });
    await stripe.invoices.update(stopped.id ?? '', { auto_advance: false });
    await test.moveTo(at);
    expect(await stripe.invoices.retrieve(timed.id ?? '')).toMatchObject({
      status: 'paid',
      status_transitions: { finalized_at: at },
    });
    expect((await stripe.invoices.retrieve(stopped.id ?? '')).status).toBe('draft');
  });

  it('is tried again on the schedule when its card fails, though it has no subscription', async () => {
    customer = await createCustomer(stripe, 'pm_card_chargeCustomerFail');
    const draft = await draftOver(1000, { auto_advance: true });
    await test.moveTo(draft.created + HOUR);
    const failed = await stripe.invoices.retrieve(draft.id ?? '');
    expect(failed).toMatchObject({
      status: 'open',
      attempt_count: 1,
      next_payment_attempt: draft.created + HOUR + 3 * DAY,
    });
    await test.control('POST', `/customers/${customer.id}/payment_method`, { payment_method: 'pm_card_visa' });
    await test.moveTo(draft.created + HOUR + 3 * DAY);
    expect((await stripe.invoices.retrieve(draft.id ?? '')).status).toBe('paid');
  });

  it('that is sent is due on its day and waits for the customer', async () => {
    const wanted: Partial<Stripe.InvoiceCreateParams> = { collection_method: 'send_invoice', days_until_due: 14 };
    const draft = await draftOver(2500, wanted);
    expect(draft.due_date).toBe(draft.created + 14 * DAY);
    const sent = await stripe.invoices.sendInvoice(draft.id ?? '');
    expect(sent).toMatchObject({ status: 'open', due_date: draft.created + 14 * DAY, next_payment_attempt: null });
    expect(await eventTypes(draft.id ?? '')).toEqual([
      'invoice.sent',
      'invoice.finalized',
      'invoice.updated',
      'invoice.created',
    ]);
    await test.moveTo(draft.created + 10 * DAY);
    expect((await stripe.invoices.retrieve(draft.id ?? '')).attempt_count).toBe(0);
    const charged = await draftOver(1000);
    const notSent = await stripeError(stripe.invoices.sendInvoice(charged.id ?? ''));
    expect(notSent.message).toContain('send_invoice');
    const dateless = stripe.invoices.create({ customer: customer.id, collection_method: 'send_invoice' });
    expect((await stripeError(dateless)).param).toBe('days_until_due');
    const charge = stripe.invoices.create({ customer: customer.id, days_until_due: 3 });
    expect((await stripeError(charge)).param).toBe('days_until_due');
  });

  it('takes up what is pending only when it is asked to', async () => {
    const pending = await stripe.invoiceItems.create({ customer: customer.id, amount: 700, currency: 'usd' });
    const without = await stripe.invoices.create({ customer: customer.id });
    expect(without.lines.data).toEqual([]);
    const wanted = { customer: customer.id, pending_invoice_items_behavior: 'include' } as const;
    const taken = await stripe.invoices.create(wanted);
    expect(taken).toMatchObject({ amount_due: 700, currency: 'usd' });
    expect((await stripe.invoiceItems.retrieve(pending.id)).invoice).toBe(taken.id);
    const again = await stripe.invoices.create(wanted);
    expect(again.amount_due).toBe(0);
  });

  it('pays itself out of what the customer has to their credit, and gives back what is below zero', async () => {
    await stripe.customers.createBalanceTransaction(customer.id, { amount: -300, currency: 'usd' });
    const draft = await draftOver(1000);
    expect(draft).toMatchObject({ total: 1000, amount_due: 700, starting_balance: -300 });
    const open = await stripe.invoices.finalizeInvoice(draft.id ?? '');
    expect(open).toMatchObject({ amount_due: 700, ending_balance: 0 });
    const refund = await draftOver(-450);
    const credited = await stripe.invoices.finalizeInvoice(refund.id ?? '');
    expect(credited).toMatchObject({ status: 'paid', total: -450, amount_due: 0, ending_balance: -450 });
  });

  it('is discounted line by line, also by what is put on it later', async () => {
    const coupon = await stripe.coupons.create({ percent_off: 25, duration: 'once' });
    const draft = await draftOver(1000, { discounts: [{ coupon: coupon.id }] });
    expect(draft).toMatchObject({ subtotal: 1000, total: 750, amount_due: 750 });
    await stripe.invoiceItems.create({
      customer: customer.id,
      invoice: draft.id,
      amount: 200,
      currency: 'usd',
      discountable: false,
    });
    expect(await stripe.invoices.retrieve(draft.id ?? '')).toMatchObject({ subtotal: 1200, total: 950 });
    const plain = await stripe.invoices.update(draft.id ?? '', { discounts: '' });
    expect(plain).toMatchObject({ total: 1200, discounts: [], total_discount_amounts: [] });
  });

  it('can be changed while it is a draft, and hardly afterwards', async () => {
    const draft = await draftOver(1000, { metadata: { order: '7', by: 'ada' } });
    const card = await stripe.paymentMethods.attach('pm_card_mastercard', { customer: customer.id });
    const changed = await stripe.invoices.update(draft.id ?? '', {
      description: 'Two hours',
      collection_method: 'send_invoice',
      days_until_due: 7,
      metadata: { by: '' },
      default_payment_method: card.id,
    });
    expect(changed).toMatchObject({
      description: 'Two hours',
      collection_method: 'send_invoice',
      due_date: draft.created + 7 * DAY,
      metadata: { order: '7' },
      default_payment_method: card.id,
    });
    await stripe.invoices.finalizeInvoice(draft.id ?? '');
    const late = await stripeError(stripe.invoices.update(draft.id ?? '', { description: 'Three hours' }));
    expect(late.code).toBe('invoice_not_editable');
    const noted = await stripe.invoices.update(draft.id ?? '', { metadata: { paid_by: 'wire' } });
    expect(noted.metadata).toEqual({ order: '7', paid_by: 'wire' });
  });

  it('can be deleted while it is a draft: what was pending is pending again', async () => {
    const pending = await stripe.invoiceItems.create({ customer: customer.id, amount: 700, currency: 'usd' });
    const draft = await stripe.invoices.create({ customer: customer.id, pending_invoice_items_behavior: 'include' });
    const own = await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 5 });
    expect(await stripe.invoices.del(draft.id ?? '')).toMatchObject({ id: draft.id, deleted: true });
    expect((await stripe.invoiceItems.retrieve(pending.id)).invoice).toBe(null);
    expect((await stripeError(stripe.invoiceItems.retrieve(own.id))).code).toBe('resource_missing');
    const open = await draftOver(100);
    await stripe.invoices.finalizeInvoice(open.id ?? '');
    expect((await stripeError(stripe.invoices.del(open.id ?? ''))).code).toBe('invoice_not_editable');
  });

  it('finalised by hand while it goes on by itself is charged an hour later', async () => {
    const draft = await draftOver(1000);
    const open = await stripe.invoices.finalizeInvoice(draft.id ?? '', { auto_advance: true });
    expect(open).toMatchObject({ status: 'open', next_payment_attempt: (open.effective_at ?? 0) + HOUR });
    await test.moveTo((open.effective_at ?? 0) + HOUR);
    expect((await stripe.invoices.retrieve(draft.id ?? '')).status).toBe('paid');
  });
});

describe('the lines of a draft', () => {
  it('are added, changed and removed, and the sums follow', async () => {
    const draft = await stripe.invoices.create({ customer: customer.id });
    const id = draft.id ?? '';
    const pending = await stripe.invoiceItems.create({ customer: customer.id, amount: 700, currency: 'usd' });
    const added = await stripe.invoices.addLines(id, {
      lines: [
        { invoice_item: pending.id },
        { price_data: { currency: 'usd', unit_amount: 250, product_data: { name: 'Hour' } }, quantity: 4 },
        { amount: -100, description: 'Goodwill' },
      ],
      invoice_metadata: { step: 'added' },
    });
    expect(added).toMatchObject({ total: 1600, metadata: { step: 'added' } });
    const [first, second, third] = added.lines.data;
    expect(second).toMatchObject({ amount: 1000, description: 'Hour', quantity: 4 });
    expect(third).toMatchObject({ amount: -100, description: 'Goodwill', discountable: false });
    const updated = await stripe.invoices.updateLines(id, {
      lines: [
        { id: second?.id ?? '', quantity: 6, metadata: { hours: '6' } },
        { id: third?.id ?? '', amount: -50 },
      ],
    });
    expect(updated.total).toBe(2150);
    expect(updated.lines.data[1]).toMatchObject({ id: second?.id, amount: 1500, metadata: { hours: '6' } });
    const line = await stripe.invoices.updateLineItem(id, third?.id ?? '', { amount: -25, description: 'Sorry' });
    expect(line).toMatchObject({ id: third?.id, amount: -25, description: 'Sorry' });
    const removed = await stripe.invoices.removeLines(id, {
      lines: [
        { id: first?.id ?? '', behavior: 'unassign' },
        { id: third?.id ?? '', behavior: 'delete' },
      ],
    });
    expect(removed).toMatchObject({ total: 1500, amount_due: 1500 });
    expect(
      (await stripe.invoiceItems.list({ customer: customer.id, pending: true })).data.map((one) => one.id),
    ).toEqual([pending.id]);
  });
});

describe('the invoices of a customer who is deleted', () => {
  it('stay as they are', async () => {
    const draft = await draftOver(1000, { auto_advance: true });
    const sent = await draftOver(1000, { collection_method: 'send_invoice', days_until_due: 2 });
    await stripe.invoices.finalizeInvoice(sent.id ?? '');
    await stripe.customers.del(customer.id);
    await test.moveTo(draft.created + 10 * DAY);
    expect(await stripe.invoices.retrieve(draft.id ?? '')).toMatchObject({ status: 'draft', auto_advance: false });
    expect((await stripe.invoices.retrieve(sent.id ?? '')).status).toBe('open');
    expect((await stripe.events.list({ type: 'invoice.overdue' })).data).toEqual([]);
  });
});

describe('an invoice made by hand for a subscription', () => {
  it('bills the prorations of a change ahead of the renewal, with or without naming it', async () => {
    await test.close();
    const begun = await beginSubscription();
    test = begun.test;
    stripe = begun.stripe;
    const { start, end } = periodOf(begun.subscription);
    const item = begun.subscription.items.data[0]?.id ?? '';
    const change = (quantity: number) =>
      stripe.subscriptions.update(begun.subscription.id, {
        items: [{ id: item, quantity }],
        proration_behavior: 'create_prorations',
        proration_date: start + (end - start) / 2,
      });
    await change(2);
    const named = await stripe.invoices.create({ customer: begun.customer.id, subscription: begun.subscription.id });
    expect(named).toMatchObject({ amount_due: 1250, lines: { data: [{ amount: -1250 }, { amount: 2500 }] } });
    await change(4);
    const wanted = { customer: begun.customer.id, pending_invoice_items_behavior: 'include' as const };
    expect((await stripe.invoices.create(wanted)).amount_due).toBe(2500);
    await test.moveTo(end);
    const [renewal] = (await stripe.invoices.list({ subscription: begun.subscription.id, limit: 1 })).data;
    expect(renewal?.amount_due).toBe(10_000);
  });

  it('bills what is pending for it, and does not move its period', async () => {
    await test.close();
    const begun = await beginSubscription();
    test = begun.test;
    const { subscription } = begun;
    stripe = begun.stripe;
    const of = { customer: begun.customer.id, subscription: subscription.id };
    const nothing = await stripeError(stripe.invoices.create(of));
    expect(nothing.code).toBe('invoice_no_subscription_line_items');
    await stripe.invoiceItems.create({ ...of, amount: 640, description: 'Overage' });
    await stripe.invoiceItems.create({ customer: begun.customer.id, amount: 1, currency: 'usd' });
    const invoice = await stripe.invoices.create(of);
    expect(invoice).toMatchObject({ amount_due: 640, billing_reason: 'manual', currency: 'usd' });
    expect(invoice.parent?.subscription_details?.subscription).toBe(subscription.id);
    expect(await stripe.invoices.pay(invoice.id ?? '')).toMatchObject({ status: 'paid' });
    const after = await stripe.subscriptions.retrieve(subscription.id);
    expect(after.items.data).toEqual(subscription.items.data);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
  });

  it('does not decide how the subscription stands: neither unpaid nor paid', async () => {
    await test.close();
    const begun = await beginSubscription();
    test = begun.test;
    stripe = begun.stripe;
    const { subscription } = begun;
    const of = { customer: begun.customer.id, subscription: subscription.id };
    const use = (payment_method: string) =>
      test.control('POST', `/customers/${begun.customer.id}/payment_method`, { payment_method });
    const status = async () => (await stripe.subscriptions.retrieve(subscription.id)).status;
    await use('pm_card_chargeCustomerFail');
    await stripe.invoiceItems.create({ ...of, amount: 640 });
    const overage = await stripe.invoices.create({ ...of, auto_advance: true });
    await test.moveTo(overage.created + 20 * DAY);
    const failed = await stripe.invoices.retrieve(overage.id ?? '');
    expect(failed).toMatchObject({ status: 'open', attempt_count: 4, next_payment_attempt: null });
    expect(await status()).toBe('active');
    await test.moveTo(periodOf(subscription).end + HOUR);
    expect(await status()).toBe('past_due');
    const renewal = (await stripe.invoices.list({ subscription: subscription.id, limit: 1 })).data[0];
    await stripe.invoiceItems.create({ ...of, amount: 1 });
    const newest = await stripe.invoices.create(of);
    await use('pm_card_visa');
    await stripe.invoices.pay(newest.id ?? '');
    expect(await status()).toBe('past_due');
    await stripe.invoices.pay(renewal?.id ?? '');
    expect(await status()).toBe('active');
  });
});

describe('an invoice that is sent, when its customer’s card is declined', () => {
  it('waits for another one: nothing is tried again by itself', async () => {
    const draft = await draftOver(1000, { collection_method: 'send_invoice', days_until_due: 30, auto_advance: true });
    await stripe.invoices.sendInvoice(draft.id ?? '');
    const card = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
    const declined = stripe.invoices.pay(draft.id ?? '', { payment_method: card.id });
    expect((await stripeError(declined)).code).toBe('card_declined');
    await test.moveTo(draft.created + 10 * DAY);
    const open = await stripe.invoices.retrieve(draft.id ?? '');
    expect(open).toMatchObject({ status: 'open', attempt_count: 1, next_payment_attempt: null });
    expect(((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).delinquent).toBe(false);
  });
});
