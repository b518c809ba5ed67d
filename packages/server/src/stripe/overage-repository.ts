import { type SqlBool, sql } from 'kysely';
import type { Connection } from '../db/database.ts';

/** All SQL about how far the use beyond plans is billed: what of `usage_overage` is written here, and nowhere else. */

/** One rate of one period of an account. */
export interface OverageKey {
  readonly account: string;
  readonly windowStart: Date;
  readonly rate: string;
}

export interface OverageRow extends OverageKey {
  readonly windowEnd: Date;
  readonly plan: string;
  readonly amountCents: number;
  readonly perUnits: number;
  readonly currency: string;
  readonly units: number;
  readonly reported: number;
  readonly metered: number;
  readonly itemizedCents: number;
  readonly billedUnits: number | null;
  readonly billedCents: number | null;
  readonly report: string | null;
  readonly reports: number;
  readonly reportedAt: Date | null;
  readonly settledAt: Date | null;
  readonly outcome: 'billed' | 'waived' | null;
  readonly refusal: string | null;
  readonly refusedUnits: number | null;
  readonly stripePriceId: string | null;
  /** Ours, and Stripe's; null for use that no subscription pays for. */
  readonly subscriptionId: string | null;
  readonly reference: string | null;
  readonly customerId: string | null;
  readonly stripeCustomerId: string | null;
}

function rows(connection: Connection) {
  return connection
    .selectFrom('usage_overage as row')
    .leftJoin('subscriptions', 'subscriptions.id', 'row.subscription_id')
    .leftJoin('customers', 'customers.id', 'subscriptions.customer_id')
    .select([
      'row.account_id as account',
      'row.window_start as windowStart',
      'row.rate',
      'row.window_end as windowEnd',
      'row.plan',
      'row.amount_cents as amountCents',
      'row.per_units as perUnits',
      'row.currency',
      'row.units',
      'row.reported',
      'row.metered',
      'row.itemized_cents as itemizedCents',
      'row.billed_units as billedUnits',
      'row.billed_cents as billedCents',
      'row.report',
      'row.reports',
      'row.reported_at as reportedAt',
      'row.settled_at as settledAt',
      'row.outcome',
      'row.refusal',
      'row.refused_units as refusedUnits',
      'row.stripe_price_id as stripePriceId',
      'row.subscription_id as subscriptionId',
      'subscriptions.customer_id as customerId',
      'customers.stripe_customer_id as stripeCustomerId',
    ])
    .select(
      sql<string | null>`CASE WHEN subscriptions.source = 'stripe' THEN subscriptions.reference END`.as('reference'),
    );
}

/** In the order in which pages follow one another. */
function pageAfter(query: ReturnType<typeof rows>, after: OverageKey | null, limit: number) {
  const page =
    after === null
      ? query
      : query.where(
          sql<SqlBool>`(row.window_start, row.account_id, row.rate) > (${after.windowStart}, ${after.account}, ${after.rate})`,
        );
  return page.orderBy('row.window_start').orderBy('row.account_id').orderBy('row.rate').limit(limit).execute();
}

/** What of a subscription's use may have something to be told or closed, and nothing under way. */
export async function dueRows(
  connection: Connection,
  now: Date,
  after: OverageKey | null,
  limit: number,
): Promise<OverageRow[]> {
  const query = rows(connection)
    .where('subscriptions.source', '=', 'stripe')
    .where('row.report', 'is', null)
    .where(sql<SqlBool>`row.refused_units IS DISTINCT FROM row.units`)
    .where(
      sql<SqlBool>`(row.units <> row.reported OR (row.stripe_price_id IS NOT NULL AND row.settled_at IS NULL AND (
        row.window_end <= ${now} OR subscriptions.ended_at IS NOT NULL OR subscriptions.current_period_start > row.window_start)))`,
    );
  return pageAfter(query, after, limit);
}

export interface OverageFilter {
  readonly subscription?: string | undefined;
  /** Only what is not billed to its end. */
  readonly open?: boolean | undefined;
  /** Only periods that end after it. */
  readonly since?: Date | undefined;
}

/** For people: the oldest periods first. */
export async function listRows(
  connection: Connection,
  filter: OverageFilter,
  after: OverageKey | null,
  limit: number,
): Promise<OverageRow[]> {
  let query = rows(connection);
  const { subscription, open, since } = filter;
  if (since !== undefined) query = query.where('row.window_end', '>', since);
  if (subscription !== undefined) {
    query = query.where(sql<SqlBool>`${subscription} IN (subscriptions.id, subscriptions.reference)`);
  }
  if (open === true)
    query = query.where(({ or, eb }) =>
      or([eb('row.settled_at', 'is', null), eb('row.units', '<>', eb.ref('row.reported'))]),
    );
  return pageAfter(query, after, limit);
}

