/** The SQL of the monthly revenue and of what moved it. */

import type { MovementKind } from '@latchkey/core';
import { type Insertable, type RawBuilder, type Selectable, sql } from 'kysely';
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

/** Of what the figures are: one product, or everything that is sold. */
export interface RevenueScope {
  product?: string | undefined;
}

const within = ({ product }: RevenueScope): RawBuilder<boolean> =>
  product === undefined ? sql<boolean>`true` : sql<boolean>`product = ${product}`;

export interface RevenueTotals {
  currency: string;
  mrrCents: number;
  payingCustomers: number;
}

/** What subscriptions bring in a month, by currency. */
export async function revenueTotals(connection: Connection, scope: RevenueScope): Promise<RevenueTotals[]> {
  const rows = await connection
    .selectFrom('subscriptions')
    .select([
      'currency',
      sql<number>`sum(mrr_cents)::float8`.as('mrrCents'),
      sql<number>`count(DISTINCT coalesce(customer_id, id))::float8`.as('payingCustomers'),
    ])
    .where('mrr_cents', '>', 0)
    .where(within(scope))
    .groupBy('currency')
    .orderBy('currency')
    .execute();
  return rows;
}

export interface PlanRevenue extends RevenueTotals {
  product: string;
  plan: string;
  subscriptions: number;
}

/** The same for each plan, the one that brings most first. */
export async function revenueByPlan(connection: Connection, scope: RevenueScope): Promise<PlanRevenue[]> {
  return connection
    .selectFrom('subscriptions')
    .select([
      'product',
      'plan',
      'currency',
      sql<number>`sum(mrr_cents)::float8`.as('mrrCents'),
      sql<number>`count(*)::float8`.as('subscriptions'),
      sql<number>`count(DISTINCT coalesce(customer_id, id))::float8`.as('payingCustomers'),
    ])
    .where('mrr_cents', '>', 0)
    .where(within(scope))
    .groupBy(['product', 'plan', 'currency'])
    .orderBy('mrrCents', 'desc')
    .orderBy('product')
    .orderBy('plan')
    .execute();
}

export interface MonthlyMovement {
  /** The month's first day, UTC. */
  month: string;
  currency: string;
  kind: MovementKind;
  deltaCents: number;
  movements: number;
}

/** What moved the revenue in each month from `since` on. */
export async function movementsByMonth(
  connection: Connection,
  since: Date,
  scope: RevenueScope,
): Promise<MonthlyMovement[]> {
  const { rows } = await sql<MonthlyMovement>`
    SELECT to_char(date_trunc('month', at AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS month, currency, kind,
      sum(delta_cents)::float8 AS "deltaCents", count(*)::float8 AS movements
    FROM revenue_movements WHERE at >= ${since}::timestamptz AND ${within(scope)}
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  `.execute(connection);
  return rows;
}

export interface Opening {
  currency: string;
  mrrCents: number;
  customers: number;
}

/** What all movements before `until` come to. */
export async function standingBefore(connection: Connection, until: Date, scope: RevenueScope): Promise<Opening[]> {
  const { rows } = await sql<Opening>`
    SELECT currency, sum(delta_cents)::float8 AS "mrrCents",
      (count(*) FILTER (WHERE kind IN ('new', 'reactivation')) - count(*) FILTER (WHERE kind = 'churn'))::float8 AS customers
    FROM revenue_movements WHERE at < ${until}::timestamptz AND ${within(scope)} GROUP BY currency
  `.execute(connection);
  return rows;
}

export interface MonthOfTrials {
  month: string;
  ended: number;
  converted: number;
}

/** The trials that ended in each month, and those of them after which something was paid for. */
export async function trialsByMonth(
  connection: Connection,
  since: Date,
  until: Date,
  scope: RevenueScope,
): Promise<MonthOfTrials[]> {
  const { rows } = await sql<MonthOfTrials>`
    SELECT to_char(date_trunc('month', trial_end AT TIME ZONE 'UTC'), 'YYYY-MM-DD') AS month, count(*)::float8 AS ended,
      (count(*) FILTER (WHERE paid_through > trial_end))::float8 AS converted
    FROM subscriptions WHERE trial_end >= ${since}::timestamptz AND trial_end <= ${until}::timestamptz AND ${within(scope)}
    GROUP BY 1 ORDER BY 1
  `.execute(connection);
  return rows;
}

export type Movement = Selectable<RevenueMovementsTable>;

export interface MovementFilter {
  since: Date | null;
  until: Date | null;
  kind: MovementKind | undefined;
  currency: string | undefined;
  product: string | undefined;
  plan: string | undefined;
  subscriptionId: string | undefined;
}

/** The movements themselves, the newest first. */
export async function listMovements(
  connection: Connection,
  filter: MovementFilter,
  { limit, after }: { limit: number; after: { at: Date; id: string } | null },
): Promise<Movement[]> {
  const equal = {
    kind: filter.kind,
    currency: filter.currency,
    product: filter.product,
    plan: filter.plan,
    subscription_id: filter.subscriptionId,
  };
  let query = connection.selectFrom('revenue_movements').selectAll();
  for (const [column, value] of Object.entries(equal)) {
    if (value !== undefined) query = query.where(column as keyof typeof equal, '=', value);
  }
  if (filter.since !== null) query = query.where('at', '>=', filter.since);
  if (filter.until !== null) query = query.where('at', '<', filter.until);
  if (after !== null) query = query.where(sql<boolean>`(at, id) < (${after.at}::timestamptz, ${after.id})`);
  return query.orderBy('at', 'desc').orderBy('id', 'desc').limit(limit).execute();
}
