import { ACCOUNT_COUNTRY, ACCOUNT_NAME } from '../account.ts';
import { embeddedList } from '../json.ts';
import type { BillingReason, Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';

/** The task of a draft: finalise it. */
export const FINALIZE_TASK = 'invoice.finalize';

/** Where the lines of an invoice are listed. */
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
