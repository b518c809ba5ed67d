/** All SQL about checkouts. */

import { type Insertable, type Selectable, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { CheckoutsTable } from '../../db/schema.ts';

export type CheckoutRow = Selectable<CheckoutsTable>;

export async function insertCheckout(connection: Connection, row: Insertable<CheckoutsTable>): Promise<void> {
  await connection.insertInto('checkouts').values(row).execute();
}

export async function findCheckout(
  connection: Connection,
  column: 'id' | 'stripe_session_id' | 'stripe_payment_intent_id' | 'stripe_subscription_id',
  value: string,
): Promise<CheckoutRow | null> {
  const row = await connection.selectFrom('checkouts').selectAll().where(column, '=', value).executeTakeFirst();
  return row ?? null;
}

/** Writes what Stripe made of the checkout. What has ended stays so, whatever is told late. */
export async function updateCheckout(
  connection: Connection,
  id: string,
  changes: Partial<
    Pick<
      CheckoutRow,
      'stripe_session_id' | 'status' | 'url' | 'email' | 'stripe_subscription_id' | 'stripe_payment_intent_id'
    >
  >,
  now: Date,
): Promise<void> {
  let update = connection
    .updateTable('checkouts')
    .set({ ...changes, updated_at: now })
    .where('id', '=', id);
  if (changes.status === 'open') update = update.where('status', '=', 'planned');
  else if (changes.status !== undefined && changes.status !== 'complete')
    update = update.where('status', '!=', 'complete');
  await update.execute();
}

/** One at a time gives back of a payment, until the transaction ends. */
export async function lockPayment(connection: Connection, paymentId: string): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`refund:${paymentId}`}, 0))`.execute(connection);
}
