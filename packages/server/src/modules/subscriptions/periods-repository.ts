/** The billing periods of subscriptions, for those who count by them. */

import type { Interval, PeriodAnchor } from '@latchkey/core';
import type { Connection } from '../../db/database.ts';

const INTERVALS: ReadonlySet<string> = new Set<Interval>(['day', 'week', 'month', 'year']);

/** The current periods of subscriptions, and the steps in which they go on, by our ids. Those that have none are left out. */
export async function currentPeriods(
  connection: Connection,
  ids: readonly string[],
): Promise<ReadonlyMap<string, PeriodAnchor>> {
  // A list of nothing is no SQL.
  if (ids.length === 0) return new Map();
  const rows = await connection
    .selectFrom('subscriptions')
    .select(['id', 'current_period_start', 'current_period_end', 'recurring_interval', 'recurring_interval_count'])
    .where('id', 'in', ids)
    .execute();
  const periods = new Map<string, PeriodAnchor>();
  for (const row of rows) {
    const { current_period_start: start, current_period_end: end } = row;
    if (start === null || end === null || end <= start) continue;
    const unit = isInterval(row.recurring_interval) ? row.recurring_interval : 'month';
    const count = Math.max(1, row.recurring_interval_count);
    periods.set(row.id, { startsAt: start.getTime(), endsAt: end.getTime(), unit, count });
  }
  return periods;
}

function isInterval(text: string | null): text is Interval {
  return text !== null && INTERVALS.has(text);
}
