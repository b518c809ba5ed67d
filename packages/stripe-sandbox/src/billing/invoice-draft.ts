import { ACCOUNT_COUNTRY, ACCOUNT_NAME } from '../account.ts';
import { embeddedList } from '../json.ts';
import type { Customer } from '../objects/customer.ts';
import type { BillingReason, Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { TaxRate } from '../objects/tax-rate.ts';
import type { Work } from '../work.ts';
import { dueOf } from './amounts.ts';
import { discounted } from './discount-amounts.ts';
import type { ActiveDiscount } from './discounts.ts';
import { taxed } from './taxes.ts';

/** The task of a draft: finalise it. */
export const FINALIZE_TASK = 'invoice.finalize';

/** Where the lines of an invoice are listed. */
export function linesUrl(invoice: string): string {
  return `/v1/invoices/${invoice}/lines`;
}

export type Draft = {
  id: string;
  reason: BillingReason;
  lines: readonly InvoiceLine[];
  discounts: readonly ActiveDiscount[];
  period: { start: number; end: number };
  /** Null leaves it a draft until someone acts. */
  finalizesAt: number | null;
  autoAdvance: boolean;
  members?: Partial<Invoice>;
};

/** What an invoice over these lines comes to, with what the customer has to their credit. */
export function sumsOf(
  lines: readonly InvoiceLine[],
  discounts: readonly ActiveDiscount[],
  customer: Pick<Customer, 'balance' | 'tax_exempt'>,
  rates: readonly TaxRate[],
) {
  const { balance } = customer;
  const reduced = discounted(lines, discounts);
  const tax = taxed(reduced.lines, rates, customer.tax_exempt);
  const subtotal = lines.reduce((sum, line) => sum + line.amount, 0);
  const total = subtotal - reduced.amount + tax.added;
  const { due } = dueOf(total, balance);
  return {
    lines: tax.lines,
    members: {
      ...reduced.members,
      amount_due: due,
      amount_remaining: due,
      starting_balance: balance,
      subtotal,
      subtotal_excluding_tax: subtotal - tax.includedInSubtotal,
      total,
      total_excluding_tax: total - tax.added - tax.included,
      total_taxes: tax.totals,
    },
  };
}

/** Tax by Stripe, of an account without registrations: there is nothing to collect, and that is all there is to say. */
export function automaticTax(enabled: boolean): Invoice['automatic_tax'] {
  if (!enabled) return { disabled_reason: null, enabled, liability: null, provider: null, status: null };
  return { disabled_reason: null, enabled, liability: { type: 'self' }, provider: 'stripe', status: 'complete' };
}

/** The invoice as a draft, not stored: previews show it as it is. */
export function composeInvoice(work: Work, customer: Customer, currency: string, draft: Draft): Invoice {
  const sums = sumsOf(draft.lines, draft.discounts, customer, draft.members?.default_tax_rates ?? []);
  return {
    id: draft.id,
    object: 'invoice',
    account_country: ACCOUNT_COUNTRY,
    account_name: ACCOUNT_NAME,
    account_tax_ids: null,
    amount_overpaid: 0,
    amount_paid: 0,
    amount_shipping: 0,
    application: null,
    attempt_count: 0,
    attempted: false,
    auto_advance: draft.autoAdvance,
    automatic_tax: automaticTax(false),
    automatically_finalizes_at: draft.finalizesAt,
    billing_reason: draft.reason,
    collection_method: 'charge_automatically',
    created: work.now,
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
    lines: embeddedList(linesUrl(draft.id), sums.lines),
    livemode: false,
    metadata: {},
    next_payment_attempt: draft.finalizesAt,
    number: null,
    on_behalf_of: null,
    parent: null,
    payment_settings: { default_mandate: null, payment_method_options: null, payment_method_types: null },
    period_end: draft.period.end,
    period_start: draft.period.start,
    post_payment_credit_notes_amount: 0,
    pre_payment_credit_notes_amount: 0,
    receipt_number: null,
    rendering: null,
    shipping_cost: null,
    shipping_details: null,
    statement_descriptor: null,
    status: 'draft',
    status_transitions: { finalized_at: null, marked_uncollectible_at: null, paid_at: null, voided_at: null },
    test_clock: work.testClock,
    webhooks_delivered_at: null,
    ...sums.members,
    currency,
    ...draft.members,
  };
}

/** What an invoice has from the subscription it bills. */
export function membersOf(subscription: Subscription, finalizesAt: number | null): Partial<Invoice> {
  const { automatic_tax: tax } = subscription;
  return {
    automatic_tax: automaticTax(tax.enabled),
    default_tax_rates: subscription.default_tax_rates,
    collection_method: subscription.collection_method,
    next_payment_attempt: subscription.collection_method === 'charge_automatically' ? finalizesAt : null,
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
  };
}

/** A subscription's invoice as a draft, not stored. */
export function composeFor(work: Work, subscription: Subscription, draft: Draft): Invoice {
  const customer = work.get('customer', subscription.customer);
  const members = { ...membersOf(subscription, draft.finalizesAt), ...draft.members };
  return composeInvoice(work, customer, subscription.currency, { ...draft, members });
}

/** Stores a draft and puts its end on the schedule. */
export function storeDraft(work: Work, invoice: Invoice): Invoice {
  for (const line of invoice.lines.data) work.objects.setOwner(line.id, invoice.id);
  if (invoice.automatically_finalizes_at !== null) {
    work.tasks.schedule(FINALIZE_TASK, invoice.id, invoice.automatically_finalizes_at);
  }
  return work.insert(invoice, 'invoice.created');
}
