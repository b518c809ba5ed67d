/** Where use is going: whether it grows, and what it will be when its window ends. Both are estimates, and no one is billed by them. */

import { roundHalfAwayFromZero } from '../fraction.ts';

export interface Trend {
  /** What each slot adds to or takes from the one before, by least squares. */
  perSlot: number;
  /** The same as a share of an average slot: 0.05 is five percent a slot. Null where that is none. */
  rate: number | null;
  /** Steady while the line through the slots moves by less than a tenth of the average from the first to the last. */
  direction: 'rising' | 'falling' | 'steady';
}

/** Fewer slots have no direction. */
export const FEWEST_SLOTS_OF_A_TREND = 3;
const STEADY = 0.1;

/**
 * The straight line through the values of complete slots, the oldest first, by least squares. A slot that is still running belongs to
 * no trend: it would always fall. Null for fewer than three.
 */
export function trendOf(values: readonly number[]): Trend | null {
  const count = values.length;
  if (count < FEWEST_SLOTS_OF_A_TREND) return null;
  const middle = (count - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  let covariance = 0;
  let variance = 0;
  for (const [index, value] of values.entries()) {
    covariance += (index - middle) * (value - mean);
    variance += (index - middle) ** 2;
  }
  const perSlot = covariance / variance;
  const moved = perSlot * (count - 1);
  const direction = Math.abs(moved) <= Math.abs(mean) * STEADY ? 'steady' : moved > 0 ? 'rising' : 'falling';
  return { perSlot, rate: mean === 0 ? null : perSlot / mean, direction };
}

/** Before this share of a window has passed, a single use would be projected to a hundred. */
const SOONEST = 100n;

/**
 * What the use of a window comes to at its end if it goes on as on average since its start, in the meter's steps. `used` is what
 * happened in the window: use of an earlier one that was told of late is not in it and does not drive it. Null for the window's first
 * hundredth, and for more than can be counted; at its end, what was used.
 */
export function projectedUse(window: { used: number; start: Date; end: Date; now: Date }): number | null {
  const [start, end, now] = [window.start, window.end, window.now].map((one) => BigInt(one.getTime()));
  if (start === undefined || end === undefined || now === undefined || end <= start) return null;
  if (now >= end) return window.used;
  const [passed, whole] = [now - start, end - start];
  if (passed <= 0n || passed * SOONEST < whole) return null;
  const projected = Number(roundHalfAwayFromZero(BigInt(window.used) * whole, passed));
  return Number.isSafeInteger(projected) ? projected : null;
}
