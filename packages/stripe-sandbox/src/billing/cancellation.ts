import type { CancellationDetails, Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { stopCollection, voidInvoice } from './invoices.ts';
import { withoutPending } from './pending-update-end.ts';
import { endScheduleOf } from './schedule-tasks.ts';
import { scheduleSubscription } from './subscription-tasks.ts';

/** Ends a subscription now: canceled for good, nothing more is billed, open invoices are no longer collected. */
export function cancelSubscription(
  work: Work,
  running: Subscription,
  reason: CancellationDetails['reason'],
  details: Partial<CancellationDetails> = {},
): Subscription {
  if (running.status === 'incomplete') return expireSubscription(work, running, 'customer.subscription.deleted');
  const subscription = withoutPending(work, running);
  stopCollection(work, subscription.id);
  const canceled = work.update(
    subscription,
    {
      // A cancellation that was asked for earlier keeps its own time; the flag and date stay as they were.
      canceled_at: subscription.canceled_at ?? work.now,
      cancellation_details: {
        ...subscription.cancellation_details,
        ...details,
        reason: subscription.cancellation_details.reason ?? reason,
      },
      ended_at: work.now,
      status: 'canceled',
    },
    'customer.subscription.deleted',
  );
  scheduleSubscription(work, canceled);
  endScheduleOf(work, canceled, reason === 'payment_failed');
  return canceled;
}

/** A subscription whose first payment never came: it ends as `incomplete_expired` and its invoice is void. */
export function expireSubscription(work: Work, subscription: Subscription, eventType: string): Subscription {
  const invoice = subscription.latest_invoice === null ? undefined : work.find('invoice', subscription.latest_invoice);
  if (invoice?.status === 'open') voidInvoice(work, invoice);
  const expired = work.update(subscription, { ended_at: work.now, status: 'incomplete_expired' }, eventType);
  scheduleSubscription(work, expired);
  endScheduleOf(work, expired, true);
  return expired;
}
