import { type SqlBool, sql } from 'kysely';
import type { Connection } from '../db/database.ts';

/** What invoices charged beyond plans in a month. */
export interface OverageMonth {
  /** Its first day, UTC. */
  month: string;
  currency: string;
  cents: number;
}

/**
 * What the final invoices since then charge beyond plans, by the month in which they became final: the lines of metered prices, and
 * the amounts that were put beside them. Before discounts and taxes; what was given back is taken off.
 */
export async function overageRevenue(
  connection: Connection,
  since: Date,
  { product }: { product?: string | undefined } = {},
): Promise<OverageMonth[]> {
  const ofPrice =
    product === undefined ? sql<SqlBool>`true` : sql<SqlBool>`catalog_overage_prices.product = ${product}`;
  const ofAccount =
    product === undefined
      ? sql<SqlBool>`line #>> '{metadata,latchkey_account}' IS NOT NULL`
      : sql<SqlBool>`split_part(line #>> '{metadata,latchkey_account}', '/', 3) = ${product}`;
  const { rows } = await sql<OverageMonth>`
    SELECT to_char(to_timestamp((data #>> '{status_transitions,finalized_at}')::bigint) AT TIME ZONE 'UTC', 'YYYY-MM-01') AS month,
      line ->> 'currency' AS currency, sum((line ->> 'amount')::bigint)::float8 AS cents
    FROM stripe_objects, jsonb_array_elements(data #> '{lines,data}') AS line
    WHERE type = 'invoice' AND NOT deleted AND data ->> 'status' IN ('open', 'paid', 'uncollectible')
      AND (data #>> '{status_transitions,finalized_at}')::bigint >= ${Math.floor(since.getTime() / 1_000)}
      AND (${ofAccount} OR line #>> '{pricing,price_details,price}' IN
        (SELECT stripe_price_id FROM catalog_overage_prices WHERE ${ofPrice}))
    GROUP BY 1, 2 HAVING sum((line ->> 'amount')::bigint) <> 0 ORDER BY 1, 2
  `.execute(connection);
  return rows;
}
