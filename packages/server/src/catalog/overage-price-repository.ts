/** Which metered prices of Stripe's bill the use beyond a plan: today's, and those that somebody may still be on. */

import { sql } from 'kysely';
import type { Connection, Transaction } from '../db/database.ts';

/** One rate of a plan: a meter of its own at Stripe, and the price that bills what it counts. */
export interface OveragePrice {
  product: string;
  plan: string;
  meter: string;
  /** What makes the rate this one: amount, currency, interval. */
  fingerprint: string;
  /** Of one unit, as a decimal of the currency's smallest unit. */
  unitAmount: string;
  currency: string;
  eventName: string;
  stripeMeterId: string;
  stripePriceId: string;
  current: boolean;
}

const columns = [
  'product',
  'plan',
  'meter',
  'fingerprint',
  'unit_amount as unitAmount',
  'currency',
  'event_name as eventName',
  'stripe_meter_id as stripeMeterId',
  'stripe_price_id as stripePriceId',
  'current',
] as const;

/** Every one that was ever pushed. */
export async function listOveragePrices(connection: Connection): Promise<OveragePrice[]> {
  return connection.selectFrom('catalog_overage_prices').select(columns).orderBy('event_name').execute();
}

/** The metered prices that belong beside the price of a plan now; none for a price that sells no plan. */
export async function overagePricesBeside(connection: Connection, stripePriceId: string): Promise<OveragePrice[]> {
  return connection
    .selectFrom('catalog_overage_prices as overage')
    .where('overage.current', '=', true)
    .where(({ exists, selectFrom }) =>
      exists(
        selectFrom('catalog_prices as price')
          .select('price.plan')
          .where('price.stripe_price_id', '=', stripePriceId)
          .whereRef('price.product', '=', 'overage.product')
          .whereRef('price.plan', '=', 'overage.plan'),
      ),
    )
    .select(columns.map((column) => `overage.${column}` as const))
    .orderBy('overage.meter')
    .execute();
}

/** Any number that no other advisory lock of the product uses. */
const RECORDING_LOCK = 0x6c6b_6f76;

/** Makes these the metered prices of a product. Others of it stay known, for the subscriptions that are on them. */
export async function recordOveragePrices(
  transaction: Transaction,
  product: string,
  prices: readonly Omit<OveragePrice, 'current'>[],
  at: Date,
): Promise<void> {
  const { connection } = transaction;
  await sql`select pg_advisory_xact_lock(${sql.lit(RECORDING_LOCK)})`.execute(connection);
  await connection
    .updateTable('catalog_overage_prices')
    .set({ current: false })
    .where('product', '=', product)
    .where('current', '=', true)
    .execute();
  for (const price of prices) {
    const { plan, meter, fingerprint, eventName, stripeMeterId, stripePriceId, unitAmount, currency } = price;
    const rate = { unit_amount: unitAmount, currency };
    const ids = { ...rate, stripe_meter_id: stripeMeterId, stripe_price_id: stripePriceId, current: true };
    await connection
      .insertInto('catalog_overage_prices')
      .values({ product, plan, meter, fingerprint, event_name: eventName, created_at: at, ...ids })
      .onConflict((conflict) => conflict.columns(['product', 'plan', 'meter', 'fingerprint']).doUpdateSet(ids))
      .execute();
  }
}
