/** Operations over the accounts in the database: locked, read, decided by core, and written in as few statements as can be. */

import {
  applyOperations,
  type LedgerAccount,
  type LedgerOperation,
  type LedgerOutcome,
  type LotPart,
  type Transfer,
} from '@latchkey/core';
import { sql } from 'kysely';
import type { Connection, Transaction } from '../../db/database.ts';
import { parseAccountId } from './account-reference.ts';
import { type AccountRow, accountOf, readParts, type StoredPart } from './rows-repository.ts';

/**
 * Applies the operations in the caller's transaction, in their order, and answers what became of each. Whoever else wants one of the
 * accounts waits for the end of the transaction; accounts are locked in the order of their ids, so that two batches wait for one
 * another in one direction only.
 */
export async function applyBatch(
  { connection }: Transaction,
  operations: readonly LedgerOperation[],
): Promise<readonly LedgerOutcome[]> {
  if (operations.length === 0) return [];
  await makeAccounts(connection, operations);
  const rows = await lockAccounts(connection, operations);
  const before = await readState(connection, rows, operations);
  const { state, outcomes, transfers } = applyOperations(before, operations);
  if (transfers.size > 0) await write(connection, before, state, transfers);
  return outcomes;
}

/** A grant brings its account into being. */
async function makeAccounts(connection: Connection, operations: readonly LedgerOperation[]): Promise<void> {
  const created = new Map<string, number>();
  for (const { type, account, at } of operations) if (type === 'grant') created.set(account, at);
  if (created.size === 0) return;
  const values = [...created]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([id, at]) => {
      const { owner, product, meter } = parseAccountId(id);
      return {
        id,
        license_id: 'licenseId' in owner ? owner.licenseId : null,
        customer_id: 'customerId' in owner ? owner.customerId : null,
        product,
        meter,
        created_at: new Date(at),
      };
    });
  await connection
    .insertInto('ledger_accounts')
    .values(values)
    .onConflict((conflict) => conflict.column('id').doNothing())
    .execute();
}

async function lockAccounts(connection: Connection, operations: readonly LedgerOperation[]): Promise<AccountRow[]> {
  const ids = [...new Set(operations.map(({ account }) => account))];
  const { rows } = await sql<AccountRow>`
    SELECT id, granted, returned, available, reserved, used, expired, version FROM ledger_accounts
    WHERE id = ANY(${ids}::text[]) ORDER BY id FOR NO KEY UPDATE`.execute(connection);
  return rows;
}

/** What `applyOperations` asks to be there, of accounts that are locked. */
async function readState(
  connection: Connection,
  rows: readonly AccountRow[],
  operations: readonly LedgerOperation[],
): Promise<Map<string, LedgerAccount>> {
  if (rows.length === 0) return new Map();
  const keys: [string, string][] = [];
  const reversed: string[] = [];
  const reservations: string[] = [];
  const whole = new Set<string>();
  let at = 0;
  for (const operation of operations) {
    keys.push([operation.account, operation.key]);
    at = Math.max(at, operation.at);
    if ('reservation' in operation) reservations.push(operation.reservation);
    if (operation.type === 'clawback' || operation.type === 'reverse') whole.add(operation.account);
    if (operation.type === 'reverse') {
      keys.push([operation.account, operation.of]);
      reversed.push(operation.of);
    }
  }
  const accounts = rows.map(({ id }) => id);
  const parts = await readParts(connection, { accounts, whole: [...whole], keys, reversed, reservations, at });
  return new Map(rows.map((row) => [row.id, accountOf(row, parts)]));
}

/** Everything that changed, in one statement. */
async function write(
  connection: Connection,
  before: ReadonlyMap<string, LedgerAccount>,
  after: ReadonlyMap<string, LedgerAccount>,
  transfers: ReturnType<typeof applyOperations>['transfers'],
): Promise<void> {
  const accounts: object[] = [];
  const lots: object[] = [];
  const reservations: object[] = [];
  const journal: object[] = [];
  for (const [id, made] of transfers) {
    const account = after.get(id);
    if (account === undefined) continue;
    const { version, balance } = account;
    const known = before.get(id);
    accounts.push({ id, version, ...balance });
    for (const lot of account.lots.values()) {
      if (known?.lots.get(lot.id) === lot) continue;
      lots.push({ ...lot, account_id: id, expires_at: instant(lot.expiresAt) });
    }
    for (const reservation of account.reservations.values()) {
      if (known?.reservations.get(reservation.id) === reservation) continue;
      const { parts, expiresAt } = reservation;
      reservations.push({ ...reservation, account_id: id, parts: stored(parts), expires_at: instant(expiresAt) });
    }
    for (const transfer of made) journal.push(journalRow(id, transfer));
  }
  await sql`
    WITH balances AS (
      UPDATE ledger_accounts SET granted = rows.granted, returned = rows.returned, available = rows.available,
        reserved = rows.reserved, used = rows.used, expired = rows.expired, version = rows.version
      FROM json_to_recordset(${JSON.stringify(accounts)}::json) AS rows (id text, granted bigint, returned bigint,
        available bigint, reserved bigint, used bigint, expired bigint, version bigint)
      WHERE ledger_accounts.id = rows.id
    ), lots AS (
      INSERT INTO ledger_lots (account_id, id, source, amount, remaining, reserved, used, expired, returned, priority,
        expires_at, period, number)
      SELECT * FROM json_to_recordset(${JSON.stringify(lots)}::json) AS rows (account_id text, id text, source text,
        amount bigint, remaining bigint, reserved bigint, used bigint, expired bigint, returned bigint, priority integer,
        expires_at timestamptz, period text, number bigint)
      ON CONFLICT (account_id, id) DO UPDATE SET remaining = excluded.remaining, reserved = excluded.reserved,
        used = excluded.used, expired = excluded.expired, returned = excluded.returned, expires_at = excluded.expires_at
    ), reservations AS (
      INSERT INTO ledger_reservations (id, account_id, amount, parts, expires_at, status, posted)
      SELECT * FROM json_to_recordset(${JSON.stringify(reservations)}::json) AS rows (id text, account_id text,
        amount bigint, parts jsonb, expires_at timestamptz, status text, posted bigint)
      ON CONFLICT (id) DO UPDATE SET status = excluded.status, posted = excluded.posted
    )
    INSERT INTO ledger_transfers (account_id, number, operation_key, leg, kind, from_bucket, to_bucket, amount, requested,
      parts, available_after, at, reason, subject)
    SELECT * FROM json_to_recordset(${JSON.stringify(journal)}::json) AS rows (account_id text, number bigint,
      operation_key text, leg integer, kind text, from_bucket text, to_bucket text, amount bigint, requested bigint,
      parts jsonb, available_after bigint, at timestamptz, reason text, subject text)`.execute(connection);
}

function journalRow(account: string, transfer: Transfer): object {
  const { number, key, leg, kind, from, to, amount, requested, parts, availableAfter, at, reason, subject } = transfer;
  return {
    ...{
      account_id: account,
      number,
      operation_key: key,
      leg,
      kind,
      from_bucket: from,
      to_bucket: to,
      amount,
      requested,
    },
    ...{ parts: stored(parts), available_after: availableAfter, at: instant(at), reason, subject },
  };
}

function stored(parts: readonly LotPart[]): StoredPart[] {
  return parts.map(({ lot, amount }) => [lot, amount]);
}

function instant(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
