import { ACCOUNT_COUNTRY, ACCOUNT_NAME } from '../account.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId, randomText } from '../ids.ts';
import { embeddedList } from '../json.ts';
import {
  type BillingReason,
  type Invoice,
  type InvoiceLine,
  type InvoicePayment,
  subscriptionOf,
} from '../objects/invoice.ts';
import type { PaymentIntent } from '../objects/payment-intent.ts';
import type { Subscription } from '../objects/subscription.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { createPaymentIntent } from './payments.ts';

/** Tasks of an invoice: finalise the draft; try to collect the open one again. */
export const FINALIZE_TASK = 'invoice.finalize';
export const COLLECT_TASK = 'invoice.collect';

const DAY_SECONDS = 86_400;

export function linesUrl(invoice: string): string {
  return `/v1/invoices/${invoice}/lines`;
}

/** A draft for a subscription with its lines; `finalizesAt` null leaves it a draft until someone acts. */
export function draftInvoice(
  work: Work,
  subscription: Subscription,
  draft: {
    id: string;
    reason: BillingReason;
    lines: InvoiceLine[];
    period: { start: number; end: number };
    finalizesAt: number | null;
    autoAdvance: boolean;
  },
): Invoice {
  const customer = work.get('customer', subscription.customer);
  const total = draft.lines.reduce((sum, line) => sum + line.amount, 0);
  const invoice: Invoice = {
    id: draft.id,
    object: 'invoice',
    account_country: ACCOUNT_COUNTRY,
    account_name: ACCOUNT_NAME,
    account_tax_ids: null,
    amount_due: total,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_remaining: total,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: draft.autoAdvance,
    automatic_tax: {
      disabled_reason: null,
      enabled: subscription.automatic_tax.enabled,
      liability: subscription.automatic_tax.liability,
      provider: null,
      status: null,
    },
    automatically_finalizes_at: draft.finalizesAt,
    billing_reason: draft.reason,
    collection_method: subscription.collection_method,
    created: work.now,
    currency: subscription.currency,
    custom_fields: null,
    customer: customer.id,
    customer_account: null,
    customer_address: customer.address,
    customer_email: customer.email,
    customer_name: customer.name,
    customer_phone: customer.phone,
    customer_shipping: customer.shipping,
    customer_tax_exempt: customer.tax_exempt,
    customer_tax_ids: [],
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    due_date: null,
    effective_at: null,
    ending_balance: null,
    footer: null,
    from_invoice: null,
    hosted_invoice_url: null,
    invoice_pdf: null,
    issuer: { type: 'self' },
    last_finalization_error: null,
    latest_revision: null,
    lines: embeddedList(linesUrl(draft.id), draft.lines),
    livemode: false,
    metadata: {},
    next_payment_attempt: subscription.collection_method === 'charge_automatically' ? draft.finalizesAt : null,
    number: null,
    on_behalf_of: null,
    parent: {
      quote_details: null,
      subscription_details: { metadata: subscription.metadata, subscription: subscription.id },
      type: 'subscription_details',
    },
    payment_settings: {
      default_mandate: null,
      payment_method_options: null,
      payment_method_types: subscription.payment_settings.payment_method_types,
    },
    period_end: draft.period.end,
    period_start: draft.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    starting_balance: 0,
    statement_descriptor: null,
    status: 'draft',
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    subtotal: total,
    subtotal_excluding_tax: total,
    test_clock: null,
    total,
    total_discount_amounts: [],
    total_excluding_tax: total,
    total_pretax_credit_amounts: [],
    total_taxes: [],
    webhooks_delivered_at: null,
  };
  for (const line of draft.lines) work.objects.setOwner(line.id, invoice.id);
  if (draft.finalizesAt !== null) work.tasks.schedule(FINALIZE_TASK, invoice.id, draft.finalizesAt);
  return work.insert(invoice, 'invoice.created');
}

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
export function invoicePayment(work: Work, invoice: string): InvoicePayment | undefined {
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
export function finalizeInvoice(work: Work, draft: Invoice): Invoice {
  if (draft.status !== 'draft') {
    throw invalidRequest('This invoice is already finalized, you cannot re-finalize it.', {
      code: 'invoice_not_editable',
    });
  }
  work.tasks.cancel(FINALIZE_TASK, draft.id);
  const subscriptionId = subscriptionOf(draft);
  const subscription = subscriptionId === null ? undefined : work.find('subscription', subscriptionId);
  const secret = randomText(60);
  const hosted = `${work.settings.publicUrl}/i/${draft.id}/${secret}`;
  const sent = draft.collection_method === 'send_invoice';
  const open = work.update(
    draft,
    {
      automatically_finalizes_at: null,
      due_date: sent ? work.now + (subscription?.days_until_due ?? 30) * DAY_SECONDS : null,
      effective_at: work.now,
      ending_balance: 0,
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
  if (open.amount_due === 0) return markInvoicePaid(work, open, null);
  paymentFor(work, open);
  return open;
}

/** The money is in (or nothing was due): the invoice is paid. The subscription is the caller's business. */
export function markInvoicePaid(work: Work, invoice: Invoice, intent: PaymentIntent | null): Invoice {
  work.tasks.cancel(COLLECT_TASK, invoice.id);
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

/** Voids an open invoice and cancels the intent that was to collect it. */
export function voidInvoice(work: Work, invoice: Invoice): Invoice {
  if (invoice.status !== 'open' && invoice.status !== 'uncollectible') {
    throw invalidRequest(`You can only pass in open invoices. This invoice isn't open: it is ${invoice.status}.`, {
      code: 'invoice_not_editable',
    });
  }
  work.tasks.cancel(COLLECT_TASK, invoice.id);
  const intent = intentOf(work, invoice.id);
  if (intent !== undefined && intent.status !== 'succeeded' && intent.status !== 'canceled') {
    work.update(
      intent,
      { canceled_at: work.now, cancellation_reason: 'void_invoice', next_action: null, status: 'canceled' },
      'payment_intent.canceled',
    );
  }
  const payment = invoicePayment(work, invoice.id);
  if (payment?.status === 'open') {
    const transitions = { ...payment.status_transitions, canceled_at: work.now };
    work.update(payment, { status: 'canceled', status_transitions: transitions }, null);
  }
  return work.update(
    invoice,
    {
      auto_advance: false,
      next_payment_attempt: null,
      status: 'void',
      status_transitions: { ...invoice.status_transitions, voided_at: work.now },
    },
    'invoice.voided',
  );
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
