import { invalidRequest } from '../http/api-error.ts';
import { newId, randomText } from '../ids.ts';
import { type BillingReason, type Invoice, type InvoicePayment, subscriptionOf } from '../objects/invoice.ts';
import type { PaymentIntent } from '../objects/payment-intent.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { dueOf } from './amounts.ts';
import { moveBalance } from './balance.ts';
import { forgetDueDate, scheduleDueDate } from './due-dates.ts';
import { FINALIZE_TASK } from './invoice-draft.ts';
import { remeasured } from './metered-lines.ts';
import { createPaymentIntent } from './payments.ts';
import { forgetPending } from './pending-update.ts';

/** The task of an open invoice: try to collect it again. */
export const COLLECT_TASK = 'invoice.collect';

const DAY_SECONDS = 86_400;

/** `ABCD1234-0001`: the customer's prefix and the next number of their sequence. */
function takeNumber(work: Work, customerId: string): string {
  const customer = work.get('customer', customerId);
  const sequence = customer.next_invoice_sequence;
  work.update(customer, { next_invoice_sequence: sequence + 1 }, null);
  return `${customer.invoice_prefix}-${String(sequence).padStart(4, '0')}`;
}

const INTENT_DESCRIPTIONS: Record<BillingReason, string> = {
  manual: 'Payment for invoice',
  subscription_create: 'Subscription creation',
  subscription_cycle: 'Subscription update',
  subscription_update: 'Subscription update',
};

function paymentFor(work: Work, invoice: Invoice): PaymentIntent {
  const intent = createPaymentIntent(work, {
    amount: invoice.amount_due,
    currency: invoice.currency,
    customer: invoice.customer,
    description: INTENT_DESCRIPTIONS[invoice.billing_reason],
    setup_future_usage: invoice.billing_reason === 'subscription_create' ? 'off_session' : null,
  });
  const payment: InvoicePayment = {
    id: newId('inpay_'),
    object: 'invoice_payment',
    amount_paid: null,
    amount_requested: invoice.amount_due,
    created: work.now,
    currency: invoice.currency,
    invoice: invoice.id,
    is_default: true,
    livemode: false,
    payment: { payment_intent: intent.id, type: 'payment_intent' },
    status: 'open',
    status_transitions: { canceled_at: null, paid_at: null },
  };
  work.insert(payment, null);
  return intent;
}

/** The payment that collects the invoice, once it is finalised and has something to collect. */
function invoicePayment(work: Work, invoice: string): InvoicePayment | undefined {
  return work.select('invoice_payment', [equals('$.invoice', invoice)]).find((payment) => payment.is_default);
}

/** The intent that collects the invoice. */
export function intentOf(work: Work, invoice: string): PaymentIntent | undefined {
  const payment = invoicePayment(work, invoice);
  return payment === undefined ? undefined : work.find('payment_intent', payment.payment.payment_intent);
}

/** The invoice an intent collects, if it collects one. */
export function invoiceOfIntent(work: Work, intent: string): Invoice | undefined {
  const [payment] = work.select('invoice_payment', [equals('$.payment.payment_intent', intent)]);
  return payment === undefined ? undefined : work.find('invoice', payment.invoice);
}

/**
 * Closes a draft: it gets its number, its due date and, when something is due, the payment intent that collects it.
 * Nothing is charged here. An invoice over nothing is paid at once.
 */
export function finalizeInvoice(work: Work, composed: Invoice): Invoice {
  if (composed.status !== 'draft') {
    throw invalidRequest('This invoice is already finalized, you cannot re-finalize it.', {
      code: 'invoice_not_editable',
    });
  }
  const draft = remeasured(work, composed);
  work.tasks.cancel(FINALIZE_TASK, draft.id);
  const subscriptionId = subscriptionOf(draft);
  const subscription = subscriptionId === null ? undefined : work.find('subscription', subscriptionId);
  const customer = work.get('customer', draft.customer);
  const { due, left } = dueOf(draft.total, customer.balance);
  const secret = randomText(60);
  const hosted = `${work.settings.publicUrl}/i/${draft.id}/${secret}`;
  const sent = draft.collection_method === 'send_invoice';
  const open = work.update(
    draft,
    {
      automatically_finalizes_at: null,
      due_date: sent ? (draft.due_date ?? work.now + (subscription?.days_until_due ?? 30) * DAY_SECONDS) : null,
      effective_at: work.now,
      amount_due: due,
      amount_remaining: due,
      ending_balance: left,
      starting_balance: customer.balance,
      hosted_invoice_url: hosted,
      invoice_pdf: `${hosted}/pdf`,
      next_payment_attempt: null,
      number: takeNumber(work, draft.customer),
      status: 'open',
      status_transitions: { ...draft.status_transitions, finalized_at: work.now },
      webhooks_delivered_at: work.now,
    },
    'invoice.finalized',
  );
  if (left !== customer.balance) {
    const reason = { type: 'applied_to_invoice' as const, currency: open.currency, invoice: open.id };
    moveBalance(work, work.get('customer', customer.id), left - customer.balance, reason);
  }
  if (open.amount_due === 0) return markInvoicePaid(work, open, null);
  scheduleDueDate(work, open);
  paymentFor(work, open);
  return open;
}