/** Subscriptions that have ended since then, with amounts that may wait for an invoice that does not come; none that are reported now. */
export async function endedWithAmounts(
  connection: Connection,
  since: Date,
): Promise<{ reference: string; currency: string }[]> {
  return connection
    .selectFrom('usage_overage as row')
    .innerJoin('subscriptions', 'subscriptions.id', 'row.subscription_id')
    .select(['subscriptions.reference', 'row.currency'])
    .where('subscriptions.source', '=', 'stripe')
    .where('subscriptions.ended_at', '>', since)
    .groupBy(['subscriptions.reference', 'row.currency'])
    .having(sql<SqlBool>`bool_or(row.itemized_cents <> 0) AND bool_and(row.report IS NULL)`)
    .execute();
}

/** Takes a row for a report; false when another look was faster, or something has changed since the row was read. */
export async function takeRow(
  connection: Connection,
  row: OverageRow,
  report: string,
  changes: { stripe_price_id?: string; billed_units?: number; billed_cents?: number },
): Promise<boolean> {
  const result = await at(connection, row)
    .set((expression) => ({ report, reports: expression('reports', '+', 1), ...changes }))
    .where('report', 'is', null)
    .where('reports', '=', row.reports)
    .where('reported', '=', row.reported)
    .executeTakeFirst();
  return result.numUpdatedRows === 1n;
}

/** Ends a report, and writes down what it told. */
export async function finishReport(
  connection: Connection,
  key: OverageKey,
  report: string,
  told: { to: number; metered: number; cents: number; settledAt: Date | null; at: Date },
): Promise<void> {
  const { to, metered, cents, settledAt } = told;
  await at(connection, key)
    .set((expression) => ({
      report: null,
      reported: to,
      reported_at: told.at,
      metered: expression('metered', '+', metered),
      itemized_cents: expression('itemized_cents', '+', cents),
      settled_at: settledAt,
      ...(settledAt === null ? {} : { outcome: 'billed' as const, refusal: null, refused_units: null }),
    }))
    .where('report', '=', report)
    .execute();
}

/** Ends a report that Stripe refused. With `units`, nothing is tried again until they are others. */
export async function refuseReport(
  connection: Connection,
  key: OverageKey,
  report: string,
  refusal: { reason: string; units: number | null },
): Promise<void> {
  await at(connection, key)
    .set({ report: null, refusal: refusal.reason, refused_units: refusal.units })
    .where('report', '=', report)
    .execute();
}

/** Writes down that nothing is left to bill, as long as it is still so. */
export async function settleRow(
  connection: Connection,
  row: OverageRow,
  how: { outcome: 'billed' | 'waived'; billedUnits: number | null; billedCents: number | null; at: Date },
): Promise<void> {
  await at(connection, row)
    .set({
      settled_at: how.at,
      outcome: how.outcome,
      reported: row.units,
      billed_units: how.billedUnits,
      billed_cents: how.billedCents,
    })
    .where('report', 'is', null)
    .where('units', '=', row.units)
    .where('reports', '=', row.reports)
    .execute();
}

/** Lets what Stripe refused, or what seemed settled and is not, be looked at again. */
export async function reopenRow(connection: Connection, key: OverageKey): Promise<void> {
  await at(connection, key)
    .set({ refused_units: null, settled_at: null, outcome: null })
    .where('report', 'is', null)
    .execute();
}

function at(connection: Connection, { account, windowStart, rate }: OverageKey) {
  return connection
    .updateTable('usage_overage')
    .where('account_id', '=', account)
    .where('window_start', '=', windowStart)
    .where('rate', '=', rate);
}

/** The other live subscriptions of a customer, by Stripe's ids. */
export async function otherSubscriptions(connection: Connection, row: OverageRow): Promise<string[]> {
  if (row.customerId === null || row.subscriptionId === null) return [];
  const others = await connection
    .selectFrom('subscriptions')
    .select('reference')
    .where('customer_id', '=', row.customerId)
    .where('id', '<>', row.subscriptionId)
    .where('source', '=', 'stripe')
    .where('ended_at', 'is', null)
    .execute();
  return others.map(({ reference }) => reference);
}

/** Of these metered prices those that counted something of a subscription of Stripe's which is not settled. */
export async function pricesInUse(
  connection: Connection,
  reference: string,
  priceIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (priceIds.length === 0) return new Set();
  const found = await connection
    .selectFrom('usage_overage as row')
    .innerJoin('subscriptions', 'subscriptions.id', 'row.subscription_id')
    .select('row.stripe_price_id as price')
    .distinct()
    .where('subscriptions.reference', '=', reference)
    .where('row.stripe_price_id', 'in', [...priceIds])
    .where(({ or, eb }) => or([eb('row.settled_at', 'is', null), eb('row.report', 'is not', null)]))
    .execute();
  return new Set(found.flatMap(({ price }) => price ?? []));
}
