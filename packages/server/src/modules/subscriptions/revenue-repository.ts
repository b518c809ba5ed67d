/** The SQL of the monthly revenue and of what moved it. */

import { type Insertable, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { RevenueMovementsTable } from '../../db/schema.ts';
import type { SubscriptionRow } from './repository.ts';

export async function insertMovement(
  connection: Connection,
  movement: Insertable<RevenueMovementsTable>,
): Promise<void> {
  await connection.insertInto('revenue_movements').values(movement).execute();
}

/** What the customer behind a subscription brings altogether in its currency, and whether they ever brought anything before. */
export async function customerStanding(
  connection: Connection,
  { id, customer_id, currency }: Pick<SubscriptionRow, 'id' | 'customer_id' | 'currency'>,
): Promise<{ totalCents: number; hasMoved: boolean }> {
  // A subscription of nobody known stands for itself.
  const { rows } = await sql<{ total: number; moved: boolean }>`
    SELECT
      (SELECT coalesce(sum(mrr_cents), 0)::float8 FROM subscriptions
        WHERE currency = ${currency} AND (id = ${id} OR customer_id = ${customer_id}::text)) AS total,
      EXISTS (SELECT 1 FROM revenue_movements
        WHERE currency = ${currency} AND (subscription_id = ${id} OR customer_id = ${customer_id}::text)) AS moved
  `.execute(connection);
  return { totalCents: rows[0]?.total ?? 0, hasMoved: rows[0]?.moved ?? false };
}

export interface RevenueTotals {
  currency: string;
  mrrCents: number;
  payingCustomers: number;
}

/** What all subscriptions bring in a month, by currency. */
export async function revenueTotals(connection: Connection): Promise<RevenueTotals[]> {
  const rows = await connection
    .selectFrom('subscriptions')
    .select([
      'currency',
      sql<number>`sum(mrr_cents)::float8`.as('mrrCents'),
      sql<number>`count(DISTINCT coalesce(customer_id, id))::float8`.as('payingCustomers'),
    ])
    .where('mrr_cents', '>', 0)
    .groupBy('currency')
    .orderBy('currency')
    .execute();
  return rows;
}

export interface MonthlyMovement {
  /** The month's first day, UTC. */
  month: string;
  currency: string;
  kind: RevenueMovementsTable['kind'];
  deltaCents: number;
  movements: number;
}

/** What moved the revenue in each month from `since` on. */
export async function movementsByMonth(connection: Connection, since: Date): Promise<MonthlyMovement[]> {
  const { rows } = await sql<MonthlyMovement>`
    SELECT to_char(date_trunc('month', at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS month, currency, kind,
      sum(delta_cents)::float8 AS "deltaCents", count(*)::float8 AS movements
    FROM revenue_movements WHERE at >= ${since}::timestamptz
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  `.execute(connection);
  return rows;
}
