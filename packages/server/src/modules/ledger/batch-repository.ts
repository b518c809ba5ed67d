/** Operations over the accounts in the database: locked, read, decided by core, and written in as few statements as can be. */

import {
  applyOperations,
  type LedgerAccount,
  type LedgerOperation,
  type LedgerOutcome,
  type LotPart,
  type OpenLedger,
  openLedger,
  type Transfer,
} from '@latchkey/core';
import { sql } from 'kysely';
import type { Connection, Transaction } from '../../db/database.ts';
import { parseAccountId } from './account-reference.ts';
import { lockAndRead, type StoredPart } from './rows-repository.ts';

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
  const before = await lockAccounts(connection, operations);
  const { state, outcomes, transfers } = applyOperations(before, operations);
  if (transfers.size > 0) await write(connection, before, state, transfers);
  return outcomes;
}

/** What is needed of accounts besides what is in them: operations by their keys, uses that are reversed, and reservations. */
export interface LedgerNeeds {
  readonly accounts: readonly string[];
  /** Keys of operations that may have been done before or are reversed. */
  readonly operations?: readonly { readonly account: string; readonly key: string }[];
  readonly reservations?: readonly string[];
  readonly now: number;
}

/** Accounts that are locked until the transaction ends. */
export interface LockedLedger extends OpenLedger {
  /** Writes what the operations came to; once, when all of them were applied. */
  write(): Promise<void>;
}

/**
 * Locks accounts that are there, in the order of their ids, for operations whose amounts follow from one another. What else the caller
 * keeps for an account may be read and written under the same lock.
 */
export async function lockLedger({ connection }: Transaction, needs: LedgerNeeds): Promise<LockedLedger> {
  const keys = (needs.operations ?? []).map(({ account, key }) => `${account}/${key}`);
  const before = await lockAndRead(connection, {
    accounts: needs.accounts,
    whole: needs.operations === undefined ? [] : needs.operations.map(({ account }) => account),
    keys,
    reversed: keys,
    reservations: needs.reservations ?? [],
    until: new Date(needs.now),
  });
  const ledger = openLedger(before);
  return {
    ...ledger,
    async write() {
      const { state, transfers } = ledger.finish();
      if (transfers.size > 0) await write(connection, before, state, transfers);
    },
  };
}

/** A grant brings its account into being. */
async function makeAccounts(connection: Connection, operations: readonly LedgerOperation[]): Promise<void> {
  const created = new Map<string, number>();
  for (const { type, account, at } of operations) if (type === 'grant') created.set(account, at);
  await addAccounts(connection, created);
}

/** Makes accounts that are not there yet, each as of an instant. */
export async function addAccounts(connection: Connection, created: ReadonlyMap<string, number>): Promise<void> {
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

/** Locks the accounts, and reads what `applyOperations` asks to be there. */
async function lockAccounts(
  connection: Connection,
  operations: readonly LedgerOperation[],
): Promise<Map<string, LedgerAccount>> {
  const accounts = new Set<string>();
  const whole = new Set<string>();
  const keys: string[] = [];
  const reversed: string[] = [];
  const reservations: string[] = [];
  let until = 0;
  for (const operation of operations) {
    const { account, key, at } = operation;
    accounts.add(account);
    keys.push(`${account}/${key}`);
    until = Math.max(until, at);
    if ('reservation' in operation) reservations.push(operation.reservation);
    if (operation.type === 'clawback' || operation.type === 'reverse') whole.add(account);
    if (operation.type === 'reverse') {
      keys.push(`${account}/${operation.of}`);
      reversed.push(`${account}/${operation.of}`);
    }
  }
  return lockAndRead(connection, {
    accounts: [...accounts],
    whole: [...whole],
    keys,
    reversed,
    reservations,
    until: new Date(until),
  });
}

/** Everything that changed, in one call. */
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
  await sql`SELECT ledger_write(${JSON.stringify(accounts)}::json, ${JSON.stringify(lots)}::json,
    ${JSON.stringify(reservations)}::json, ${JSON.stringify(journal)}::json)`.execute(connection);
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
