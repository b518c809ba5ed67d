/** All SQL about subscriptions. */

import type { Standing } from '@latchkey/core';
import { type Insertable, type Selectable, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { SubscriptionsTable } from '../../db/schema.ts';

export type SubscriptionRow = Selectable<SubscriptionsTable>;
export type NewSubscription = Insertable<SubscriptionsTable>;

/** One worker at a time on one subscription, known to the database or not, until the transaction ends. */
export async function lockReference(connection: Connection, reference: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`subscription:${reference}`}, 0))`.execute(connection);
}

export async function findByReference(connection: Connection, reference: string): Promise<SubscriptionRow | null> {
  const row = await connection
    .selectFrom('subscriptions')
    .selectAll()
    .where('reference', '=', reference)
    .executeTakeFirst();
  return row ?? null;
}

export async function findById(connection: Connection, id: string): Promise<SubscriptionRow | null> {
  const row = await connection.selectFrom('subscriptions').selectAll().where('id', '=', id).executeTakeFirst();
  return row ?? null;
}

export async function insertSubscription(connection: Connection, row: NewSubscription): Promise<SubscriptionRow> {
  return connection.insertInto('subscriptions').values(row).returningAll().executeTakeFirstOrThrow();
}

/** Writes changes to a subscription whose reference is locked, and counts its version up. */
export async function updateSubscription(
  connection: Connection,
  id: string,
  changes: Partial<Omit<NewSubscription, 'id' | 'source' | 'reference' | 'created_at' | 'version'>>,
): Promise<SubscriptionRow> {
  return connection
    .updateTable('subscriptions')
    .set((expression) => ({ ...changes, version: expression('version', '+', 1) }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** References of the subscriptions that the clock has something to say about, the longest due first. */
export async function listDue(connection: Connection, now: Date, limit: number): Promise<string[]> {
  const rows = await connection
    .selectFrom('subscriptions')
    .select('reference')
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute();
  return rows.map((row) => row.reference);
}

/** References of a customer's subscriptions, 100 at most. */
export async function referencesOf(connection: Connection, customerId: string): Promise<string[]> {
  const rows = await connection
    .selectFrom('subscriptions')
    .select('reference')
    .where('customer_id', '=', customerId)
    .orderBy('created_at', 'desc')
    .limit(100)
    .execute();
  return rows.map((row) => row.reference);
}

export async function nextDueAt(connection: Connection): Promise<Date | null> {
  const row = await connection
    .selectFrom('subscriptions')
    .select(({ fn }) => fn.min('due_at').as('due_at'))
    .executeTakeFirst();
  return row?.due_at ?? null;
}

/** Subscriptions in good standing whose paid time ends before `before`, the first to end first. */
export async function listExpiring(connection: Connection, before: Date, limit: number): Promise<SubscriptionRow[]> {
  return connection
    .selectFrom('subscriptions')
    .selectAll()
    .where('standing', 'in', ['current', 'grace'] satisfies Standing[])
    .where('paid_through', '<=', before)
    .orderBy('paid_through')
    .limit(limit)
    .execute();
}

export interface SubscriptionFilter {
  status?: string | undefined;
  customerId?: string | readonly string[] | undefined;
  product?: string | undefined;
  email?: string | undefined;
}

export async function listSubscriptions(
  connection: Connection,
  filter: SubscriptionFilter,
  page: { limit: number; after: { createdAt: Date; id: string } | null },
): Promise<SubscriptionRow[]> {
  let query = connection.selectFrom('subscriptions').selectAll();
  if (filter.status !== undefined) query = query.where('status', '=', filter.status);
  if (filter.customerId !== undefined) {
    const ids = [filter.customerId].flat();
    query = query.where(sql<boolean>`customer_id = any(${ids})`);
  }
  if (filter.product !== undefined) query = query.where('product', '=', filter.product);
  if (filter.email !== undefined) {
    const email = filter.email;
    query = query.where('customer_id', 'in', (expression) =>
      expression.selectFrom('customers').select('customers.id').where('customers.email_normalized', '=', email),
    );
  }
  const { after } = page;
  if (after !== null)
    query = query.where(sql<boolean>`(created_at, id) < (${after.createdAt}::timestamptz, ${after.id})`);
  return query.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute();
}

/** One line for each standing and price: how many subscriptions there are of it. */
export interface StandingCount {
  standing: Standing;
  status: string;
  lapsed: boolean;
  amountCents: number;
  currency: string;
  interval: string | null;
  intervalCount: number;
  subscriptions: number;
}

/** `lapsed`: nothing at Stripe ended it, but the time that is known to be paid for is over. */
export async function countByStanding(
  connection: Connection,
  filter: { product?: string | undefined },
  lapsedBefore: Date,
): Promise<StandingCount[]> {
  const lapsed = sql<boolean>`coalesce(paid_through < ${lapsedBefore}::timestamptz, false)`;
  let query = connection
    .selectFrom('subscriptions')
    .select([
      'standing',
      'status',
      lapsed.as('lapsed'),
      'amount_cents',
      'currency',
      'recurring_interval',
      'recurring_interval_count',
      sql<number>`count(*)::float8`.as('subscriptions'),
    ])
    .groupBy([
      'standing',
      'status',
      'lapsed',
      'amount_cents',
      'currency',
      'recurring_interval',
      'recurring_interval_count',
    ]);
  if (filter.product !== undefined) query = query.where('product', '=', filter.product);
  const rows = await query.execute();
  return rows.map((row) => ({
    standing: row.standing as Standing,
    status: row.status,
    lapsed: row.lapsed,
    amountCents: row.amount_cents,
    currency: row.currency,
    interval: row.recurring_interval,
    intervalCount: row.recurring_interval_count,
    subscriptions: row.subscriptions,
  }));
}
