import type { Interval } from '../objects/parts.ts';

/** How long a billing period is: `{interval: 'month', count: 3}` is a quarter. */
export type Cadence = { interval: Interval; count: number };

const DAY_SECONDS = 86_400;

function daysInMonth(year: number, month: number): number {
  return new Date(Date.UTC(year, month + 1, 0)).getUTCDate();
}

/** `months` after the anchor, at its time of day; a day the month does not have becomes the month's last. */
function addMonths(anchor: number, months: number): number {
  const date = new Date(anchor * 1000);
  const month = date.getUTCMonth() + months;
  const year = date.getUTCFullYear() + Math.floor(month / 12);
  const monthOfYear = ((month % 12) + 12) % 12;
  const day = Math.min(date.getUTCDate(), daysInMonth(year, monthOfYear));
  const secondsOfDay = anchor - Math.floor(anchor / DAY_SECONDS) * DAY_SECONDS;
  return Date.UTC(year, monthOfYear, day) / 1000 + secondsOfDay;
}

/** The anchor moved by `periods` billing periods (seconds since the epoch, UTC). */
export function addPeriods(anchor: number, cadence: Cadence, periods: number): number {
  const units = cadence.count * periods;
  switch (cadence.interval) {
    case 'day':
      return anchor + units * DAY_SECONDS;
    case 'week':
      return anchor + units * 7 * DAY_SECONDS;
    case 'month':
      return addMonths(anchor, units);
    case 'year':
      return addMonths(anchor, units * 12);
  }
}

const LONGEST_SECONDS: Record<Interval, number> = { day: 1, week: 7, month: 31, year: 366 };

/**
 * The first boundary of the billing cycle after `after`. Always counted from the anchor, never from the boundary before, so
 * that 31 January → 28 February → 31 March.
 */
export function nextBoundary(anchor: number, cadence: Cadence, after: number): number {
  const longest = LONGEST_SECONDS[cadence.interval] * cadence.count * DAY_SECONDS;
  let periods = Math.max(0, Math.floor((after - anchor) / longest));
  let boundary = addPeriods(anchor, cadence, periods);
  while (boundary <= after) {
    periods += 1;
    boundary = addPeriods(anchor, cadence, periods);
  }
  return boundary;
}
