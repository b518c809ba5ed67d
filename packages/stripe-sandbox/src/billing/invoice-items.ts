import { newId } from '../ids.ts';
import type { Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';

/** An invoice item with everything at its default; not stored. */
export function newInvoiceItem(
  work: Work,
  members: Pick<InvoiceItem, 'amount' | 'currency' | 'customer'> & Partial<InvoiceItem>,
): InvoiceItem {
  const quantity = members.quantity ?? 1;
  return {
    id: newId('ii_'),
    object: 'invoiceitem',
    customer_account: null,
    date: work.now,
    description: null,
    discountable: members.amount >= 0,
    discounts: [],
    invoice: null,
    livemode: false,
    metadata: {},
    net_amount: members.amount,
    parent: null,
    period: { start: work.now, end: work.now },
    pricing: null,
    proration: false,
    quantity,
    quantity_decimal: String(quantity),
    tax_rates: [],
    test_clock: work.testClock,
    ...members,
  };
}

/** Everything of a customer that no invoice has taken up yet, whichever subscription it is of. Oldest first. */
export function allPending(work: Work, of: { customer: string; currency: string }): InvoiceItem[] {
  const items = work.select('invoiceitem', [equals('$.customer', of.customer)]);
  return items.filter((item) => item.invoice === null && item.currency === of.currency);
}

/** What waits for the next invoice of a customer: their own, and with a subscription also that one's. Oldest first. */
export function pendingItems(
  work: Work,
  of: { customer: string; currency: string; subscription: string | null },
): InvoiceItem[] {
  return allPending(work, of).filter((item) => {
    const subscription = item.parent?.subscription_details.subscription ?? null;
    return subscription === null || subscription === of.subscription;
  });
}

function parentOf(item: InvoiceItem): InvoiceLine['parent'] {
  const details = item.parent?.subscription_details;
  const credited = item.proration_details?.credited_items?.invoice_line_item_details ?? null;
  const proration = { proration: item.proration, proration_details: { credited_items: credited } };
  if (item.proration && details?.subscription_item !== undefined) {
    return {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: item.id,
        ...proration,
        subscription: details.subscription,
        subscription_item: details.subscription_item,
      },
      type: 'subscription_item_details',
    };
  }
  return {
    invoice_item_details: { invoice_item: item.id, ...proration, subscription: details?.subscription ?? null },
    subscription_item_details: null,
    type: 'invoice_item_details',
  };
}

/** The line by which an invoice bills an item. */
export function lineOfItem(invoice: string, item: InvoiceItem): InvoiceLine {
  return {
    id: newId('il_'),
    object: 'line_item',
    amount: item.amount,
    currency: item.currency,
    description: item.description,
    discount_amounts: [],
    discountable: item.discountable,
    discounts: [],
    invoice,
    livemode: false,
    metadata: item.metadata,
    parent: parentOf(item),
    period: item.period,
    pretax_credit_amounts: [],
    pricing: item.pricing,
    quantity: item.quantity,
    quantity_decimal: item.quantity_decimal,
    subscription: item.parent?.subscription_details.subscription ?? null,
    subtotal: item.amount,
    taxes: [],
  };
}

/** Marks items as billed by the invoice: no other takes them up. */
export function claimItems(work: Work, items: readonly InvoiceItem[], invoice: Invoice): void {
  for (const item of items) work.update(item, { invoice: invoice.id }, null);
}
