import { newId } from '../ids.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { cancelSubscription, expireSubscription } from './cancellation.ts';
import { collectInvoice } from './collection.ts';
import { COLLECT_TASK, draftInvoice, FINALIZE_TASK, finalizeInvoice } from './invoices.ts';
import { itemLine } from './lines.ts';
import { nextBoundary } from './periods.ts';
import {
  decideTick,
  EXPIRE_TASK,
  periodOf,
  scheduleSubscription,
  TICK_TASK,
  TRIAL_NOTICE_TASK,
} from './subscription-tasks.ts';
import { cadenceOf } from './subscriptions.ts';

type Period = { start: number; end: number };

function withPeriod(subscription: Subscription, period: Period): Subscription['items'] {
  const data = subscription.items.data.map((item) => {
    return { ...item, current_period_start: period.start, current_period_end: period.end };
  });
  return { ...subscription.items, data };
}

/** Moves the subscription into its next period and drafts the invoice for it. */
export function openPeriod(work: Work, subscription: Subscription, changes: Partial<Subscription>): Invoice {
  const before = periodOf(subscription);
  const cadence = cadenceOf(subscription.items.data.map((item) => item.price));
  const anchor = changes.billing_cycle_anchor ?? subscription.billing_cycle_anchor;
  const start = changes.billing_cycle_anchor ?? before.end;
  const period = { start, end: nextBoundary(anchor, cadence, start) };
  const id = newId('in_');
  const moved = work.update(
    subscription,
    { ...changes, items: withPeriod(subscription, period), latest_invoice: id },
    'customer.subscription.updated',
  );
  scheduleSubscription(work, moved);
  const lines = moved.items.data.map((item) =>
    itemLine(id, moved, item, work.get('product', item.price.product).name, period, false),
  );
  // An unpaid subscription keeps its new invoices as drafts: nobody expects them to be paid.
  const advances = moved.status !== 'unpaid';
  return draftInvoice(work, moved, {
    id,
    reason: 'subscription_cycle',
    lines,
    period: { start: before.start, end: start },
    finalizesAt: advances ? work.now + work.settings.renewalFinalizeDelaySeconds : null,
    autoAdvance: advances,
  });
}

function hasPaymentMethod(work: Work, subscription: Subscription): boolean {
  if (subscription.default_payment_method !== null) return true;
  return work.get('customer', subscription.customer).invoice_settings.default_payment_method !== null;
}

/** The end of a trial: billing begins with a full period, unless there is nothing to bill with and that was foreseen. */
export function endTrial(work: Work, subscription: Subscription, at: number): void {
  const behavior = subscription.trial_settings.end_behavior.missing_payment_method;
  const payable = subscription.collection_method === 'send_invoice' || hasPaymentMethod(work, subscription);
  if (payable || behavior === 'create_invoice') {
    openPeriod(work, subscription, { billing_cycle_anchor: at, status: 'active', trial_end: at });
  } else if (behavior === 'cancel') {
    cancelSubscription(work, subscription, null);
  } else {
    const paused: NonNullable<Subscription['status_details']>['paused'] = {
      subscription: { type: 'trial_end_without_payment_method' },
      transitioned_at: work.now,
      type: 'subscription',
    };
    const changes = { status: 'paused' as const, status_details: { paused } };
    const changed = work.update(subscription, changes, 'customer.subscription.updated');
    work.emit('customer.subscription.paused', changed);
    scheduleSubscription(work, changed);
  }
}

function tick(work: Work, id: string): void {
  const subscription = work.get('subscription', id);
  switch (decideTick(subscription, work.now)) {
    case 'cancel':
      cancelSubscription(work, subscription, 'cancellation_requested');
      return;
    case 'end_trial':
      endTrial(work, subscription, subscription.trial_end ?? work.now);
      return;
    case 'new_period':
      openPeriod(work, subscription, {});
      return;
    case 'nothing':
      scheduleSubscription(work, subscription);
      return;
  }
}

const AUTOMATIC = { automatic: true, offSession: true, authentication: null };

function finalizeDue(work: Work, id: string): void {
  const draft = work.get('invoice', id);
  if (draft.status !== 'draft') return;
  const invoice = finalizeInvoice(work, draft);
  if (invoice.status === 'open' && invoice.collection_method === 'charge_automatically') {
    collectInvoice(work, invoice, AUTOMATIC);
  }
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
