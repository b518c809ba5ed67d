/** Which Stripe price stands for which plan: today's, and every one a customer may still be on. */

import { sql } from 'kysely';
import type { Connection, Transaction } from '../db/database.ts';

export interface CatalogPrice {
  product: string;
  plan: string;
  fingerprint: string;
  stripeProductId: string;
  stripePriceId: string;
  current: boolean;
}

const columns = ['product', 'plan', 'fingerprint', 'stripe_product_id', 'stripe_price_id', 'current'] as const;

type Row = {
  product: string;
  plan: string;
  fingerprint: string;
  stripe_product_id: string;
  stripe_price_id: string;
  current: boolean;
};

function fromRow(row: Row): CatalogPrice {
  const { stripe_product_id: stripeProductId, stripe_price_id: stripePriceId, ...rest } = row;
  return { ...rest, stripeProductId, stripePriceId };
}

/** Every price that was ever pushed. */
export async function listPrices(connection: Connection): Promise<CatalogPrice[]> {
  const rows = await connection
    .selectFrom('catalog_prices')
    .select(columns)
    .orderBy('product')
    .orderBy('plan')
    .orderBy('created_at')
    .orderBy('fingerprint')
    .execute();
  return rows.map(fromRow);
}

/** The Stripe price that a plan is sold by now; null before the catalog was pushed. */
export async function currentPrice(
  connection: Connection,
  product: string,
  plan: string,
): Promise<CatalogPrice | null> {
  const row = await connection
    .selectFrom('catalog_prices')
    .select(columns)
    .where('product', '=', product)
    .where('plan', '=', plan)
    .where('current', '=', true)
    .executeTakeFirst();
  return row === undefined ? null : fromRow(row);
}

/** The plan that a Stripe price stands for, also when it is no longer sold; null for a price that is none of ours. */
export async function planOfPrice(
  connection: Connection,
  stripePriceId: string,
): Promise<{ product: string; plan: string } | null> {
  const row = await connection
    .selectFrom('catalog_prices')
    .select(['product', 'plan'])
    .where('stripe_price_id', '=', stripePriceId)
    .orderBy('current', 'desc')
    .orderBy('created_at', 'desc')
    .executeTakeFirst();
  return row ?? null;
}

/** Any number that no other advisory lock of the product uses. */
const RECORDING_LOCK = 0x6c6b_6361;

/** Makes this the price its plan is sold by. The others of the plan stay known, for the customers who are on them. */
export async function recordCurrentPrice(
  transaction: Transaction,
  price: Omit<CatalogPrice, 'current'>,
  at: Date,
): Promise<void> {
  const { connection } = transaction;
  // Two processes with different catalogs could otherwise each leave a current price of their own.
  await sql`select pg_advisory_xact_lock(${sql.lit(RECORDING_LOCK)})`.execute(connection);
  await connection
    .updateTable('catalog_prices')
    .set({ current: false })
    .where('product', '=', price.product)
    .where('plan', '=', price.plan)
    .where('fingerprint', '<>', price.fingerprint)
    .where('current', '=', true)
    .execute();
  const ids = { stripe_product_id: price.stripeProductId, stripe_price_id: price.stripePriceId, current: true };
  await connection
    .insertInto('catalog_prices')
    .values({ product: price.product, plan: price.plan, fingerprint: price.fingerprint, created_at: at, ...ids })
    .onConflict((conflict) => conflict.columns(['product', 'plan', 'fingerprint']).doUpdateSet(ids))
    .execute();
}
