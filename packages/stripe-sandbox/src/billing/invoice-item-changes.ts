import { invalidRequest } from '../http/api-error.ts';
import { isObject } from '../json.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { billItems, rebillItem, requireDraft, unbillItem } from './draft-lines.ts';

/** Invoice items made by hand: on a draft, or pending until an invoice takes them up. */

function draftOf(work: Work, item: InvoiceItem): Invoice | undefined {
  if (item.invoice === null) return undefined;
  const invoice = work.get('invoice', item.invoice);
  requireDraft(invoice);
  return invoice;
}

/** Stores an item; with an invoice it is billed there at once. */
export function addItem(work: Work, item: InvoiceItem, draft: Invoice | null): InvoiceItem {
  const stored = work.insert(
    { ...item, invoice: draft?.id ?? null },
    'invoiceitem.created',
    draft === null ? null : { made_for: draft.id },
  );
  if (draft !== null) billItems(work, draft, [stored]);
  return stored;
}

/** Changes an item that is pending or on a draft. Stripe makes no event of it. */
export function changeItem(work: Work, item: InvoiceItem, changes: Partial<InvoiceItem>): InvoiceItem {
  const draft = draftOf(work, item);
  const fixed: readonly (keyof InvoiceItem)[] = ['amount', 'pricing', 'quantity', 'period'];
  if (item.proration && fixed.some((member) => changes[member] !== undefined)) {
    throw invalidRequest('The amount and the period of a proration cannot be changed.');
  }
  const changed = work.update(item, changes, null);
  if (draft !== undefined) rebillItem(work, draft, changed);
  return changed;
}

/** Deletes an item that is pending or on a draft. */
export function deleteItem(work: Work, item: InvoiceItem) {
  const draft = draftOf(work, item);
  if (draft !== undefined) unbillItem(work, draft, item.id);
  return work.remove(item, 'invoiceitem.deleted');
}

/** Bills an item that is pending on a draft. */
export function assignItem(work: Work, item: InvoiceItem, draft: Invoice): Invoice {
  if (item.invoice !== null) {
    throw invalidRequest(`The invoice item ${item.id} is on an invoice already.`, { param: 'invoice_item' });
  }
  return billItems(work, draft, [work.update(item, { invoice: draft.id }, null)]);
}

/** Takes an item off its draft; it is pending again. */
export function unassignItem(work: Work, item: InvoiceItem): void {
  const draft = draftOf(work, item);
  const pending = work.update(item, { invoice: null }, null);
  if (draft !== undefined) unbillItem(work, draft, pending.id);
}

/** The items of a draft that is deleted: those made for it go with it, those it took up are pending again. */
export function releaseItems(work: Work, draft: Invoice): void {
  for (const item of work.select('invoiceitem', [equals('$.invoice', draft.id)])) {
    const hidden = work.hidden(item.id);
    if (isObject(hidden) && hidden.made_for === draft.id) work.remove(item, 'invoiceitem.deleted');
    else work.update(item, { invoice: null }, null);
  }
}
