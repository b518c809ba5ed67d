import { LatchkeyError } from '@latchkey/core';
import type { Actor, Connection, Database } from '../../db/database.ts';
import { eventsKeptFrom, holdEvents } from './retention-repository.ts';
import { compareHours, countHours, type Discrepancy, lockAccounts, rewriteHours } from './rollup-repository.ts';

export interface ProofOfUse {
  /** What was compared: less than was asked for where events have been dropped. */
  span: SpanOfHours;
  /** Since when every event is kept; null while all are. */
  eventsFrom: Date | null;
  /** The sums of every hour are those of its events, now. */
  equal: boolean;
  /** Hours of an account and a route that are kept of the span. */
  hours: number;
  /** The first of those that differed, before any was mended. */
  discrepancies: Discrepancy[];
  /** Accounts of which hours were counted anew. */
  repaired: number;
}

export interface SpanOfHours {
  from: Date;
  to: Date;
}

/** Differences that one look names. */
const MOST_DISCREPANCIES = 500;

/**
 * Compares the hours from `from` to before `to` with the events themselves. With `repair`, the hours of accounts that differ are counted
 * anew, while nobody records use of them, and everything is compared once more. Both must begin an hour. Hours whose events have been
 * dropped were compared before that, and are left alone; throws `invalid_request` where that is all of them.
 */
export async function proveUse(
  database: Database,
  asked: SpanOfHours,
  { repair, actor }: { repair: boolean; actor: Actor },
): Promise<ProofOfUse> {
  const look = () =>
    database.transaction({ actor }, async ({ connection }) => {
      const { span, eventsFrom } = await provable(connection, asked);
      return { span, eventsFrom, found: await compareHours(connection, { ...span, limit: MOST_DISCREPANCIES }) };
    });
  const first = await look();
  const accounts = [...new Set(first.found.map(({ account }) => account))].sort();
  let last = first;
  if (repair && accounts.length > 0) {
    await database.transaction({ actor }, async ({ connection }) => {
      const { span } = await provable(connection, asked);
      await lockAccounts(connection, accounts);
      await rewriteHours(connection, { ...span, accounts });
    });
    last = await look();
  }
  const { span, eventsFrom, found } = last;
  const hours = await countHours(database.connection, span);
  const repaired = repair ? accounts.length : 0;
  return { span, eventsFrom, equal: found.length === 0, hours, discrepancies: first.found, repaired };
}

/** As much of a span as there are events of, which are not dropped before the transaction ends. */
async function provable(
  connection: Connection,
  { from, to }: SpanOfHours,
): Promise<Pick<ProofOfUse, 'span' | 'eventsFrom'>> {
  await holdEvents(connection);
  const eventsFrom = await eventsKeptFrom(connection);
  if (eventsFrom === null || from >= eventsFrom) return { span: { from, to }, eventsFrom };
  if (to > eventsFrom) return { span: { from: eventsFrom, to }, eventsFrom };
  const detail = `Events before ${eventsFrom.toISOString()} were dropped: nothing is left to compare these hours with.`;
  throw new LatchkeyError('invalid_request', detail, { path: 'to' });
}
