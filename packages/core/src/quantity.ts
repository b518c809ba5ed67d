/**
 * Quantities of use: whole numbers of a meter's smallest step. A meter with scale 3 counts thousandths; time is counted
 * in microseconds, in which whole seconds and millionths of an hour are both exact.
 */

import { roundHalfAwayFromZero, toSafeInteger } from './fraction.ts';

export const MICROSECONDS_PER_SECOND = 1_000_000;
export const MICROSECONDS_PER_HOUR = 3_600_000_000;
/** Decimal places in which hours are given and answered. */
export const HOUR_DECIMALS = 6;
const MICROSECONDS_PER_MILLIONTH_HOUR = MICROSECONDS_PER_HOUR / 10 ** HOUR_DECIMALS;

/**
 * The steps that a decimal such as `2.5` is with `scale` decimal places: 2500 at scale 3. Null for anything that is not
 * a plain decimal, has more places than the scale, or is beyond 2^53 steps.
 */
export function parseQuantity(text: string, scale: number): number | null {
  const match = /^(-?)(\d{1,16})(?:\.(\d+))?$/.exec(text);
  const places = match?.[3] ?? '';
  if (match === null || places.length > scale) return null;
  const steps = Number(`${match[1]}${match[2]}${places.padEnd(scale, '0')}`);
  return Number.isSafeInteger(steps) ? steps + 0 : null;
}

/** The shortest decimal for a number of steps: 2500 at scale 3 is `2.5`. What `parseQuantity` reads back. */
export function formatQuantity(steps: number, scale: number): string {
  const digits = String(Math.abs(steps)).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const places = digits.slice(digits.length - scale).replace(/0+$/, '');
  const sign = steps < 0 ? '-' : '';
  return places === '' ? `${sign}${whole}` : `${sign}${whole}.${places}`;
}

/** Hours with up to six decimals as microseconds, exactly: `0.5` is 1,800,000,000. Null as in `parseQuantity`. */
export function parseHours(text: string): number | null {
  const millionths = parseQuantity(text, HOUR_DECIMALS);
  if (millionths === null) return null;
  const microseconds = millionths * MICROSECONDS_PER_MILLIONTH_HOUR;
  return Number.isSafeInteger(microseconds) ? microseconds : null;
}

/** Microseconds as hours with at most six decimals, a half away from zero: for people, never for sums. */
export function formatHours(microseconds: number): string {
  const millionths = roundHalfAwayFromZero(BigInt(microseconds), BigInt(MICROSECONDS_PER_MILLIONTH_HOUR));
  return formatQuantity(toSafeInteger(millionths), HOUR_DECIMALS);
}
