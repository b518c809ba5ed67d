import type Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
  createCustomer,
  createPrice,
  HOUR,
  latestInvoice,
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

/** An open invoice over `quantity` things of `amount` each. */
async function openInvoice(amount: number, quantity = 1, more: Partial<Stripe.InvoiceCreateParams> = {}) {
  const draft = await stripe.invoices.create({ customer: customer.id, ...more });
  const price = await createPrice(stripe, null, amount);
  await stripe.invoiceItems.create({
    customer: customer.id,
    invoice: draft.id,
    pricing: { price: price.id },
    quantity,
  });
  return stripe.invoices.finalizeInvoice(draft.id ?? '');
}

async function paidInvoice(amount: number, quantity = 1, more: Partial<Stripe.InvoiceCreateParams> = {}) {
  const { id = '' } = await openInvoice(amount, quantity, more);
  return stripe.invoices.pay(id);
}

async function intentOf(invoice: Stripe.Invoice): Promise<Stripe.PaymentIntent> {
  const { data } = await stripe.invoicePayments.list({ invoice: invoice.id ?? '' });
  return stripe.paymentIntents.retrieve(String(data[0]?.payment.payment_intent));
}

async function howMany(type: string): Promise<number> {
  return (await stripe.events.list({ type, limit: 100 })).data.length;
}

describe('a credit note for an open invoice', () => {
  // The guide's first example: 110 dollars were charged instead of 100.
  it('lowers what is due, and what is then collected', async () => {
    const invoice = await openInvoice(11_000);
    const note = await stripe.creditNotes.create({ invoice: invoice.id ?? '', amount: 1000, memo: 'Overbilled' });
    expect(note).toMatchObject({
      amount: 1000,
      total: 1000,
      subtotal: 1000,
      pre_payment_amount: 1000,
      post_payment_amount: 0,
      type: 'pre_payment',
      status: 'issued',
      number: `${invoice.number}-CN-01`,
      memo: 'Overbilled',
      customer: customer.id,
      refunds: [],
    });
    const lowered = await stripe.invoices.retrieve(invoice.id ?? '');
    expect(lowered).toMatchObject({
      status: 'open',
      total: 11_000,
      amount_due: 10_000,
      amount_remaining: 10_000,
      pre_payment_credit_notes_amount: 1000,
      post_payment_credit_notes_amount: 0,
    });
    const paid = await stripe.invoices.pay(invoice.id ?? '');
    expect(paid).toMatchObject({ status: 'paid', amount_paid: 10_000 });
    expect((await intentOf(paid)).amount_received).toBe(10_000);
  });

  it('over all of it makes the invoice paid without a payment', async () => {
    const invoice = await openInvoice(2500);
    await stripe.creditNotes.create({ invoice: invoice.id ?? '', amount: 2500, reason: 'duplicate' });
    const paid = await stripe.invoices.retrieve(invoice.id ?? '');
    expect(paid).toMatchObject({ status: 'paid', amount_due: 0, amount_paid: 0, amount_remaining: 0 });
    expect((await intentOf(invoice)).status).toBe('canceled');
    expect(await howMany('credit_note.created')).toBe(1);
  });

  it('can be voided: as much is owed as before', async () => {
    const invoice = await openInvoice(2500);
    const note = await stripe.creditNotes.create({ invoice: invoice.id ?? '', amount: 400 });
    const changed = await stripe.creditNotes.update(note.id, { memo: 'A mistake' });
    expect(changed.memo).toBe('A mistake');
    const voided = await stripe.creditNotes.voidCreditNote(note.id);
    expect(voided).toMatchObject({ status: 'void', voided_at: expect.any(Number) });
    const owed = await stripe.invoices.retrieve(invoice.id ?? '');
    expect(owed).toMatchObject({ amount_due: 2500, amount_remaining: 2500, pre_payment_credit_notes_amount: 0 });
    expect((await intentOf(owed)).amount).toBe(2500);
    await stripe.creditNotes.create({ invoice: invoice.id ?? '', amount: 2500 });
    expect(await howMany('credit_note.created')).toBe(2);
    expect(await howMany('credit_note.voided')).toBe(1);
  });
});