/** The money is in (or nothing was due): the invoice is paid. The subscription is the caller's business. */
export function markInvoicePaid(work: Work, invoice: Invoice, intent: PaymentIntent | null): Invoice {
  work.tasks.cancel(COLLECT_TASK, invoice.id);
  forgetDueDate(work, invoice.id);
  const charged = intent !== null;
  const paid = work.update(
    invoice,
    {
      amount_paid: invoice.amount_due,
      amount_remaining: 0,
      attempt_count: charged ? Math.max(1, invoice.attempt_count) : invoice.attempt_count,
      attempted: true,
      auto_advance: false,
      next_payment_attempt: null,
      status: 'paid',
      status_transitions: { ...invoice.status_transitions, paid_at: work.now },
    },
    'invoice.updated',
  );
  const payment = charged ? invoicePayment(work, invoice.id) : undefined;
  if (payment !== undefined) {
    work.update(
      payment,
      {
        amount_paid: invoice.amount_due,
        status: 'paid',
        status_transitions: { ...payment.status_transitions, paid_at: work.now },
      },
      'invoice_payment.paid',
    );
  }
  work.emit('invoice.paid', paid);
  work.emit('invoice.payment_succeeded', paid);
  return paid;
}

/** Nothing is to be collected any more: cancels the intent and the payment that were for it. */
function cancelPayment(work: Work, invoice: string): void {
  const intent = intentOf(work, invoice);
  if (intent !== undefined && intent.status !== 'succeeded' && intent.status !== 'canceled') {
    work.update(
      intent,
      { canceled_at: work.now, cancellation_reason: 'void_invoice', next_action: null, status: 'canceled' },
      'payment_intent.canceled',
    );
  }
  const payment = invoicePayment(work, invoice);
  if (payment?.status === 'open') {
    const transitions = { ...payment.status_transitions, canceled_at: work.now };
    work.update(payment, { status: 'canceled', status_transitions: transitions }, null);
  }
}

/** Collects another amount than so far; nothing at all when it is 0. */
export function requestInstead(work: Work, invoice: Invoice, amount: number): void {
  if (amount === 0) {
    cancelPayment(work, invoice.id);
    return;
  }
  const intent = intentOf(work, invoice.id);
  if (intent !== undefined) work.update(intent, { amount }, null);
  const payment = invoicePayment(work, invoice.id);
  if (payment !== undefined) work.update(payment, { amount_requested: amount }, null);
}

/** Credit that went into an invoice comes back when the invoice is void. */
function giveBackCredit(work: Work, invoice: Invoice): void {
  const used = invoice.starting_balance - (invoice.ending_balance ?? 0);
  const customer = work.find('customer', invoice.customer);
  if (used === 0 || customer === undefined) return;
  moveBalance(work, customer, used, {
    type: 'unapplied_from_invoice',
    currency: invoice.currency,
    invoice: invoice.id,
  });
}

/** Voids an open invoice and cancels the intent that was to collect it. */
export function voidInvoice(work: Work, invoice: Invoice): Invoice {
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible') {
    throw invalidRequest(`You can only pass in open invoices. This invoice isn't open: it is ${invoice.status}.`, {
      code: 'invoice_not_editable',
    });
  }
  work.tasks.cancel(COLLECT_TASK, invoice.id);
  forgetDueDate(work, invoice.id);
  cancelPayment(work, invoice.id);
  giveBackCredit(work, invoice);
  const voided = work.update(
    invoice,
    {
      auto_advance: false,
      next_payment_attempt: null,
      status: 'void',
      status_transitions: { ...invoice.status_transitions, voided_at: work.now },
    },
    'invoice.voided',
  );
  forgetPending(work, voided);
  return voided;
}

/** Stops every automatic step on the unpaid invoices of a subscription that has ended. */
export function stopCollection(work: Work, subscription: string): void {
  const path = '$.parent.subscription_details.subscription';
  for (const invoice of work.select('invoice', [equals(path, subscription)])) {
    if (invoice.status !== 'draft' && invoice.status !== 'open') continue;
    work.tasks.cancel(FINALIZE_TASK, invoice.id);
    work.tasks.cancel(COLLECT_TASK, invoice.id);
    const changes = { auto_advance: false, automatically_finalizes_at: null, next_payment_attempt: null };
    work.update(invoice, changes, 'invoice.updated');
  }
}
