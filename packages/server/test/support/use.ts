import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Database } from '../../src/db/database.ts';
import { type CountedEvent, rollUp } from '../../src/modules/usage/rollup.ts';

/** Events as the writer leaves them: they and their hours in one transaction, or neither. */
export async function writeEvents(database: Database, events: readonly CountedEvent[], fails = false): Promise<void> {
  const months = new Set(events.map(({ at }) => new Date(at).toISOString().slice(0, 7)));
  for (const month of months)
    await sql`SELECT usage_make_month(${`${month}-15`}::timestamptz)`.execute(database.connection);
  await database.transaction({ actor: { type: 'system', id: 'test' } }, async (transaction) => {
    const rows = events.map(({ account, at, durationMs, ...rest }) => ({
      ...rest,
      id: randomUUID(),
      account_id: account,
      at: new Date(at),
      received_at: new Date(at),
      duration_ms: durationMs,
    }));
    await sql`INSERT INTO usage_events (id, account_id, at, received_at, quantity, covered, overage, uncovered, reverses, method,
        route, duration_ms, status)
      SELECT * FROM json_to_recordset(${JSON.stringify(rows)}::json) AS event (id text, account_id text, at timestamptz,
        received_at timestamptz, quantity bigint, covered bigint, overage bigint, uncovered bigint, reverses text, method text,
        route text, duration_ms integer, status integer)`.execute(transaction.connection);
    await rollUp(transaction, events);
    if (fails) throw new Error('the batch fails');
  });
}
