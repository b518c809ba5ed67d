import { addUnits, dayMs, LATEST_EVENT_DAYS, slotStart } from '@latchkey/core';
import type { Database } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';
import type { Clock } from '../../ports.ts';
import {
  dropMonthOfEvents,
  monthsOfEventsBefore,
  type Page,
  type RemovedPage,
  removeReservations,
} from './retention-repository.ts';
import { compareHours } from './rollup-repository.ts';

const ACTOR = { actor: { type: 'system', id: 'usage' } } as const;
/** Rows that one transaction looks at: done in milliseconds, so that nobody waits for it. */
const ROWS_AT_A_TIME = 5_000;

export interface UsageRetentionOptions {
  database: Database;
  clock: Clock;
  log: Log;
  /** For how many months events are kept; null is for ever. */
  keepMonths: number | null;
  rowsAtATime?: number | undefined;
}

export type UsageRetention = ReturnType<typeof createUsageRetention>;

/** Removes what nothing may ask for any more. Each once a day. */
export function createUsageRetention(options: UsageRetentionOptions) {
  const { database, clock, log, keepMonths, rowsAtATime = ROWS_AT_A_TIME } = options;

  async function removeAll(table: Parameters<typeof removeReservations>[1]): Promise<number> {
    const before = new Date(clock.now().getTime() - LATEST_EVENT_DAYS * dayMs);
    let removed = 0;
    let after: string | null = '';
    while (after !== null) {
      const page: Page = { after, before, limit: rowsAtATime };
      const done: RemovedPage = await database.transaction(ACTOR, ({ connection }) =>
        removeReservations(connection, table, page),
      );
      removed += done.removed;
      // Ids sort by when they were made, within a day: behind a page of which nothing was due, little is, and the next night finds it.
      after = done.due === 0 ? null : done.last;
    }
    return removed;
  }

  /** Whether every hour of a month is what its events say: looked at day by day, so that no statement runs for long. */
  async function isRolledUp(month: Date, next: Date): Promise<boolean> {
    for (let from = month; from < next; from = new Date(from.getTime() + dayMs)) {
      const to = new Date(from.getTime() + dayMs);
      const found = await compareHours(database.connection, { from, to, limit: 1 });
      if (found.length > 0) return false;
    }
    return true;
  }

  return {
    /**
     * Removes reservations that were used, given up or ran out, once their time was over for as long as an event may come late: until
     * then finalizing and releasing them again is answered as it was. Resolves to how many rows there were.
     */
    async removeReservations(): Promise<number> {
      return (await removeAll('usage_reservations')) + (await removeAll('ledger_reservations'));
    },

    /**
     * Drops the events of months that ended longer ago than events are kept, the oldest first, each once its hours are proven to be
     * what its events say. One that is not stays, and those after it. Resolves to how many months were dropped.
     */
    async dropEvents(): Promise<number> {
      if (keepMonths === null) return 0;
      const keptFrom = slotStart(addUnits(clock.now(), 'month', -keepMonths), 'month');
      let dropped = 0;
      for (const month of await monthsOfEventsBefore(database.connection, keptFrom)) {
        const next = addUnits(month, 'month', 1);
        if (!(await isRolledUp(month, next))) {
          const said = 'events of a month are kept: its hours differ from them, see "latchkey usage prove"';
          log.warn({ month: month.toISOString() }, said);
          break;
        }
        const what = { month, next, wall: clock.wall() };
        await database.transaction(ACTOR, ({ connection }) => dropMonthOfEvents(connection, what));
        dropped += 1;
        log.info({ month: month.toISOString() }, 'the events of a month were dropped');
      }
      return dropped;
    },
  };
}
