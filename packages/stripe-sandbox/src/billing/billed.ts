import { isObject, type Json, type JsonObject } from '../json.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { CreditedLines } from '../objects/invoice-item.ts';
import type { Work } from '../work.ts';

/**
 * How an item of a subscription was billed last: its price, and what discounts left of it. Time that is given back is worth
 * what was paid for it (https://docs.stripe.com/billing/subscriptions/billing-mode, flexible).
 */
export type Billed = { gross: number; net: number; line: CreditedLines | null };

type Ledger = { [item: string]: Billed };

function ledgerOf(work: Work, subscription: string): Ledger {
  const hidden: Json = work.hidden(subscription);
  return isObject(hidden) && isObject(hidden.billed) ? (hidden.billed as unknown as Ledger) : {};
}

/** How the item was billed; at its full price when nothing is known of it. */
export function billedOf(work: Work, subscription: string, item: string): Billed {
  return ledgerOf(work, subscription)[item] ?? { gross: 1, net: 1, line: null };
}

/** Keeps something of a subscription that nobody sees, beside what is kept already. */
export function rememberOf(work: Work, subscription: string, members: JsonObject): void {
  const hidden = work.hidden(subscription);
  work.setHidden(subscription, { ...(isObject(hidden) ? hidden : {}), ...members });
}

export function rememberBilled(work: Work, subscription: string, billed: Ledger): void {
  rememberOf(work, subscription, { billed: { ...ledgerOf(work, subscription), ...billed } });
}

/** From when on the current period has been given back, because the subscription ends within it; null when it has not. */
export function givenBackFrom(work: Work, subscription: string): number | null {
  const hidden = work.hidden(subscription);
  return isObject(hidden) && typeof hidden.given_back_from === 'number' ? hidden.given_back_from : null;
}

export function rememberGivenBack(work: Work, subscription: string, from: number | null): void {
  rememberOf(work, subscription, { given_back_from: from });
}

/** What the invoice of a new period charges for each item. */
export function billedOn(invoice: Invoice): Ledger {
  const billed: Ledger = {};
  for (const line of invoice.lines.data) {
    const item = line.parent.subscription_item_details;
    if (item === null || item.invoice_item !== null || line.amount <= 0) continue;
    // A tiered price is billed by several lines.
    const before = billed[item.subscription_item];
    const off = line.discount_amounts.reduce((sum, one) => sum + one.amount, 0);
    const lines = [...(before?.line?.invoice_line_items ?? []), line.id];
    billed[item.subscription_item] = {
      gross: (before?.gross ?? 0) + line.amount,
      net: (before?.net ?? 0) + line.amount - off,
      line: { invoice: invoice.id, invoice_line_items: lines },
    };
  }
  return billed;
}

/** Remembers what a new period's invoice charges for each item, and from when on it gives it back. */
export function rememberInvoice(
  work: Work,
  subscription: string,
  invoice: Invoice,
  givenBack: number | null = null,
): void {
  rememberBilled(work, subscription, billedOn(invoice));
  rememberGivenBack(work, subscription, givenBack);
}
