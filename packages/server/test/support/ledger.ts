import type { LedgerOperation } from '@latchkey/core';
import { sql } from 'kysely';
import type { Connection } from '../../src/db/database.ts';

/** A customer with an account of the ledger to fill, and the account's id. */
export async function createLedgerAccount(connection: Connection, customerId: string): Promise<string> {
  const at = new Date('2026-01-01T00:00:00Z');
  await connection
    .insertInto('customers')
    .values({
      id: customerId,
      email: null,
      email_normalized: null,
      name: null,
      external_id: null,
      stripe_customer_id: null,
      created_at: at,
      updated_at: at,
      deleted_at: null,
    })
    .execute();
  return `customer/${customerId}/shop/calls`;
}

/** A grant that lasts for ever. */
export function granted(account: string, key: string, amount: number, at = 0): LedgerOperation {
  return { type: 'grant', account, key, amount, source: 'granted', expiresAt: null, at };
}

/** The figures of an account, recomputed from nothing but its journal and its live reservations, in SQL. */
export async function recount(connection: Connection, account: string) {
  const { rows } = await sql<Record<'granted' | 'returned' | 'used' | 'expired' | 'held', number>>`
    SELECT
      coalesce(sum(amount) FILTER (WHERE kind = 'grant'), 0)::float8 AS granted,
      coalesce(sum(amount) FILTER (WHERE to_bucket = 'source'), 0)::float8 AS returned,
      (coalesce(sum(amount) FILTER (WHERE to_bucket = 'consumed'), 0)
        - coalesce(sum(amount) FILTER (WHERE from_bucket = 'consumed'), 0))::float8 AS used,
      coalesce(sum(amount) FILTER (WHERE to_bucket = 'expired'), 0)::float8 AS expired,
      (SELECT coalesce(sum(amount), 0)::float8 FROM ledger_reservations
        WHERE account_id = ${account} AND status = 'live') AS held
    FROM ledger_transfers WHERE account_id = ${account}`.execute(connection);
  const [row] = rows;
  if (row === undefined) throw new Error('nothing was counted');
  return { ...row, available: row.granted - row.returned - row.used - row.expired - row.held };
}
