/** The SQL of what use comes to: by account, time and route, from the hours that are kept of it. */

import type { SlotLength } from '@latchkey/core';
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';

/** Whose use of what: some accounts, or everybody's of one meter. */
export type UseScope = { readonly accounts: readonly string[] } | { readonly product: string; readonly meter: string };

/** Whole hours, from the first to before the last. */
export interface UseSpan {
  readonly from: Date;
  readonly to: Date;
}

/** What the sums are kept apart by; each that is left out is added up. */
export interface UseGrouping {
  readonly account?: boolean;
  readonly slot?: SlotLength;
  readonly route?: boolean;
}

/** What use comes to, in the meter's steps. */
export interface UseSums {
  events: number;
  failed: number;
  quantity: number;
  covered: number;
  overage: number;
  uncovered: number;
  /** The greatest value of an account, and the last one; of several accounts the sum of theirs. */
  peak: number;
  last: number;
  /** How long the events took that say so, altogether. */
  durationMs: number;
}

/** Sums under what they are kept apart by; a text is empty, and the slot null, where it was not asked for. */
export interface GroupedUse extends UseSums {
  account: string;
  slot: Date | null;
  method: string;
  route: string;
}

const inScope = (scope: UseScope): RawBuilder<boolean> =>
  'accounts' in scope
    ? sql<boolean>`held.account_id = ANY(${[...scope.accounts]}::text[])`
    : sql<boolean>`held.account_id IN (SELECT id FROM ledger_accounts WHERE product = ${scope.product} AND meter = ${scope.meter})`;

const within = ({ from, to }: UseSpan): RawBuilder<boolean> =>
  sql<boolean>`held.hour >= ${from}::timestamptz AND held.hour < ${to}::timestamptz`;

const slotOf = (length: SlotLength | undefined): RawBuilder<Date | null> =>
  length === undefined
    ? sql<null>`NULL::timestamptz`
    : sql<Date>`(date_trunc(${sql.lit(length)}, held.hour AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')`;

/** Sums of the hours of each account: what is no sum, a peak or a last value, is found here before accounts are added up. */
const byAccount = (scope: UseScope, span: UseSpan, { slot, route = false }: UseGrouping) => sql`
  SELECT held.account_id AS account, ${slotOf(slot)} AS slot, ${route ? sql`held.method` : sql`''`} AS method,
    ${route ? sql`held.route` : sql`''`} AS route, sum(held.events)::float8 AS events, sum(held.failed)::float8 AS failed,
    sum(held.quantity)::float8 AS quantity, sum(held.covered)::float8 AS covered, sum(held.overage)::float8 AS overage,
    sum(held.uncovered)::float8 AS uncovered, max(held.peak)::float8 AS peak,
    (array_agg(held.last_quantity ORDER BY held.last_at DESC NULLS LAST))[1]::float8 AS last,
    sum(held.duration_ms)::float8 AS duration_ms
  FROM usage_hours AS held WHERE ${inScope(scope)} AND ${within(span)} GROUP BY 1, 2, 3, 4`;

const SUMS = sql`sum(events) AS events, sum(failed) AS failed, sum(quantity) AS quantity, sum(covered) AS covered,
  sum(overage) AS overage, sum(uncovered) AS uncovered, sum(peak) AS peak, sum(last) AS last, sum(duration_ms) AS "durationMs"`;

/**
 * What the use of a span comes to, kept apart as it is asked for; with `most`, no more than so many rows, those of most events. Routes are
 * what callers say they are: without a bound there may be any number of them.
 */
export async function sumUse(
  connection: Connection,
  scope: UseScope,
  { span, by, most }: { span: UseSpan; by: UseGrouping; most?: number },
): Promise<GroupedUse[]> {
  const first = most === undefined ? sql`` : sql`sum(events) DESC,`;
  const bound = most === undefined ? sql`` : sql`LIMIT ${most}`;
  const { rows } = await sql<GroupedUse>`
    SELECT ${by.account === true ? sql`account` : sql`''`} AS account, slot, method, route, ${SUMS}
    FROM (${byAccount(scope, span, by)}) AS counted GROUP BY 1, 2, 3, 4 ORDER BY ${first} 1, 2, 3, 4 ${bound}`.execute(
    connection,
  );
  return rows;
}

/** A route as it is called by. */
export interface CalledRoute {
  readonly method: string;
  readonly route: string;
}

