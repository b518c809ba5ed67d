/** The SQL of what use comes to by the hour. */

import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';

/** What is added to a row of `usage_hours`. */
export interface HourOfUse {
  account_id: string;
  hour: Date;
  method: string;
  route: string;
  events: number;
  failed: number;
  quantity: number;
  covered: number;
  overage: number;
  uncovered: number;
  peak: number;
  last_quantity: number;
  last_at: Date | null;
  duration_ms: number;
  /** The buckets of durations, one for each event that says how long it took. */
  recent: number[];
}

/** Adds these to what is kept. */
export async function addHours(connection: Connection, hours: readonly HourOfUse[]): Promise<void> {
  await sql`SELECT usage_roll_up(${JSON.stringify(hours)}::json)`.execute(connection);
}

/** What the events say of hours from `from` to before `to`, counted from nothing but the events. */
const recounted = (from: Date, to: Date) => sql`
  SELECT account_id, hour, method, route, sum(events)::bigint AS events, sum(failed)::bigint AS failed,
    sum(quantity)::bigint AS quantity, sum(covered)::bigint AS covered, sum(overage)::bigint AS overage,
    sum(uncovered)::bigint AS uncovered, max(peak) AS peak, sum(duration_ms)::bigint AS duration_ms,
    coalesce(jsonb_object_agg(bucket, timed) FILTER (WHERE bucket IS NOT NULL AND timed > 0), '{}') AS durations
  FROM (
    SELECT account_id, date_trunc('hour', at AT TIME ZONE 'UTC') AT TIME ZONE 'UTC' AS hour, coalesce(method, '') AS method,
      coalesce(route, '') AS route, usage_duration_bucket(duration_ms) AS bucket,
      count(*) FILTER (WHERE reverses IS NULL) AS events, count(*) FILTER (WHERE reverses IS NULL AND status >= 500) AS failed,
      sum(quantity) AS quantity, sum(covered) AS covered, sum(overage) AS overage, sum(uncovered) AS uncovered,
      greatest(0, max(quantity) FILTER (WHERE reverses IS NULL)) AS peak,
      coalesce(sum(duration_ms) FILTER (WHERE reverses IS NULL), 0) AS duration_ms,
      count(duration_ms) FILTER (WHERE reverses IS NULL) AS timed
    FROM usage_events WHERE at >= ${from}::timestamptz AND at < ${to}::timestamptz
    GROUP BY 1, 2, 3, 4, 5
  ) AS counted GROUP BY account_id, hour, method, route`;

/** An hour that is kept otherwise than its events say. */
export interface Discrepancy {
  account: string;
  hour: Date;
  method: string;
  route: string;
  /** Null: it is not kept at all. */
  kept: number | null;
  /** Null: there are no events of it. */
  counted: number | null;
}

const SAME = ['events', 'failed', 'quantity', 'covered', 'overage', 'uncovered', 'peak', 'duration_ms', 'durations'];

/** Hours whose sums differ from those of their events, the first of them, with the quantities; in one statement and so at one moment. */
export async function compareHours(
  connection: Connection,
  { from, to, limit }: { from: Date; to: Date; limit: number },
): Promise<Discrepancy[]> {
  const row = (name: string) => sql`row(${sql.join(SAME.map((column) => sql.ref(`${name}.${column}`)))})`;
  const { rows } = await sql<Discrepancy>`
    SELECT account_id AS account, hour, method, route, kept.quantity AS kept, counted.quantity AS counted
    FROM (SELECT account_id, hour, method, route, events, failed, quantity, covered, overage, uncovered, peak, duration_ms,
      usage_durations(durations, recent) AS durations FROM usage_hours WHERE hour >= ${from}::timestamptz AND hour < ${to}::timestamptz) AS kept
    FULL JOIN (${recounted(from, to)}) AS counted USING (account_id, hour, method, route)
    WHERE ${row('kept')} IS DISTINCT FROM ${row('counted')}
    ORDER BY hour, account_id, method, route LIMIT ${limit}`.execute(connection);
  return rows;
}

/** How many hours are kept of a span. */
export async function countHours(connection: Connection, { from, to }: { from: Date; to: Date }): Promise<number> {
  const { rows } = await sql<{ hours: number }>`
    SELECT count(*)::float8 AS hours FROM usage_hours WHERE hour >= ${from}::timestamptz AND hour < ${to}::timestamptz
  `.execute(connection);
  return rows[0]?.hours ?? 0;
}

/** Locks accounts, in the order in which everybody does, against whoever records use of them. */
export async function lockAccounts(connection: Connection, accounts: readonly string[]): Promise<void> {
  await connection
    .selectFrom('ledger_accounts')
    .select('id')
    .where('id', 'in', [...accounts])
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
}

/** Counts the hours of accounts anew from their events. Whoever calls holds the accounts' locks. */
export async function rewriteHours(
  connection: Connection,
  { accounts, from, to }: { accounts: readonly string[]; from: Date; to: Date },
): Promise<void> {
  await sql`
    DELETE FROM usage_hours WHERE account_id = ANY(${[...accounts]}) AND hour >= ${from}::timestamptz AND hour < ${to}::timestamptz
  `.execute(connection);
  await sql`
    INSERT INTO usage_hours (account_id, hour, method, route, events, failed, quantity, covered, overage, uncovered, peak, duration_ms,
      durations, last_quantity, last_at)
    SELECT counted.account_id, counted.hour, counted.method, counted.route, events, failed, counted.quantity, counted.covered,
      counted.overage, counted.uncovered, peak, counted.duration_ms, durations, coalesce(latest.quantity, 0), latest.at
    FROM (${recounted(from, to)}) AS counted
    LEFT JOIN LATERAL (
      SELECT quantity, at FROM usage_events AS event
      WHERE event.account_id = counted.account_id AND event.at >= counted.hour AND event.at < counted.hour + interval '1 hour'
        AND coalesce(event.method, '') = counted.method AND coalesce(event.route, '') = counted.route AND event.reverses IS NULL
      ORDER BY at DESC, received_at DESC LIMIT 1
    ) AS latest ON true
    WHERE counted.account_id = ANY(${[...accounts]})`.execute(connection);
}
