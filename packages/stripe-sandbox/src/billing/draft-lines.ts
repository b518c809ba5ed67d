import { invalidRequest } from '../http/api-error.ts';
import { embeddedList } from '../json.ts';
import type { Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import type { TaxRate } from '../objects/tax-rate.ts';
import type { Work } from '../work.ts';
import { activeDiscounts } from './discounts.ts';
import { linesUrl, sumsOf } from './invoice-draft.ts';
import { lineOfItem } from './invoice-items.ts';

/** What is on a draft may still change; its sums follow. */

const MAX_LINES = 250;

/** Throws unless the invoice is still a draft. */
export function requireDraft(invoice: Invoice): void {
  if (invoice.status === 'draft') return;
  throw invalidRequest(`This invoice is no longer editable: it is ${invoice.status}.`, {
    code: 'invoice_not_editable',
  });
}

/** Gives a draft these lines and sums it up anew, with its discounts and what the customer has to their credit. */
export function withLines(work: Work, draft: Invoice, lines: readonly InvoiceLine[]): Invoice {
  const customer = work.get('customer', draft.customer);
  const discounts = activeDiscounts(work, draft.discounts, draft.created);
  const sums = sumsOf(lines, discounts, customer, draft.default_tax_rates);
  for (const line of lines) work.objects.setOwner(line.id, draft.id);
  return work.update(
    draft,
    { ...sums.members, lines: embeddedList(linesUrl(draft.id), sums.lines) },
    'invoice.updated',
  );
}

/** The line of a draft by which it bills an item. */
function isLineOf(line: InvoiceLine, item: string): boolean {
  const { invoice_item_details: itself, subscription_item_details: prorated } = line.parent;
  return (itself ?? prorated)?.invoice_item === item;
}

/** The invoice item behind a line; null for a line that bills a subscription's period. */
export function itemOfLine(line: InvoiceLine): string | null {
  return (line.parent.invoice_item_details ?? line.parent.subscription_item_details).invoice_item;
}

/** Bills more items on a draft. */
export function billItems(work: Work, draft: Invoice, items: readonly InvoiceItem[]): Invoice {
  if (draft.lines.data.length + items.length > MAX_LINES) {
    throw invalidRequest(`An invoice can have up to ${MAX_LINES} items.`, { param: 'invoice' });
  }
  return withLines(work, draft, [...draft.lines.data, ...items.map((item) => lineOfItem(draft.id, item))]);
}

/** Shows a changed item on the draft that bills it. The line stays the same line. */
export function rebillItem(work: Work, draft: Invoice, item: InvoiceItem): Invoice {
  const lines = draft.lines.data.map((line) =>
    isLineOf(line, item.id) ? { ...lineOfItem(draft.id, item), id: line.id } : line,
  );
  return withLines(work, draft, lines);
}

/** Takes an item off the draft that bills it. */
export function unbillItem(work: Work, draft: Invoice, item: string): Invoice {
  return withLines(
    work,
    draft,
    draft.lines.data.filter((line) => !isLineOf(line, item)),
  );
}

/** Sums a draft up anew with other tax rates. */
export function withTaxRates(work: Work, draft: Invoice, rates: readonly TaxRate[]): Invoice {
  return withLines(work, { ...draft, default_tax_rates: [...rates] }, draft.lines.data);
}

/** Sums a draft up anew with other discounts. */
export function withDiscounts(work: Work, draft: Invoice, discounts: readonly string[]): Invoice {
  return withLines(work, { ...draft, discounts: [...discounts] }, draft.lines.data);
}
