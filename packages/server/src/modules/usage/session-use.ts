/** The deductions of timed sessions, among the events of use: what is used by the clock is in the same series as everything else. */

import { dayMs, LATEST_EVENT_DAYS } from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import { createMonthTables } from './months.ts';
import { rollUp } from './rollup.ts';
import { insertTimedEvents } from './session-use-repository.ts';

/** What a session took for a time. */
export interface TimedDeduction {
  /** The ledger's operation, which is done once. */
  readonly key: string;
  /** When the time began that it is for, in milliseconds since 1970. */
  readonly from: number;
  /** In the meter's steps. */
  readonly taken: number;
}

/** Short enough that no month lies between two steps. */
const STEP_MS = 28 * dayMs;
const LATEST_MS = LATEST_EVENT_DAYS * dayMs;

/** Notes what sessions take as events. Each is one of the hour in which its time began. */
export function createSessionUse({ database, clock }: { database: Database; clock: Clock }) {
  const ensureMonths = createMonthTables({ database });
  // As with events that are sent: nothing is written of months that may have been dropped.
  const notBefore = (instant: number, now: number) => Math.max(instant, now - LATEST_MS);

  return {
    /** Before the transaction: makes the tables that time since then needs. */
    async prepare(since: Date): Promise<void> {
      const now = clock.now().getTime();
      const instants = [now];
      for (let at = notBefore(since.getTime(), now); at < now; at += STEP_MS) instants.push(at);
      await ensureMonths(instants);
    },

    /** In the transaction that took it from the account, and holds its lock. What took nothing is no use. */
    async record(transaction: Transaction, account: string, deductions: readonly TimedDeduction[]): Promise<void> {
      const now = clock.now();
      const events = deductions
        .filter(({ taken }) => taken > 0)
        .map(({ key, from, taken }) => ({
          ...{ id: key, operation: key, account, at: notBefore(from, now.getTime()), quantity: taken, covered: taken },
          ...{ overage: 0, uncovered: 0, reverses: null, method: null, route: null, durationMs: null, status: null },
        }));
      if (events.length === 0) return;
      await insertTimedEvents(transaction.connection, events, now);
      await rollUp(transaction, events);
    },
  };
}
