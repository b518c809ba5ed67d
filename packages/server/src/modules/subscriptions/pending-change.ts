import { type Catalog, findProduct } from '@latchkey/core';
import type { Subscription } from './service.ts';

/** Under this name a subscription at Stripe says which plan its schedule brings. */
export const PENDING_PLAN = 'latchkey_pending_plan';

/** What becomes of a subscription when its period ends, where that is another plan; null where it is not. */
export function pendingChange(subscription: Subscription, catalog: Catalog): { plan: string; at: Date } | null {
  const { metadata, plan, cancel_at: cancelAt, current_period_end: periodEnd, standing } = subscription;
  if (standing === 'ended') return null;
  const cancellation = findProduct(catalog, subscription.product)?.cancellation;
  if (cancelAt !== null && cancellation?.effect === 'downgrade' && cancellation.downgradeTo !== null) {
    return { plan: cancellation.downgradeTo, at: cancelAt };
  }
  const wanted = metadata[PENDING_PLAN];
  // Once it is there it waits no more: the note is only taken away with the next change.
  if (wanted === undefined || wanted === plan || periodEnd === null) return null;
  return { plan: wanted, at: periodEnd };
}
