import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { voidInvoice } from './invoices.ts';
import { PENDING_TASK, pendingChange } from './pending-update.ts';

/** The subscription without the update that waits for a payment: what comes now takes its place. */
export function withoutPending(work: Work, subscription: Subscription): Subscription {
  const pending = pendingChange(work, subscription.id);
  if (pending === undefined) return subscription;
  voidInvoice(work, work.get('invoice', pending.invoice));
  return { ...subscription, pending_update: null };
}

/** Nobody has paid in time. */
function expire(work: Work, id: string): void {
  withoutPending(work, work.get('subscription', id));
  work.emit('customer.subscription.pending_update_expired', work.get('subscription', id));
}

export const PENDING_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [PENDING_TASK]: expire,
};
