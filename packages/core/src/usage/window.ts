/** Billing periods of use: which one an instant belongs to. */

import type { Interval } from '../catalog/types.ts';
import { addUnits, dayMs } from '../time.ts';

/** From `startsAt` on, up to but not including `endsAt`. */
export interface UsagePeriod {
  readonly startsAt: number;
  readonly endsAt: number;
}

/** A period that is known, and the step in which the others lie before and after it. */
export interface PeriodAnchor extends UsagePeriod {
  readonly unit: Interval;
  readonly count: number;
}

const ROUGH_DAYS: Readonly<Record<Interval, number>> = { day: 1, week: 7, month: 30.436875, year: 365.2425 };

/** Months counted from an instant: of what has no subscription. */
export function monthsFrom(startsAt: number): PeriodAnchor {
  return { startsAt, endsAt: stepped(startsAt, 'month', 1), unit: 'month', count: 1 };
}

/** Calendar months in UTC. */
export const CALENDAR_MONTHS: PeriodAnchor = monthsFrom(0);

/** The period that an instant is in: the anchor itself, or one that lies whole steps before its start or after its end. */
export function periodAt(at: number, anchor: PeriodAnchor): UsagePeriod {
  const { startsAt, endsAt, unit, count } = anchor;
  if (at >= startsAt && at < endsAt) return { startsAt, endsAt };
  // From the start, where that gives the end too: the last day of a short month is not where a cycle is counted from.
  const base = at < startsAt || endsAt === stepped(startsAt, unit, count) ? startsAt : endsAt;
  const edge = (step: number): number => stepped(base, unit, step * count);
  let step = Math.floor((at - base) / (ROUGH_DAYS[unit] * count * dayMs));
  while (edge(step) > at) step -= 1;
  while (edge(step + 1) <= at) step += 1;
  return { startsAt: edge(step), endsAt: edge(step + 1) };
}

/**
 * The period of an instant, where some periods were in use before: what was a period stays one, and no other reaches into it. Only what
 * is known today of the current period goes before.
 */
export function windowAt(at: number, anchor: PeriodAnchor, used: readonly UsagePeriod[]): UsagePeriod {
  const period = periodAt(at, anchor);
  if (at >= anchor.startsAt) return period;
  const inUse = used.find(({ startsAt, endsAt }) => startsAt <= at && at < endsAt);
  if (inUse !== undefined) return inUse;
  let { startsAt, endsAt } = period;
  for (const other of used) {
    if (other.endsAt <= at) startsAt = Math.max(startsAt, other.endsAt);
    if (other.startsAt > at) endsAt = Math.min(endsAt, other.startsAt);
  }
  return { startsAt, endsAt };
}

function stepped(base: number, unit: Interval, count: number): number {
  return addUnits(new Date(base), unit, count).getTime();
}
