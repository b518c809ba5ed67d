import { type Catalog, findProduct } from '@latchkey/core';
import type { Subscription } from './service.ts';

/** Under this name a subscription at Stripe says what its schedule brings: the plan, how many of it, and when, in seconds. */
export const PENDING_CHANGE = 'latchkey_pending_change';

export function noteOfChange({ plan, quantity, at }: { plan: string; quantity: number; at: number }): string {
  return `${plan} ${quantity} ${at / 1_000}`;
}

/** What becomes of a subscription when its period ends, where that is another plan or quantity; null where it is not. */
export function pendingChange(
  subscription: Subscription,
  catalog: Catalog,
): { plan: string; quantity: number; at: Date } | null {
  const { metadata, cancel_at: cancelAt, current_period_start: periodStart, standing } = subscription;
  if (standing === 'ended') return null;
  const cancellation = findProduct(catalog, subscription.product)?.cancellation;
  if (cancelAt !== null && cancellation?.effect === 'downgrade' && cancellation.downgradeTo !== null) {
    return { plan: cancellation.downgradeTo, quantity: 1, at: cancelAt };
  }
  const [plan, quantity, seconds] = metadata[PENDING_CHANGE]?.split(' ') ?? [];
  if (plan === undefined || seconds === undefined || periodStart === null) return null;
  const at = new Date(Number(seconds) * 1_000);
  // Once its period has begun it waits no more: the note is taken away with the schedule, or the next change.
  return at.getTime() > periodStart.getTime() ? { plan, quantity: Number(quantity), at } : null;
}
