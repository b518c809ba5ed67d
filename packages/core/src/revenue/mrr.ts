import type { Interval } from '../catalog/types.ts';
import { roundHalfAwayFromZero, toSafeInteger } from '../fraction.ts';

/** Charges a year for each interval, over twelve months: the month's share of a price. */
const PER_YEAR: Record<Interval, bigint> = { day: 365n, week: 52n, month: 12n, year: 1n };

/**
 * What a recurring price brings in a month, in the smallest unit: a year over 12, a week times 52/12, a day times 365/12
 * (Stripe, "Monthly recurring revenue"). Rounded once, here.
 */
export function monthlyAmountCents(amountCents: number, interval: Interval, intervalCount: number): number {
  const yearly = BigInt(amountCents) * PER_YEAR[interval];
  return toSafeInteger(roundHalfAwayFromZero(yearly, 12n * BigInt(intervalCount)));
}
