/** The SQL of what sessions note as events. */

import type { Connection } from '../../db/database.ts';

/** A deduction of a session, as an event. */
export interface TimedEvent {
  /** Its operation in the ledger, which makes it one: no event that is sent is looked for among these. */
  id: string;
  account: string;
  /** In milliseconds since 1970. */
  at: number;
  quantity: number;
}

export async function insertTimedEvents(
  connection: Connection,
  events: readonly TimedEvent[],
  receivedAt: Date,
): Promise<void> {
  const rows = events.map(({ id, account, at, quantity }) => ({
    ...{ id, account_id: account, at: new Date(at), received_at: receivedAt, operation: id },
    ...{ quantity, covered: quantity, overage: 0, uncovered: 0 },
  }));
  await connection.insertInto('usage_events').values(rows).execute();
}
