import { invalidRequest, unsupported } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import { embeddedList } from '../json.ts';
import type { Charge, Refund } from '../objects/charge.ts';
import type { CreditNote } from '../objects/credit-note.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { Metadata } from '../objects/parts.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { formatAmount } from './amounts.ts';
import { moveBalance } from './balance.ts';
import { recoverSubscription } from './collection.ts';
import { type Credited, creditLines, creditSums } from './credit-note-lines.ts';
import { intentOf, markInvoicePaid, requestInstead } from './invoices.ts';
import { createRefund } from './refunds.ts';

/** Credit notes (https://docs.stripe.com/invoicing/integration/programmatic-credit-notes). */

export type CreditRequest = {
  invoice: Invoice;
  credited: readonly Credited[];
  refundAmount: number;
  creditAmount: number;
  outOfBandAmount: number | null;
  /** Refunds made already that this note stands for. */
  refunds: readonly { refund: Refund; amount: number }[];
  reason: CreditNote['reason'];
  memo: string | null;
  metadata: Metadata;
  effectiveAt: number | null;
};

/** The notes of an invoice that stand. */
function notesOf(work: Work, invoice: string): CreditNote[] {
  return work.select('credit_note', [equals('$.invoice', invoice)]);
}

function requireCreditable(invoice: Invoice): void {
  if (invoice.status === 'open' || invoice.status === 'paid' || invoice.status === 'uncollectible') return;
  throw invalidRequest(`You can only create credit notes for finalized invoices; this one is ${invoice.status}.`, {
    param: 'invoice',
  });
}

function requireWithin(invoice: Invoice, amount: number): void {
  const credited = invoice.pre_payment_credit_notes_amount + invoice.post_payment_credit_notes_amount;
  const left = Math.max(0, invoice.total) - credited;
  if (amount > 0 && amount <= left) return;
  throw invalidRequest(
    `The amount of the credit note (${formatAmount(amount, invoice.currency)}) must be above zero and cannot be greater than what is left of the invoice's total (${formatAmount(left, invoice.currency)}).`,
    { param: 'amount' },
  );
}

/** What was paid and is given back has to be accounted for, to the cent. */
function requireSettled(request: CreditRequest, post: number): void {
  const linked = request.refunds.reduce((sum, { amount }) => sum + amount, 0);
  const settled = request.refundAmount + request.creditAmount + (request.outOfBandAmount ?? 0) + linked;
  if (settled === post) return;
  const { currency } = request.invoice;
  throw invalidRequest(
    `The sum of refunds, credit amount and out of band amount (${formatAmount(settled, currency)}) must equal the post payment amount (${formatAmount(post, currency)}).`,
    { param: 'refund_amount' },
  );
}

/** The note as it would be issued, with nothing done yet. Throws when it cannot be. */
export function composeCreditNote(work: Work, request: CreditRequest): CreditNote {
  const { invoice } = request;
  requireCreditable(invoice);
  if (invoice.total_taxes.length > 0) {
    throw unsupported('invoice', 'the local Stripe does not credit invoices with tax yet');
  }
  const notes = notesOf(work, invoice.id);
  const standing = notes.filter((note) => note.status === 'issued');
  const lines = creditLines(
    invoice,
    request.credited,
    standing.flatMap((note) => note.lines.data),
  );
  const sums = creditSums(lines);
  requireWithin(invoice, sums.total);
  const pre = Math.min(sums.total, invoice.amount_remaining);
  const post = sums.total - pre;
  requireSettled(request, post);
  const id = newId('cn_');
  return {
    id,
    object: 'credit_note',
    amount_shipping: 0,
    created: work.now,
    currency: invoice.currency,
    customer: invoice.customer,
    customer_account: null,
    customer_balance_transaction: null,
    effective_at: request.effectiveAt ?? work.now,
    invoice: invoice.id,
    lines: embeddedList(`/v1/credit_notes/${id}/lines`, lines),
    livemode: false,
    memo: request.memo,
    metadata: request.metadata,
    number: `${invoice.number}-CN-${String(notes.length + 1).padStart(2, '0')}`,
    out_of_band_amount: request.outOfBandAmount,
    pdf: `${work.settings.publicUrl}/credit_notes/${id}/pdf`,
    post_payment_amount: post,
    pre_payment_amount: pre,
    reason: request.reason,
    refunds: request.refunds.map(({ refund, amount }) => shownRefund(refund.id, amount)),
    shipping_cost: null,
    status: 'issued',
    total_taxes: [],
    type: post === 0 ? 'pre_payment' : pre === 0 ? 'post_payment' : 'mixed',
    voided_at: null,
    ...sums,
  };
}