describe('a credit note for a paid invoice', () => {
  // The guide's second example: fifteen were billed, thirteen are there.
  it('gives back two of fifteen by refund', async () => {
    const invoice = await paidInvoice(700, 15);
    const line = invoice.lines.data[0]?.id ?? '';
    const wanted = {
      invoice: invoice.id ?? '',
      lines: [{ type: 'invoice_line_item' as const, invoice_line_item: line, quantity: 2 }],
      refund_amount: 1400,
    };
    const preview = await stripe.creditNotes.preview(wanted);
    expect(preview).toMatchObject({ total: 1400, post_payment_amount: 1400 });
    expect((await stripe.creditNotes.list({ invoice: invoice.id ?? '' })).data).toEqual([]);
    const previewed = await stripe.creditNotes.listPreviewLineItems(wanted);
    expect(previewed.data).toHaveLength(1);
    const note = await stripe.creditNotes.create(wanted);
    expect(note).toMatchObject({
      type: 'post_payment',
      amount: 1400,
      pre_payment_amount: 0,
      post_payment_amount: 1400,
    });
    expect(note.lines.data).toMatchObject([{ amount: 1400, quantity: 2, invoice_line_item: line, unit_amount: 700 }]);
    expect((await stripe.creditNotes.listLineItems(note.id)).data).toEqual(note.lines.data);
    const [refund] = note.refunds;
    expect(await stripe.refunds.retrieve(String(refund?.refund))).toMatchObject({ amount: 1400, status: 'succeeded' });
    const after = await stripe.invoices.retrieve(invoice.id ?? '');
    expect(after).toMatchObject({
      status: 'paid',
      amount_paid: 10_500,
      amount_due: 10_500,
      post_payment_credit_notes_amount: 1400,
    });
  });

  it('gives back in three ways at once, which must come to what is given back', async () => {
    const invoice = await paidInvoice(10_000);
    const of = { invoice: invoice.id ?? '', amount: 6000 };
    const short = stripe.creditNotes.create({ ...of, refund_amount: 1000, credit_amount: 2000 });
    expect((await stripeError(short)).message).toContain('must equal the post payment amount ($60.00)');
    const note = await stripe.creditNotes.create({
      ...of,
      refund_amount: 1000,
      credit_amount: 2000,
      out_of_band_amount: 3000,
    });
    expect(note.out_of_band_amount).toBe(3000);
    const transaction = await stripe.customers.retrieveBalanceTransaction(
      customer.id,
      String(note.customer_balance_transaction),
    );
    expect(transaction).toMatchObject({ amount: -2000, type: 'credit_note', credit_note: note.id });
    expect(((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).balance).toBe(-2000);
    const charge = String((await intentOf(invoice)).latest_charge);
    expect((await stripe.charges.retrieve(charge)).amount_refunded).toBe(1000);
    expect((await stripeError(stripe.creditNotes.voidCreditNote(note.id))).message).toContain('only void');
  });

  it('can stand for a refund that was made before', async () => {
    const invoice = await paidInvoice(5000);
    const charge = String((await intentOf(invoice)).latest_charge);
    const refund = await stripe.refunds.create({ charge, amount: 1200 });
    const note = await stripe.creditNotes.create({
      invoice: invoice.id ?? '',
      amount: 1200,
      refunds: [{ refund: refund.id }],
    });
    expect(note.refunds).toMatchObject([{ refund: refund.id, amount_refunded: 1200, type: 'refund' }]);
    expect((await stripe.refunds.list({ charge })).data).toHaveLength(1);
    const stranger = await paidInvoice(5000);
    const other = stripe.creditNotes.create({
      invoice: stranger.id ?? '',
      amount: 1200,
      refunds: [{ refund: refund.id }],
    });
    expect((await stripeError(other)).param).toBe('refunds[0][refund]');
  });

  it('does not give back what a discount had taken off', async () => {
    const coupon = await stripe.coupons.create({ percent_off: 20, duration: 'once' });
    const invoice = await paidInvoice(1000, 3, { discounts: [{ coupon: coupon.id }] });
    expect(invoice.amount_paid).toBe(2400);
    const line = invoice.lines.data[0]?.id ?? '';
    const note = await stripe.creditNotes.create({
      invoice: invoice.id ?? '',
      lines: [{ type: 'invoice_line_item', invoice_line_item: line, quantity: 1 }],
      credit_amount: 800,
    });
    expect(note).toMatchObject({ subtotal: 1000, discount_amount: 200, total: 800 });
    expect(note.lines.data[0]).toMatchObject({ amount: 1000, discount_amount: 200 });
  });

  it('never gives back more than the invoice came to, nor a line twice', async () => {
    const invoice = await paidInvoice(1000, 2);
    const id = invoice.id ?? '';
    const tooMuch = stripe.creditNotes.create({ invoice: id, amount: 2001, credit_amount: 2001 });
    expect((await stripeError(tooMuch)).param).toBe('amount');
    const line = { type: 'invoice_line_item' as const, invoice_line_item: invoice.lines.data[0]?.id ?? '' };
    await stripe.creditNotes.create({ invoice: id, lines: [{ ...line, quantity: 1 }], credit_amount: 1000 });
    const twice = stripe.creditNotes.create({ invoice: id, lines: [{ ...line, amount: 1001 }], credit_amount: 1001 });
    expect((await stripeError(twice)).message).toContain('1000 left to credit');
    const rest = await stripe.creditNotes.create({ invoice: id, lines: [line], credit_amount: 1000 });
    expect(rest).toMatchObject({ amount: 1000, number: `${invoice.number}-CN-02` });
    const none = stripe.creditNotes.create({ invoice: id, amount: 1, credit_amount: 1 });
    expect((await stripeError(none)).param).toBe('amount');
    expect((await stripe.creditNotes.list({ invoice: id })).data).toHaveLength(2);
  });

  it('is refused for drafts and void invoices', async () => {
    const draft = await stripe.invoices.create({ customer: customer.id });
    const onDraft = stripe.creditNotes.create({ invoice: draft.id ?? '', amount: 1 });
    expect((await stripeError(onDraft)).param).toBe('invoice');
    const open = await openInvoice(1000);
    await stripe.invoices.voidInvoice(open.id ?? '');
    const onVoid = stripe.creditNotes.create({ invoice: open.id ?? '', amount: 1 });
    expect((await stripeError(onVoid)).param).toBe('invoice');
  });
});

describe('a credit note for the renewal of a subscription that is behind', () => {
  it('over all that is owed recovers it', async () => {
    await test.close();
    const begun = await beginSubscription();
    ({ test, stripe } = begun);
    const { subscription } = begun;
    await test.control('POST', `/customers/${begun.customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    await test.moveTo(periodOf(subscription).end + HOUR);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
    const invoice = await latestInvoice(stripe, subscription.id);
    await stripe.creditNotes.create({ invoice: invoice.id ?? '', amount: 2500 });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    expect((await stripe.invoices.retrieve(invoice.id ?? '')).status).toBe('paid');
  });
});

describe('canceling a refund', () => {
  it('is refused: refunds of cards do not wait for anybody', async () => {
    const invoice = await paidInvoice(5000);
    const refund = await stripe.refunds.create({ charge: String((await intentOf(invoice)).latest_charge) });
    expect((await stripeError(stripe.refunds.cancel(refund.id))).message).toContain('requires_action');
  });
});
