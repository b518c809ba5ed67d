import { newId } from '../ids.ts';
import type { BillingReason, Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { cancelSubscription, expireSubscription } from './cancellation.ts';
import { collectInvoice } from './collection.ts';
import { activeDiscounts } from './discounts.ts';
import { endAsPlanned } from './final-invoice.ts';
import { FINALIZE_TASK } from './invoice-draft.ts';
import { claimItems, lineOfItem, pendingItems } from './invoice-items.ts';
import { COLLECT_TASK, finalizeInvoice } from './invoices.ts';
import { sendInvoice } from './manual-invoices.ts';
import { usageLines } from './metered-lines.ts';
import { settleWhilePaused } from './pause-collection.ts';
import { withoutPending } from './pending-update-end.ts';
import { composePeriod, storePeriod } from './period-invoice.ts';
import { periodLines, withPeriod } from './period-lines.ts';
import { nextBoundary } from './periods.ts';
import { enterPhase } from './schedules.ts';
import { anchorAfter, cadenceOf } from './subscription-start.ts';
import {
  decideTick,
  EXPIRE_TASK,
  periodOf,
  scheduleSubscription,
  TICK_TASK,
  TRIAL_NOTICE_TASK,
} from './subscription-tasks.ts';

/**
 * Moves the subscription into its next period and drafts the invoice of it. A renewal's is finalised after the usual hour;
 * one of another reason is for the caller to finalise.
 */
export function openPeriod(
  work: Work,
  subscription: Subscription,
  changes: Partial<Subscription>,
  reason: BillingReason,
): Invoice {
  const before = periodOf(subscription);
  const next = { ...subscription, ...changes };
  const cadence = cadenceOf(next.items.data.map((item) => item.price));
  const start = changes.billing_cycle_anchor ?? before.end;
  const anchor = anchorAfter(subscription, next, start);
  const period = { start, end: nextBoundary(anchor, cadence, start) };
  const id = newId('in_');
  const moved = work.update(
    subscription,
    { ...changes, billing_cycle_anchor: anchor, items: withPeriod(next, period), latest_invoice: id },
    'customer.subscription.updated',
  );
  if (changes.items !== undefined) for (const item of moved.items.data) work.objects.setOwner(item.id, moved.id);
  scheduleSubscription(work, moved);
  const { customer, currency } = moved;
  const pending = pendingItems(work, { customer, currency, subscription: moved.id });
  const lines = [
    ...pending.map((item) => lineOfItem(id, item)),
    ...usageLines(work, subscription, id, start),
    ...periodLines(work, moved, id, false),
  ];
  // An unpaid subscription keeps its new invoices as drafts: nobody expects them to be paid.
  const advances = moved.status !== 'unpaid';
  const composed = composePeriod(work, moved, {
    id,
    reason,
    lines,
    discounts: activeDiscounts(work, moved.discounts, work.now),
    period: { start: before.start, end: start },
    finalizesAt:
      advances && reason === 'subscription_cycle' ? work.now + work.settings.renewalFinalizeDelaySeconds : null,
    autoAdvance: advances,
  });
  const draft = storePeriod(work, moved, composed);
  claimItems(work, pending, draft);
  return settleWhilePaused(work, moved, draft) ?? draft;
}

const AUTOMATIC = { automatic: true, offSession: true, authentication: null };

function finalizeAndCollect(work: Work, draft: Invoice): Invoice {
  const invoice = finalizeInvoice(work, draft);
  if (invoice.status !== 'open') return invoice;
  if (invoice.collection_method === 'send_invoice') return sendInvoice(work, invoice);
  return collectInvoice(work, invoice, AUTOMATIC).invoice;
}

function hasPaymentMethod(work: Work, subscription: Subscription): boolean {
  if (subscription.default_payment_method !== null) return true;
  return work.get('customer', subscription.customer).invoice_settings.default_payment_method !== null;
}

/** The end of a trial: billing begins with a full period, unless there is nothing to bill with and that was foreseen. */
export function endTrial(
  work: Work,
  subscription: Subscription,
  at: number,
  entered: Partial<Subscription> = {},
): void {
  const behavior = subscription.trial_settings.end_behavior.missing_payment_method;
  const payable = subscription.collection_method === 'send_invoice' || hasPaymentMethod(work, subscription);
  if (payable || behavior === 'create_invoice') {
    const requested = at < (subscription.trial_end ?? at);
    const changes = { ...entered, billing_cycle_anchor: at, status: 'active' as const, trial_end: at };
    const draft = openPeriod(work, subscription, changes, requested ? 'subscription_update' : 'subscription_cycle');
    if (requested && draft.status === 'draft' && draft.auto_advance) finalizeAndCollect(work, draft);
  } else if (behavior === 'cancel') {
    cancelSubscription(work, subscription, null);
  } else {
    const paused: NonNullable<Subscription['status_details']>['paused'] = {
      subscription: { type: 'trial_end_without_payment_method' },
      transitioned_at: work.now,
      type: 'subscription',
    };
    const changes = { ...entered, status: 'paused' as const, status_details: { paused } };
    const changed = work.update(subscription, changes, 'customer.subscription.updated');
    work.emit('customer.subscription.paused', changed);
    scheduleSubscription(work, changed);
  }
}

function tick(work: Work, id: string): void {
  const subscription = withoutPending(work, work.get('subscription', id));
  switch (decideTick(subscription, work.now)) {
    case 'cancel':
      endAsPlanned(work, subscription);
      return;
    case 'end_trial':
      endTrial(work, subscription, subscription.trial_end ?? work.now, enterPhase(work, subscription));
      return;
    case 'new_period':
      openPeriod(work, subscription, enterPhase(work, subscription), 'subscription_cycle');
      return;
    case 'nothing':
      scheduleSubscription(work, subscription);
      return;
  }
}

function finalizeDue(work: Work, id: string): void {
  const draft = work.get('invoice', id);
  if (draft.status === 'draft') finalizeAndCollect(work, draft);
}

function collectDue(work: Work, id: string): void {
  const invoice = work.get('invoice', id);
  if (invoice.status === 'open') collectInvoice(work, invoice, AUTOMATIC);
}

function expireDue(work: Work, id: string): void {
  const subscription = work.get('subscription', id);
  if (subscription.status === 'incomplete') expireSubscription(work, subscription, 'customer.subscription.updated');
}

function announceTrialEnd(work: Work, id: string): void {
  work.emit('customer.subscription.trial_will_end', work.get('subscription', id));
}

/** What the billing engine does when one of its tasks falls due. */
export const BILLING_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [TICK_TASK]: tick,
  [EXPIRE_TASK]: expireDue,
  [TRIAL_NOTICE_TASK]: announceTrialEnd,
  [FINALIZE_TASK]: finalizeDue,
  [COLLECT_TASK]: collectDue,
};
