/** The SQL that finds whom a threshold concerns. */

import { sql } from 'kysely';
import type { Connection } from '../../db/database.ts';

export interface AccountContact {
  account: string;
  customer: string | null;
  email: string | null;
}

/** Whose these accounts are, and where to write. */
export async function contactsOf(connection: Connection, accounts: readonly string[]): Promise<AccountContact[]> {
  const { rows } = await sql<AccountContact>`
    SELECT accounts.id AS account, customers.id AS customer, customers.email
    FROM ledger_accounts AS accounts LEFT JOIN licenses ON licenses.id = accounts.license_id
    LEFT JOIN customers ON customers.id = coalesce(accounts.customer_id, licenses.customer_id) AND customers.deleted_at IS NULL
    WHERE accounts.id = ANY(${[...accounts]}::text[])`.execute(connection);
  return rows;
}
