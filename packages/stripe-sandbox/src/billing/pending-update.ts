import { isObject, type JsonObject } from '../json.ts';
import { type Invoice, subscriptionOf } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { type Billed, rememberBilled, rememberGivenBack, rememberInvoice, rememberOf } from './billed.ts';
import { spendDiscounts } from './discounts.ts';
import { releaseItems } from './invoice-item-changes.ts';
import { rememberStarts } from './metered-lines.ts';
import { followSubscription } from './schedule-phases.ts';
import { scheduleSubscription } from './subscription-tasks.ts';

/** Updates that wait for their invoice to be paid (https://docs.stripe.com/billing/subscriptions/pending-updates). */

/** Drops an update that nobody has paid for in time. */
export const PENDING_TASK = 'subscription.pending_update';

/** What is kept, unseen, until then. */
export type PendingChange = {
  invoice: string;
  changes: Partial<Subscription>;
  prices: { [item: string]: Billed };
  newPeriod: boolean;
  givenBackFrom: number | null;
};

export function rememberPending(work: Work, subscription: string, pending: PendingChange | null): void {
  rememberOf(work, subscription, { pending: pending as JsonObject | null });
}

/** The update of this subscription that waits for a payment. */
export function pendingChange(work: Work, subscription: string): PendingChange | undefined {
  const hidden = work.hidden(subscription);
  return isObject(hidden) && isObject(hidden.pending) ? (hidden.pending as unknown as PendingChange) : undefined;
}

/** Whether an update waits for this invoice to be paid. Until then, not paying it does the subscription no harm. */
export function isForPending(work: Work, subscription: Subscription, invoice: Invoice): boolean {
  return pendingChange(work, subscription.id)?.invoice === invoice.id;
}

/** The invoice is paid: what waited for it happens. Returns whether something did. */
export function applyPending(work: Work, subscription: Subscription, invoice: Invoice): boolean {
  const pending = pendingChange(work, subscription.id);
  if (pending?.invoice !== invoice.id) return false;
  rememberPending(work, subscription.id, null);
  work.tasks.cancel(PENDING_TASK, subscription.id);
  const changes = { ...pending.changes, latest_invoice: invoice.id, pending_update: null };
  const applied = work.update(subscription, changes, 'customer.subscription.updated');
  if (subscription.pending_update !== null) work.emit('customer.subscription.pending_update_applied', applied);
  for (const item of applied.items.data) work.objects.setOwner(item.id, applied.id);
  rememberBilled(work, applied.id, pending.prices);
  rememberStarts(work, subscription, applied);
  if (pending.newPeriod) rememberInvoice(work, applied.id, invoice, pending.givenBackFrom);
  else rememberGivenBack(work, applied.id, pending.givenBackFrom);
  scheduleSubscription(work, spendDiscounts(work, applied, invoice));
  followSubscription(work, applied);
  return true;
}

/** The invoice is void: what waited for it will not happen, and what else was on it is pending again. */
export function forgetPending(work: Work, invoice: Invoice): void {
  const id = subscriptionOf(invoice);
  const subscription = id === null ? undefined : work.find('subscription', id);
  if (subscription === undefined || !isForPending(work, subscription, invoice)) return;
  rememberPending(work, subscription.id, null);
  work.tasks.cancel(PENDING_TASK, subscription.id);
  releaseItems(work, invoice);
  work.update(subscription, { pending_update: null }, 'customer.subscription.updated');
}