function shownRefund(refund: string, amount: number): CreditNote['refunds'][number] {
  return { amount_refunded: amount, payment_record_refund: null, refund, type: 'refund' };
}

/** The charge that paid the invoice. */
export function chargeOf(work: Work, invoice: Invoice): Charge | undefined {
  const intent = intentOf(work, invoice.id);
  return intent?.status === 'succeeded' && intent.latest_charge !== null
    ? work.get('charge', intent.latest_charge)
    : undefined;
}

function refundFor(work: Work, invoice: Invoice, amount: number): Refund {
  const charge = chargeOf(work, invoice);
  if (charge !== undefined) return createRefund(work, charge, { amount, reason: null, metadata: {} });
  throw invalidRequest('There is no charge of this invoice that could be refunded.', { param: 'refund_amount' });
}

/** Less is owed (or, when a note is void, more again): the invoice says so, and asks for as much. */
function changeOwed(work: Work, invoice: Invoice, less: number): Invoice {
  const remaining = invoice.amount_remaining - less;
  const changed = work.update(
    invoice,
    {
      amount_due: invoice.amount_due - less,
      amount_remaining: remaining,
      pre_payment_credit_notes_amount: invoice.pre_payment_credit_notes_amount + less,
    },
    'invoice.updated',
  );
  requestInstead(work, changed, remaining);
  return changed;
}

/** Issues a credit note: what is still owed becomes less, what was paid already goes back the ways that were asked for. */
export function issueCreditNote(work: Work, request: CreditRequest): CreditNote {
  const composed = composeCreditNote(work, request);
  const { invoice } = request;
  const refund = request.refundAmount > 0 ? refundFor(work, invoice, request.refundAmount) : null;
  const credit =
    request.creditAmount === 0
      ? null
      : moveBalance(work, work.get('customer', invoice.customer), -request.creditAmount, {
          type: 'credit_note',
          currency: invoice.currency,
          invoice: invoice.id,
          creditNote: composed.id,
        });
  const note = work.insert(
    {
      ...composed,
      customer_balance_transaction: credit?.id ?? null,
      refunds: [...composed.refunds, ...(refund === null ? [] : [shownRefund(refund.id, refund.amount)])],
    },
    'credit_note.created',
  );
  if (note.post_payment_amount > 0) {
    const credited = invoice.post_payment_credit_notes_amount + note.post_payment_amount;
    work.update(invoice, { post_payment_credit_notes_amount: credited }, 'invoice.updated');
  }
  if (note.pre_payment_amount > 0) {
    const changed = changeOwed(work, work.get('invoice', invoice.id), note.pre_payment_amount);
    if (changed.amount_remaining === 0) recoverSubscription(work, markInvoicePaid(work, changed, null), null);
  }
  return note;
}

/** Takes back a note that only made an open invoice smaller. */
export function voidCreditNote(work: Work, note: CreditNote): CreditNote {
  const invoice = work.get('invoice', note.invoice);
  if (note.status === 'void') throw invalidRequest('This credit note is void already.');
  if (invoice.status !== 'open' || note.post_payment_amount > 0) {
    throw invalidRequest('You can only void credit notes of open invoices that gave nothing back.');
  }
  changeOwed(work, invoice, -note.pre_payment_amount);
  return work.update(note, { status: 'void', voided_at: work.now }, 'credit_note.voided');
}
