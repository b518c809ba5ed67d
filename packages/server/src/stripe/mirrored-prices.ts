import { sql } from 'kysely';
import type { Connection } from '../db/database.ts';

/**
 * Which of these subscriptions of Stripe's are paid by a price that no plan is sold by any more: the catalog was edited, or the price was
 * never the catalog's. A price in Stripe never changes, so whoever is on one stays on it until they are moved.
 */
export async function onOldPrices(connection: Connection, references: readonly string[]): Promise<ReadonlySet<string>> {
  if (references.length === 0) return new Set();
  const { rows } = await sql<{ id: string }>`
    SELECT subscription.id FROM stripe_objects subscription
    WHERE subscription.type = 'subscription' AND subscription.id = ANY(${[...references]}::text[])
      AND NOT EXISTS (
        SELECT FROM jsonb_array_elements(subscription.data #> '{items,data}') item
        JOIN catalog_prices price ON price.stripe_price_id = item #>> '{price,id}' AND price.current
      )
  `.execute(connection);
  return new Set(rows.map(({ id }) => id));
}
