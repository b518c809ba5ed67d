import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Customer } from '../objects/customer.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import type { Subscription } from '../objects/subscription.ts';
import { given } from '../parameters/given.ts';
import type { Work } from '../work.ts';
import { requireDraft } from './draft-lines.ts';
import { composeInvoice, FINALIZE_TASK, membersOf, storeDraft } from './invoice-draft.ts';
import { releaseItems } from './invoice-item-changes.ts';
import { allPending, claimItems, lineOfItem } from './invoice-items.ts';
import { COLLECT_TASK, finalizeInvoice } from './invoices.ts';

/** Invoices that somebody makes, rather than a subscription (https://docs.stripe.com/invoicing/integration). */

type ManualInvoice = {
  customer: Customer;
  subscription: Subscription | null;
  currency: string;
  takesPending: boolean;
  autoAdvance: boolean;
  finalizesAt: number | null;
  members: Partial<Invoice>;
};

function itemsFor(work: Work, wanted: ManualInvoice): InvoiceItem[] {
  if (!wanted.takesPending) return [];
  const pending = allPending(work, { customer: wanted.customer.id, currency: wanted.currency });
  const subscription = wanted.subscription?.id;
  if (subscription === undefined) return pending;
  const own = pending.filter((item) => item.parent?.subscription_details.subscription === subscription);
  if (own.length > 0) return own;
  throw invalidRequest('Nothing to invoice for subscription', { code: 'invoice_no_subscription_line_items' });
}

/** Makes a draft; with `takesPending` what is pending goes on it: all of the customer's, or that of the subscription. */
export function createManualInvoice(work: Work, wanted: ManualInvoice): Invoice {
  const { customer, subscription, autoAdvance, finalizesAt } = wanted;
  const id = newId('in_');
  const items = itemsFor(work, wanted);
  const charged = wanted.members.collection_method !== 'send_invoice';
  const inherited = subscription === null ? {} : membersOf(subscription, null);
  const { automatic_tax, default_tax_rates, parent, payment_settings } = inherited;
  const draft = composeInvoice(work, customer, wanted.currency, {
    id,
    reason: 'manual',
    lines: items.map((item) => lineOfItem(id, item)),
    discounts: [],
    period: { start: work.now, end: work.now },
    finalizesAt,
    autoAdvance,
    members: {
      ...given({ automatic_tax, default_tax_rates, payment_settings }),
      parent: parent ?? null,
      next_payment_attempt: charged ? finalizesAt : null,
      ...wanted.members,
    },
  });
  claimItems(work, items, draft);
  return storeDraft(work, draft);
}

/** Deletes a draft that nobody's subscription has made. */
export function deleteDraft(work: Work, invoice: Invoice) {
  requireDraft(invoice);
  if (invoice.billing_reason !== 'manual') {
    throw invalidRequest('You can only delete one-off invoices; the invoice of a subscription must be voided.', {
      code: 'invoice_not_editable',
    });
  }
  work.tasks.cancel(FINALIZE_TASK, invoice.id);
  releaseItems(work, invoice);
  return work.remove(invoice, 'invoice.deleted');
}

/**
 * Switches on or off that an invoice goes on by itself: a draft is finalised in an hour, or at `at`; an open one that is
 * charged automatically is tried in an hour.
 */
export function setAdvance(work: Work, invoice: Invoice, on: boolean, at?: number): Invoice {
  const soon = at ?? work.now + work.settings.renewalFinalizeDelaySeconds;
  const charged = invoice.collection_method === 'charge_automatically';
  const attempt = on && charged ? soon : null;
  work.tasks.cancel(FINALIZE_TASK, invoice.id);
  work.tasks.cancel(COLLECT_TASK, invoice.id);
  if (invoice.status === 'draft') {
    if (on) work.tasks.schedule(FINALIZE_TASK, invoice.id, soon);
    const changes = { auto_advance: on, automatically_finalizes_at: on ? soon : null, next_payment_attempt: attempt };
    return work.update(invoice, changes, 'invoice.updated');
  }
  if (attempt !== null) work.tasks.schedule(COLLECT_TASK, invoice.id, attempt);
  return work.update(invoice, { auto_advance: on, next_payment_attempt: attempt }, 'invoice.updated');
}

/** Mails an invoice that the customer pays by themselves; a draft is finalised first. */
export function sendInvoice(work: Work, invoice: Invoice): Invoice {
  if (invoice.collection_method !== 'send_invoice') {
    throw invalidRequest('You can only manually send an invoice if its collection method is send_invoice.');
  }
  if (invoice.status !== 'draft' && invoice.status !== 'open') {
    throw invalidRequest(`You can only send a draft or an open invoice: this one is ${invoice.status}.`);
  }
  const open = invoice.status === 'draft' ? finalizeInvoice(work, invoice) : invoice;
  work.emit('invoice.sent', open);
  return open;
}

/** The subscription an invoice may be made for: one of the customer's own. */
export function requireOwn(work: Work, id: string, customer: string): Subscription {
  const subscription = work.require('subscription', id, 'subscription');
  if (subscription.customer === customer) return subscription;
  throw invalidRequest(`The subscription ${id} is not of customer ${customer}.`, { param: 'subscription' });
}
