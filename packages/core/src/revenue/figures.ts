/**
 * What a vendor reads off the movements: how the revenue of a month came about, how many leave, and what a customer is worth. The
 * definitions are those of Stripe, "Billing metric definitions" (https://docs.stripe.com/billing/subscriptions/analytics/glossary),
 * by the calendar month where Stripe looks at the last 30 days. Each figure is made of counts and sums of movements alone.
 */

import { roundHalfAwayFromZero, toSafeInteger } from '../fraction.ts';
import type { MovementKind } from './movements.ts';

/** Every kind of movement. */
export const MOVEMENT_KINDS: readonly MovementKind[] = ['new', 'expansion', 'contraction', 'churn', 'reactivation'];

/** So much of so many: kept in two parts, so that months can be added up before anything is divided. */
export interface Share {
  part: number;
  of: number;
}

/** What customers bring in a month, and how many they are. */
export interface RevenueStanding {
  mrrCents: number;
  customers: number;
}

/** What moved in one month, in one currency. */
export interface MonthOfMovements {
  /** The month's first day. */
  month: string;
  /** What the movements of each kind sum up to; contraction and churn are below zero. */
  deltaCents: Readonly<Record<MovementKind, number>>;
  /** How many there were. */
  count: Readonly<Record<MovementKind, number>>;
}

/** A month from its beginning to its end. */
export interface RevenueMonth extends MonthOfMovements {
  start: RevenueStanding;
  end: RevenueStanding;
  /** Of all who paid at its beginning or came in the course of it, those who left ("subscriber churn rate"). */
  customerChurn: Share;
  /** Of what came in at its beginning, what was lost to those who left and to those who pay less ("gross MRR churn"). */
  revenueChurn: Share;
}

/**
 * The months one after another, the oldest first: each begins as the one before ended. Somebody who leaves and comes back within a
 * month counts in both, so that the customers at the end are those at the beginning, and who came, less who left, always.
 */
export function rollForward(opening: RevenueStanding, months: readonly MonthOfMovements[]): RevenueMonth[] {
  let start = opening;
  return months.map((month) => {
    const { deltaCents, count } = month;
    const came = count.new + count.reactivation;
    const moved = MOVEMENT_KINDS.reduce((cents, kind) => cents + deltaCents[kind], 0);
    const end = { mrrCents: start.mrrCents + moved, customers: start.customers + came - count.churn };
    const rolled: RevenueMonth = {
      ...month,
      start,
      end,
      customerChurn: { part: count.churn, of: start.customers + came },
      revenueChurn: { part: -(deltaCents.churn + deltaCents.contraction), of: start.mrrCents },
    };
    start = end;
    return rolled;
  });
}

/** Several months as one: an average in which a month weighs as much as it had to lose. */
export function together(shares: readonly Share[]): Share {
  return shares.reduce((sum, { part, of }) => ({ part: sum.part + part, of: sum.of + of }), { part: 0, of: 0 });
}

/** The share as a number, to six decimals; null where there was nothing of which it could be a share. */
export function rateOf({ part, of }: Share): number | null {
  return of === 0 ? null : Math.round((part / of) * 1_000_000) / 1_000_000;
}

/** Twelve times what a month brings. */
export function annualRunRateCents(mrrCents: number): number {
  return mrrCents * 12;
}

/** What one customer brings in a month on average ("ARPU"), in the smallest unit; null without customers. */
export function averagePerCustomerCents({ mrrCents, customers }: RevenueStanding): number | null {
  return customers === 0 ? null : ratio(BigInt(mrrCents), BigInt(customers));
}

/**
 * What a customer brings until they leave ("subscriber lifetime value"): what one brings in a month, divided by the share that leaves in
 * a month. Rounded once, from the exact value. Null where nobody was there, and where nobody left: a customer who never leaves is
 * worth no number, and one made up would be the largest figure on the page.
 */
export function lifetimeValueCents({ mrrCents, customers }: RevenueStanding, monthlyChurn: Share): number | null {
  if (customers === 0 || monthlyChurn.of === 0 || monthlyChurn.part === 0) return null;
  return ratio(BigInt(mrrCents) * BigInt(monthlyChurn.of), BigInt(customers) * BigInt(monthlyChurn.part));
}

function ratio(numerator: bigint, denominator: bigint): number {
  return toSafeInteger(roundHalfAwayFromZero(numerator, denominator));
}
