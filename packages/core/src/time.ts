/** Instants and spans of time, in UTC throughout. */

export const secondMs = 1_000;
export const minuteMs = 60 * secondMs;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

export type TimeUnit = 'second' | 'minute' | 'hour' | 'day' | 'week' | 'month' | 'year';

const fixedUnitMs = {
  second: secondMs,
  minute: minuteMs,
  hour: hourMs,
  day: dayMs,
  week: 7 * dayMs,
} as const;

/** The instant `milliseconds` later (earlier when negative). */
export function addMs(instant: Date, milliseconds: number): Date {
  return new Date(instant.getTime() + milliseconds);
}

/** The instant `days` of 24 hours later (earlier when negative). */
export function addDays(instant: Date, days: number): Date {
  return addMs(instant, days * dayMs);
}

/**
 * The instant `count` units after `anchor`. Months and years keep the anchor's day where the month has it and otherwise take the
 * month's last day, as Stripe's billing cycle anchor does: January 31st, plus one month, is the end of February, plus two, March 31st.
 * Count from the anchor each time, since adding one month repeatedly would lose the day.
 */
export function addUnits(anchor: Date, unit: TimeUnit, count: number): Date {
  if (unit === 'month') return addMonths(anchor, count);
  if (unit === 'year') return addMonths(anchor, count * 12);
  return addMs(anchor, count * fixedUnitMs[unit]);
}

function addMonths(anchor: Date, months: number): Date {
  const result = new Date(anchor);
  result.setUTCDate(1);
  result.setUTCMonth(result.getUTCMonth() + months);
  const lastDay = new Date(Date.UTC(result.getUTCFullYear(), result.getUTCMonth() + 1, 0)).getUTCDate();
  result.setUTCDate(Math.min(anchor.getUTCDate(), lastDay));
  return result;
}

/** Stripe's seconds since 1970 as an instant. */
export function fromUnixSeconds(seconds: number): Date {
  return new Date(seconds * secondMs);
}

/** An instant as whole seconds since 1970, rounded down, as Stripe counts. */
export function toUnixSeconds(instant: Date): number {
  return Math.floor(instant.getTime() / secondMs);
}

/** The earliest of the instants, without those that are null; null when none is left. */
export function earliest(...instants: readonly (Date | null)[]): Date | null {
  let first: Date | null = null;
  for (const instant of instants) if (instant !== null && (first === null || instant < first)) first = instant;
  return first;
}

/** The latest of the instants, without those that are null; null when none is left. */
export function latest(...instants: readonly (Date | null)[]): Date | null {
  let last: Date | null = null;
  for (const instant of instants) if (instant !== null && (last === null || instant > last)) last = instant;
  return last;
}
