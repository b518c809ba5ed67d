/** All SQL about what checkouts sell in advance. */

import type { Insertable, Selectable, Updateable } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { CheckoutCreditsTable } from '../../db/schema-prepaid.ts';

export type CreditRow = Selectable<CheckoutCreditsTable>;

export async function insertCredit(connection: Connection, row: Insertable<CheckoutCreditsTable>): Promise<void> {
  await connection.insertInto('checkout_credits').values(row).execute();
}

/** What a checkout sells in advance; null for one that sells a plan. */
export async function findCredit(connection: Connection, checkoutId: string): Promise<CreditRow | null> {
  const query = connection.selectFrom('checkout_credits').selectAll().where('checkout_id', '=', checkoutId);
  return (await query.executeTakeFirst()) ?? null;
}

/** As `findCredit`; nobody else adds it or takes it back until the transaction ends. */
export async function lockCredit(connection: Connection, checkoutId: string): Promise<CreditRow | null> {
  const query = connection.selectFrom('checkout_credits').selectAll().where('checkout_id', '=', checkoutId).forUpdate();
  return (await query.executeTakeFirst()) ?? null;
}

export async function updateCredit(
  connection: Connection,
  checkoutId: string,
  changes: Updateable<CheckoutCreditsTable>,
): Promise<void> {
  await connection.updateTable('checkout_credits').set(changes).where('checkout_id', '=', checkoutId).execute();
}
