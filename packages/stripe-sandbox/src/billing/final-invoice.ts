import { newId } from '../ids.ts';
import type { BillingReason, Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import type { CancellationDetails, Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { givenBackFrom } from './billed.ts';
import { cancelSubscription } from './cancellation.ts';
import { isBilled } from './change-plan.ts';
import { collectInvoice } from './collection.ts';
import { composeFor, storeDraft } from './invoice-draft.ts';
import { claimItems, lineOfItem, pendingItems } from './invoice-items.ts';
import { finalizeInvoice } from './invoices.ts';
import { usageLines } from './metered-lines.ts';
import { settleWhilePaused } from './pause-collection.ts';
import { allGivenBack, prorationItems } from './prorations.ts';
import { fullPeriodOf } from './subscription-start.ts';
import { periodOf } from './subscription-tasks.ts';

/** What ending a subscription bills, or gives back. */

/** The invoice over what is left when a subscription ends; not stored. */
export function composeFinal(
  work: Work,
  subscription: Subscription,
  what: {
    id: string;
    reason: BillingReason;
    items: readonly InvoiceItem[];
    usage: readonly InvoiceLine[];
    finalizesAt: number | null;
  },
): Invoice {
  return composeFor(work, subscription, {
    id: what.id,
    reason: what.reason,
    lines: [...what.items.map((item) => lineOfItem(what.id, item)), ...what.usage],
    discounts: [],
    period: { start: periodOf(subscription).start, end: work.now },
    finalizesAt: what.finalizesAt,
    autoAdvance: subscription.status !== 'unpaid',
  });
}

/** The time from now on that was charged and will not be used. */
export function unusedTime(work: Work, subscription: Subscription): InvoiceItem[] {
  const period = fullPeriodOf(subscription);
  const until = givenBackFrom(work, subscription.id) ?? period.end;
  if (!isBilled(subscription) || work.now >= until) return [];
  return prorationItems(work, subscription, allGivenBack(subscription), { at: work.now, until, period, prices: {} });
}

/** What waits for the next invoice, which is going to be the last one. */
export function itemsLeft(work: Work, subscription: Subscription): InvoiceItem[] {
  const { customer, currency, id } = subscription;
  return pendingItems(work, { customer, currency, subscription: id });
}

/**
 * Cancels now. `prorate` gives back what was paid for and is not used; it stays pending unless `invoiceNow` puts
 * it, and all else that was pending, on a final one, which is collected in the same breath.
 */
export function cancelNow(
  work: Work,
  subscription: Subscription,
  how: { prorate: boolean; invoiceNow: boolean; details?: CancellationDetails },
): Subscription {
  if (how.prorate) for (const item of unusedTime(work, subscription)) work.insert(item, 'invoiceitem.created');
  const bills = how.invoiceNow && subscription.status !== 'incomplete';
  const items = bills ? itemsLeft(work, subscription) : [];
  const id = newId('in_');
  // What was used and is not billed now is never billed.
  const usage = bills ? usageLines(work, subscription, id, work.now) : [];
  const nothing = items.length + usage.length === 0;
  const last = nothing ? subscription : { ...subscription, latest_invoice: id };
  const canceled = cancelSubscription(work, last, 'cancellation_requested', how.details);
  if (nothing) return canceled;
  const reason = 'subscription_update';
  const sent = subscription.collection_method === 'send_invoice';
  const finalizesAt = sent ? work.now + work.settings.renewalFinalizeDelaySeconds : null;
  const draft = storeDraft(work, composeFinal(work, subscription, { id, reason, items, usage, finalizesAt }));
  claimItems(work, items, draft);
  if (subscription.status === 'unpaid' || settleWhilePaused(work, subscription, draft) !== undefined || sent) {
    return canceled;
  }
  const invoice = finalizeInvoice(work, draft);
  if (invoice.status === 'open') {
    collectInvoice(work, invoice, { automatic: true, offSession: true, authentication: null });
  }
  return work.get('subscription', canceled.id);
}

/** Ends a subscription at the time that was set for it. What is still pending goes on a last invoice, like a renewal's. */
export function endAsPlanned(work: Work, subscription: Subscription): void {
  const items = itemsLeft(work, subscription);
  const id = newId('in_');
  const usage = usageLines(work, subscription, id, work.now);
  const nothing = items.length + usage.length === 0;
  const last = nothing ? subscription : { ...subscription, latest_invoice: id };
  cancelSubscription(work, last, 'cancellation_requested');
  if (nothing) return;
  const advances = subscription.status !== 'unpaid';
  const finalizesAt = advances ? work.now + work.settings.renewalFinalizeDelaySeconds : null;
  const reason = 'subscription_cycle';
  const draft = storeDraft(work, composeFinal(work, subscription, { id, reason, items, usage, finalizesAt }));
  claimItems(work, items, draft);
  settleWhilePaused(work, subscription, draft);
}
