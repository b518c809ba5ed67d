import type { Interval } from '../catalog/types.ts';
import { monthlyAmountCents } from './mrr.ts';

/** Why the monthly revenue changed, as seen from the customer (Stripe, "MRR roll-forward"). */
export type MovementKind = 'new' | 'expansion' | 'contraction' | 'churn' | 'reactivation';

/** A recurring price that somebody is on. */
export interface RecurringCharge {
  /** Stripe's status. */
  status: string;
  amountCents: number;
  interval: string | null;
  intervalCount: number;
}

const INTERVALS: readonly string[] = ['day', 'week', 'month', 'year'] satisfies Interval[];

/**
 * What a subscription brings in a month, in the smallest unit: while it is active or its payment is late, not while it is tried
 * for free, and nothing for what does not recur (Stripe, "Monthly recurring revenue").
 */
export function monthlyRevenueCents({ status, amountCents, interval, intervalCount }: RecurringCharge): number {
  if (status !== 'active' && status !== 'past_due') return 0;
  return isInterval(interval) ? monthlyAmountCents(amountCents, interval, intervalCount) : 0;
}

function isInterval(interval: string | null): interval is Interval {
  return interval !== null && INTERVALS.includes(interval);
}

/**
 * The kind of a change of what a customer brings in a month altogether, in one currency; null where nothing changed.
 * `returning`: they brought something before.
 */
export function movementKind(beforeCents: number, afterCents: number, returning: boolean): MovementKind | null {
  if (beforeCents === afterCents) return null;
  if (beforeCents === 0) return returning ? 'reactivation' : 'new';
  if (afterCents === 0) return 'churn';
  return afterCents > beforeCents ? 'expansion' : 'contraction';
}
