/** The SQL of what is not kept for ever: reservations that are closed, and months of events. */

import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';

/** Since when every event is kept: what happened before has been dropped. */
const SETTING = 'usage_events_from';

export interface RemovedPage {
  /** Rows of reservations whose time had been over for long enough, whether or not they could be removed. */
  due: number;
  removed: number;
  /** The last id that was looked at; null when there was none. */
  last: string | null;
}

/** Where to go on, and how far. */
export interface Page {
  after: string;
  before: Date;
  limit: number;
}

/** Which rows may go once their time is over: one that a balance still counts stays until something is written of the balance. */
const CLOSED = { usage_reservations: sql`true`, ledger_reservations: sql`status <> 'live'` } as const;

/** Looks at the next reservations by their ids, and removes those that are closed and whose time was over before then. */
export async function removeReservations(
  connection: Connection,
  table: keyof typeof CLOSED,
  { after, before, limit }: Page,
): Promise<RemovedPage> {
  const { rows } = await sql<RemovedPage>`
    WITH page AS MATERIALIZED (
      SELECT id, expires_at < ${before}::timestamptz AS due FROM ${sql.table(table)} WHERE id > ${after} ORDER BY id LIMIT ${limit}
    ), removed AS (
      DELETE FROM ${sql.table(table)} AS old USING page WHERE old.id = page.id AND due AND ${CLOSED[table]} RETURNING 1
    )
    SELECT count(*) FILTER (WHERE due)::integer AS due, max(id) AS last, (SELECT count(*) FROM removed)::integer AS removed
    FROM page`.execute(connection);
  return rows[0] ?? { due: 0, removed: 0, last: null };
}

/** Since when every event is kept; null while all of them are. */
export async function eventsKeptFrom(connection: Connection): Promise<Date | null> {
  const row = await connection.selectFrom('settings').select('value').where('key', '=', SETTING).executeTakeFirst();
  return typeof row?.value === 'string' ? new Date(row.value) : null;
}

/** Lets no month of events be dropped until the transaction ends. Before anything else in it. */
export async function holdEvents(connection: Connection): Promise<void> {
  await sql`LOCK TABLE ONLY usage_events IN ACCESS SHARE MODE`.execute(connection);
}

/** The months before one that have a table of events, the oldest first. */
export async function monthsOfEventsBefore(connection: Connection, month: Date): Promise<Date[]> {
  const { rows } = await sql<{ name: string }>`
    SELECT relname AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = 'usage_months' AND relkind = 'r' AND relname LIKE 'events\_%' AND relname < ${tableOf(month)}
    ORDER BY relname`.execute(connection);
  return rows.map(({ name }) => new Date(`${name.slice('events_'.length).replace('_', '-')}-01T00:00:00.000Z`));
}

/** Drops the events of a month and notes that from `next` on all are kept, both or neither. */
export async function dropMonthOfEvents(
  connection: Connection,
  { month, next, wall }: { month: Date; next: Date; wall: Date },
): Promise<void> {
  // Dropping waits for those who read events, and whoever writes some waits behind it: not for long, for the next night will do.
  await sql`SET LOCAL lock_timeout = '1s'`.execute(connection);
  await sql`DROP TABLE ${sql.table(`usage_months.${tableOf(month)}`)}`.execute(connection);
  const value = JSON.stringify(next.toISOString());
  await connection
    .insertInto('settings')
    .values({ key: SETTING, value, updated_at: wall })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value, updated_at: wall }))
    .execute();
}

function tableOf(month: Date): string {
  return `events_${month.toISOString().slice(0, 7).replace('-', '_')}`;
}
