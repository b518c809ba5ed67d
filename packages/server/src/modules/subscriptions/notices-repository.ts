/** SQL of licences whose term ends, and of how far they have been told of. */

import { type SqlBool, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';

const SETTING = 'license_notices_until';

/** Until when everything that ended, or came near its end, has been told; null before the first look. */
export async function readToldUntil(connection: Connection): Promise<Date | null> {
  const row = await connection.selectFrom('settings').select('value').where('key', '=', SETTING).executeTakeFirst();
  return typeof row?.value === 'string' ? new Date(row.value) : null;
}

export async function writeToldUntil(connection: Connection, until: Date, wall: Date): Promise<void> {
  const value = JSON.stringify(until.toISOString());
  await connection
    .insertInto('settings')
    .values({ key: SETTING, value, updated_at: wall })
    .onConflict((conflict) => conflict.column('key').doUpdateSet({ value, updated_at: wall }))
    .execute();
}

/** A licence that no subscription extends, and where its owner is written to. */
export interface EndingLicense {
  id: string;
  expiresAt: Date;
  email: string;
}

/** Those whose term ends after `from` and not after `until`, the first to end first, beyond `after`. */
export async function listEnding(
  connection: Connection,
  { from, until }: { from: Date; until: Date },
  after: Pick<EndingLicense, 'id' | 'expiresAt'> | null,
  limit: number,
): Promise<EndingLicense[]> {
  let query = connection
    .selectFrom('licenses')
    .innerJoin('customers', 'customers.id', 'licenses.customer_id')
    .select(['licenses.id', 'licenses.expires_at', 'customers.email'])
    .where(isTermOfItsOwn)
    .where('expires_at', '>', from)
    .where('expires_at', '<=', until)
    .where('customers.email', 'is not', null)
    .where('customers.deleted_at', 'is', null)
    .orderBy('expires_at')
    .orderBy('licenses.id')
    .limit(limit);
  if (after !== null) {
    query = query.where(sql<SqlBool>`(expires_at, licenses.id) > (${after.expiresAt}::timestamptz, ${after.id})`);
  }
  const rows = await query.execute();
  return rows.flatMap(({ id, expires_at, email }) =>
    expires_at === null || email === null ? [] : [{ id, expiresAt: expires_at, email }],
  );
}

/** When the first of their terms ends after `from`; null when none does. */
export async function firstEndAfter(connection: Connection, from: Date): Promise<Date | null> {
  const row = await connection
    .selectFrom('licenses')
    .select('expires_at')
    .where(isTermOfItsOwn)
    .where('expires_at', '>', from)
    .orderBy('expires_at')
    .limit(1)
    .executeTakeFirst();
  return row?.expires_at ?? null;
}

/** As the index says it. */
const isTermOfItsOwn = sql<SqlBool>`(licenses.subscription_id IS NULL AND licenses.coverage = 'term')`;
