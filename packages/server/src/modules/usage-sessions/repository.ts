/** All SQL about usage sessions. */

import type { SessionCode, SessionOutcome } from '@latchkey/core';
import type { Insertable, Selectable } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { UsageSessionsTable } from '../../db/schema-prepaid.ts';

export type SessionRow = Selectable<UsageSessionsTable>;

/** The session; null when another is in its way: one of the same name, or one that refuses others. */
export async function insertSession(
  connection: Connection,
  row: Insertable<UsageSessionsTable>,
): Promise<SessionRow | null> {
  const inserted = await connection
    .insertInto('usage_sessions')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returningAll()
    .executeTakeFirst();
  return inserted ?? null;
}

export async function findSession(connection: Connection, id: string): Promise<SessionRow | null> {
  const row = await connection.selectFrom('usage_sessions').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

/** The session, which nobody else touches until the transaction ends. */
export async function lockSession(connection: Connection, id: string): Promise<SessionRow | null> {
  const query = connection.selectFrom('usage_sessions').selectAll().where('id', '=', id).forUpdate();
  return (await query.executeTakeFirst()) ?? null;
}

/** What runs on an account, the oldest first. */
export function runningOn(connection: Connection, accountId: string, limit: number): Promise<SessionRow[]> {
  return connection
    .selectFrom('usage_sessions')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .limit(limit)
    .execute();
}

/** Running sessions that nobody has heard of for too long. */
export function vanishedBy(connection: Connection, now: Date, limit: number): Promise<SessionRow[]> {
  return connection
    .selectFrom('usage_sessions')
    .selectAll()
    .where('ended_at', 'is', null)
    .where('vanishes_at', '<=', now)
    .orderBy('vanishes_at')
    .limit(limit)
    .execute();
}

/** When the next session vanishes, if nothing is heard of it. */
export async function nextVanishing(connection: Connection): Promise<Date | null> {
  const row = await connection
    .selectFrom('usage_sessions')
    .select('vanishes_at')
    .where('ended_at', 'is', null)
    .orderBy('vanishes_at')
    .limit(1)
    .executeTakeFirst();
  return row?.vanishes_at ?? null;
}

/** A licence's sessions, the newest first, up to a position. */
export function listSessions(
  connection: Connection,
  licenseId: string,
  { limit, after }: { limit: number; after: { at: Date; id: string } | null },
): Promise<SessionRow[]> {
  let query = connection.selectFrom('usage_sessions').selectAll().where('license_id', '=', licenseId);
  if (after !== null) {
    query = query.where(({ eb, refTuple, tuple }) => eb(refTuple('started_at', 'id'), '<', tuple(after.at, after.id)));
  }
  return query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(limit).execute();
}

/** Writes where a session stands. */
export async function updateSession(
  connection: Connection,
  { id, used }: SessionRow,
  { lastSeenAt, chargedUntil, deductions, taken, end }: SessionOutcome,
  vanishesAt: number,
): Promise<SessionRow> {
  return connection
    .updateTable('usage_sessions')
    .set({
      last_seen_at: new Date(lastSeenAt),
      charged_until: new Date(chargedUntil),
      vanishes_at: new Date(vanishesAt),
      deductions,
      used: used + taken,
      ...(end === null ? {} : { ended_at: new Date(end.at), code: end.code satisfies SessionCode }),
    })
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}