/** How many events took how long, by the bucket's number; kept apart by account, and by the routes that are named. */
export async function sumDurations(
  connection: Connection,
  scope: UseScope,
  { span, account = false, routes }: { span: UseSpan; account?: boolean; routes?: readonly CalledRoute[] },
): Promise<{ account: string; method: string; route: string; durations: Record<string, number> }[]> {
  const route = routes !== undefined;
  const named = route
    ? sql`(held.method, held.route) IN (SELECT * FROM unnest(${routes.map((one) => one.method)}::text[],
        ${routes.map((one) => one.route)}::text[]))`
    : sql`true`;
  const { rows } = await sql<{ account: string; method: string; route: string; durations: Record<string, number> }>`
    SELECT account, method, route, jsonb_object_agg(bucket, timed) AS durations FROM (
      SELECT ${account ? sql`held.account_id` : sql`''`} AS account, ${route ? sql`held.method` : sql`''`} AS method,
        ${route ? sql`held.route` : sql`''`} AS route, key AS bucket, sum(value::bigint)::bigint AS timed
      FROM usage_hours AS held CROSS JOIN LATERAL jsonb_each_text(usage_durations(held.durations, held.recent))
      WHERE ${inScope(scope)} AND ${within(span)} AND ${named} GROUP BY 1, 2, 3, 4
    ) AS counted GROUP BY 1, 2, 3`.execute(connection);
  return rows;
}

/** The sums of one customer, or of a licence that is nobody's. */
export interface CustomerUse extends UseSums {
  customer: string | null;
  license: string | null;
  email: string | null;
}

/** Who used most of a meter. `by` is the figure that is compared. */
export async function topCustomers(
  connection: Connection,
  scope: UseScope,
  { span, by, limit }: { span: UseSpan; by: 'quantity' | 'peak' | 'last'; limit: number },
): Promise<CustomerUse[]> {
  const { rows } = await sql<CustomerUse>`
    SELECT coalesce(accounts.customer_id, licenses.customer_id) AS customer,
      CASE WHEN coalesce(accounts.customer_id, licenses.customer_id) IS NULL THEN accounts.license_id END AS license,
      min(customers.email) AS email, ${SUMS}
    FROM (${byAccount(scope, span, {})}) AS counted JOIN ledger_accounts AS accounts ON accounts.id = counted.account
    LEFT JOIN licenses ON licenses.id = accounts.license_id
    LEFT JOIN customers ON customers.id = coalesce(accounts.customer_id, licenses.customer_id)
    GROUP BY 1, 2 ORDER BY ${sql.ref(by)} DESC, 1, 2 LIMIT ${limit}`.execute(connection);
  return rows;
}

/** How much of a meter is used in each hour of the day, UTC: hours in which nothing was are left out. */
export async function useByHourOfDay(
  connection: Connection,
  scope: UseScope,
  span: UseSpan,
): Promise<{ hour: number; events: number; quantity: number }[]> {
  const { rows } = await sql<{ hour: number; events: number; quantity: number }>`
    SELECT extract(hour FROM held.hour AT TIME ZONE 'UTC')::int AS hour, sum(held.events)::float8 AS events,
      sum(held.quantity)::float8 AS quantity
    FROM usage_hours AS held WHERE ${inScope(scope)} AND ${within(span)} GROUP BY 1 ORDER BY 1`.execute(connection);
  return rows;
}

export interface UseAccount {
  id: string;
  product: string;
  meter: string;
  license_id: string | null;
  customer_id: string | null;
}

/** The accounts that these own, by the ids of licences and customers, of a product or a meter where one is named. */
export async function accountsOf(
  connection: Connection,
  owners: readonly string[],
  { product, meter }: { product?: string | undefined; meter?: string | undefined },
  limit: number,
): Promise<UseAccount[]> {
  let query = connection
    .selectFrom('ledger_accounts')
    .select(['id', 'product', 'meter', 'license_id', 'customer_id'])
    .where((either) => either.or([either('license_id', 'in', [...owners]), either('customer_id', 'in', [...owners])]));
  if (product !== undefined) query = query.where('product', '=', product);
  if (meter !== undefined) query = query.where('meter', '=', meter);
  return query.orderBy('id').limit(limit).execute();
}

/** The billing periods of accounts that are running now. */
export async function runningWindows(connection: Connection, accounts: readonly string[], now: Date) {
  if (accounts.length === 0) return [];
  return connection
    .selectFrom('usage_windows')
    .select(['account_id', 'starts_at', 'ends_at', 'plan', 'limit_kind', 'included', 'recorded', 'overage'])
    .where('account_id', 'in', [...accounts])
    .where('starts_at', '<=', now)
    .where('ends_at', '>', now)
    .execute();
}
