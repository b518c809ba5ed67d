import type { Invoice } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { billedOn, rememberInvoice } from './billed.ts';
import { spendDiscounts } from './discounts.ts';
import { composeFor, type Draft, storeDraft } from './invoice-draft.ts';
import { lineOfItem } from './invoice-items.ts';
import { allGivenBack, prorationItems } from './prorations.ts';
import { fullPeriodOf } from './subscription-start.ts';

/** The invoice of a new period, not stored, with what it gives back at once. */
export type PeriodInvoice = { invoice: Invoice; givenBack: readonly InvoiceItem[] };

/**
 * Composes the invoice that bills `subscription` for its period. Where the subscription is going to end within that period,
 * the rest of it is given back on the same invoice, and worth what the invoice charges for it
 * (https://docs.stripe.com/billing/subscriptions/cancel).
 */
export function composePeriod(work: Work, subscription: Subscription, draft: Draft): PeriodInvoice {
  const invoice = composeFor(work, subscription, draft);
  const period = fullPeriodOf(subscription);
  const end = subscription.cancel_at;
  if (end === null || end <= period.start || end >= period.end) return { invoice, givenBack: [] };
  const billed = billedOn(invoice);
  const charged = allGivenBack(subscription).filter(({ item }) => billed[item.id] !== undefined);
  const nothingKnown = { ...subscription, items: { ...subscription.items, data: [] } };
  const givenBack = prorationItems(work, nothingKnown, charged, { at: end, period, prices: billed });
  if (givenBack.length === 0) return { invoice, givenBack };
  const lines = [...draft.lines, ...givenBack.map((item) => lineOfItem(draft.id, item))];
  return { invoice: composeFor(work, subscription, { ...draft, lines }), givenBack };
}

/** The same, where nothing is to be given back. */
export function composeAlone(work: Work, subscription: Subscription, draft: Draft): PeriodInvoice {
  return { invoice: composeFor(work, subscription, draft), givenBack: [] };
}

/** Stores the draft of a new period, and what follows from it for the subscription. */
export function storePeriod(work: Work, subscription: Subscription, { invoice, givenBack }: PeriodInvoice): Invoice {
  for (const item of givenBack) work.insert({ ...item, invoice: invoice.id }, 'invoiceitem.created');
  const draft = storeDraft(work, invoice);
  rememberInvoice(work, subscription.id, draft, givenBack.length === 0 ? null : subscription.cancel_at);
  spendDiscounts(work, subscription, draft);
  return draft;
}
