/** Accounts and what hangs on them, from rows to what core decides on. */

import type { LedgerAccount, Lot, LotPart, Reservation, Transfer } from '@latchkey/core';
import { type RawBuilder, sql } from 'kysely';
import type { Connection } from '../../db/database.ts';
import type { AccountReference } from './account-reference.ts';

interface AccountRow {
  id: string;
  granted: number;
  returned: number;
  available: number;
  reserved: number;
  used: number;
  expired: number;
  version: number;
}

/** Lots, reservations and transfers of accounts, by account. */
interface Parts {
  lots: Map<string, Map<string, Lot>>;
  reservations: Map<string, Map<string, Reservation>>;
  transfers: Map<string, Map<string, Transfer[]>>;
}

/** What is to be read beside the lots that have something in them. */
interface Wanted {
  accounts: readonly string[];
  /** Accounts of which every lot is needed. */
  whole: readonly string[];
  /** Operations: the account, a slash and the key. */
  keys: readonly string[];
  /** Uses whose reversals are needed, in the same way. */
  reversed: readonly string[];
  reservations: readonly string[];
  /** Live reservations that have run out by then are read too. */
  until: Date;
}

type LotJson = [
  string,
  string,
  Lot['source'],
  number,
  number,
  number,
  number,
  number,
  number,
  number,
  number | null,
  string | null,
  number,
];
type ReservationJson = [string, string, number, readonly StoredPart[], number, Reservation['status'], number];
type TransferJson = [
  string,
  number,
  string,
  number,
  Transfer['kind'],
  Transfer['from'],
  Transfer['to'],
  number,
  number,
  readonly StoredPart[],
  number,
  number,
  string | null,
  string | null,
];
/** A lot's id and how much of it. */
export type StoredPart = readonly [string, number];

interface PartsRow {
  lots: LotJson[] | null;
  reservations: ReservationJson[] | null;
  transfers: TransferJson[] | null;
}

interface StoredRow extends AccountRow {
  license_id: string | null;
  customer_id: string | null;
  product: string;
  meter: string;
}

/** An account and whose it is. */
export interface StoredAccount {
  reference: AccountReference;
  account: LedgerAccount;
}

const LOTS = sql`json_agg(json_build_array(account_id, id, source, amount, remaining, reserved, used, expired, returned,
  priority, (extract(epoch FROM expires_at) * 1000)::bigint, period, number))`;
const RESERVATIONS = sql`json_agg(json_build_array(account_id, id, amount, parts,
  (extract(epoch FROM expires_at) * 1000)::bigint, status, posted))`;
const TRANSFERS = sql`json_agg(json_build_array(account_id, number, operation_key, leg, kind, from_bucket, to_bucket, amount,
  requested, parts, available_after, (extract(epoch FROM at) * 1000)::bigint, reason, subject) ORDER BY account_id, number)`;

type AccountJson = [string, number, number, number, number, number, number, number];

/**
 * Locks accounts until the transaction ends, in the order of their ids, and reads what operations on them need to know: as of the moment
 * at which all locks were given. An account that is not there is left out.
 */
export async function lockAndRead(connection: Connection, wanted: Wanted): Promise<Map<string, LedgerAccount>> {
  const { accounts, whole, keys, reversed, reservations, until } = wanted;
  const { rows } = await sql<{ read: PartsRow & { accounts: AccountJson[] | null } }>`
    SELECT ledger_lock(${accounts}::text[], ${whole}::text[], ${keys}::text[], ${reversed}::text[], ${reservations}::text[], ${until}::timestamptz) AS read`.execute(
    connection,
  );
  const [row] = rows;
  const parts = grouped(row?.read ?? {});
  return new Map((row?.read.accounts ?? []).map((json) => [json[0], accountOf(accountRow(json), parts)]));
}

function accountRow([id, granted, returned, available, reserved, used, expired, version]: AccountJson): AccountRow {
  return { id, granted, returned, available, reserved, used, expired, version };
}

/** Which accounts are read, and how much of them. */
export interface Reading {
  which: { ids: readonly string[] } | { owners: readonly string[] } | { after: string; limit: number };
  /** A moment: lots with something in them, and live reservations that have run out by then. `whole`: every lot, every live one. */
  depth: Date | 'whole';
}

/** Accounts in the order of their ids, as of one moment, whatever is being written. Without their transfers. */
export async function readAccounts(connection: Connection, { which, depth }: Reading): Promise<StoredAccount[]> {
  const chosen =
    'ids' in which
      ? sql`WHERE id = ANY(${which.ids}::text[])`
      : 'owners' in which
        ? sql`WHERE license_id = ANY(${which.owners}::text[]) OR customer_id = ANY(${which.owners}::text[])`
        : sql`WHERE id > ${which.after} ORDER BY id LIMIT ${which.limit}`;
  const lots = depth === 'whole' ? sql`` : sql`AND open`;
  const due = depth === 'whole' ? sql`` : sql`AND expires_at <= ${depth}::timestamptz`;
  const { rows } = await sql<Partial<PartsRow> & { accounts: StoredRow[] | null }>`
    WITH chosen AS MATERIALIZED (SELECT * FROM ledger_accounts ${chosen})
    SELECT
      (SELECT json_agg(chosen ORDER BY id) FROM chosen) AS accounts,
      (SELECT ${LOTS} FROM ledger_lots WHERE account_id IN (SELECT id FROM chosen) ${lots}) AS lots,
      (SELECT ${RESERVATIONS} FROM ledger_reservations
        WHERE account_id IN (SELECT id FROM chosen) AND status = 'live' ${due}) AS reservations`.execute(connection);
  const [row] = rows;
  const parts = grouped(row ?? {});
  return (row?.accounts ?? []).map((stored) => ({
    reference: {
      owner: stored.license_id === null ? { customerId: stored.customer_id ?? '' } : { licenseId: stored.license_id },
      product: stored.product,
      meter: stored.meter,
    },
    account: accountOf(stored, parts),
  }));
}

/** Transfers of one account after a number, in their order. */
export async function readJournal(
  connection: Connection,
  { account, after, limit }: { account: string; after: number; limit: number },
): Promise<Transfer[]> {
  return readTransfers(connection, sql`account_id = ${account} AND number > ${after} ORDER BY number LIMIT ${limit}`);
}

/** Transfers of one account before a number, the newest first. */
export async function readStatement(
  connection: Connection,
  { account, before, limit }: { account: string; before: number; limit: number },
): Promise<Transfer[]> {
  const transfers = await readTransfers(
    connection,
    sql`account_id = ${account} AND number < ${before} ORDER BY number DESC LIMIT ${limit}`,
  );
  return transfers.reverse();
}

/** Whose a reservation is; null when there is none. */
export async function accountOfReservation(connection: Connection, id: string): Promise<string | null> {
  const row = await connection
    .selectFrom('ledger_reservations')
    .select('account_id')
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.account_id ?? null;
}

async function readTransfers(connection: Connection, which: RawBuilder<unknown>): Promise<Transfer[]> {
  const { rows } = await sql<{ transfers: TransferJson[] | null }>`
    SELECT ${TRANSFERS} AS transfers FROM (SELECT * FROM ledger_transfers WHERE ${which}) AS found`.execute(connection);
  return (rows[0]?.transfers ?? []).map(transferOfJson);
}

function grouped({ lots, reservations, transfers }: Partial<PartsRow>): Parts {
  const parts: Parts = { lots: new Map(), reservations: new Map(), transfers: new Map() };
  for (const json of lots ?? []) groupOf(parts.lots, json[0]).set(json[1], lotOf(json));
  for (const json of reservations ?? []) groupOf(parts.reservations, json[0]).set(json[1], reservationOf(json));
  for (const json of transfers ?? []) {
    const ofAccount = groupOf(parts.transfers, json[0]);
    const transfer = transferOfJson(json);
    const legs = ofAccount.get(transfer.key);
    if (legs === undefined) ofAccount.set(transfer.key, [transfer]);
    else legs.push(transfer);
  }
  return parts;
}

/** The account with what was read of it. */
function accountOf(row: AccountRow, { lots, reservations, transfers }: Parts): LedgerAccount {
  const { id, version, granted, returned, available, reserved, used, expired } = row;
  return {
    id,
    version,
    balance: { granted, returned, available, reserved, used, expired },
    lots: lots.get(id) ?? new Map(),
    reservations: reservations.get(id) ?? new Map(),
    transfers: transfers.get(id) ?? new Map(),
  };
}

function partsOf(stored: readonly StoredPart[]): LotPart[] {
  return stored.map(([lot, amount]) => ({ lot, amount }));
}

function lotOf([
  ,
  id,
  source,
  amount,
  remaining,
  reserved,
  used,
  expired,
  returned,
  priority,
  expiresAt,
  period,
  number,
]: LotJson): Lot {
  return { id, source, amount, remaining, reserved, used, expired, returned, priority, expiresAt, period, number };
}

function reservationOf([, id, amount, parts, expiresAt, status, posted]: ReservationJson): Reservation {
  return { id, amount, parts: partsOf(parts), expiresAt, status, posted };
}

function transferOfJson(json: TransferJson): Transfer {
  const [, number, key, leg, kind, from, to, amount, requested, parts, availableAfter, at, reason, subject] = json;
  const what = { number, key, leg, kind, from, to, amount, requested };
  return { ...what, parts: partsOf(parts), availableAfter, at, reason, subject };
}

function groupOf<Value>(groups: Map<string, Map<string, Value>>, account: string): Map<string, Value> {
  const existing = groups.get(account);
  if (existing !== undefined) return existing;
  const group = new Map<string, Value>();
  groups.set(account, group);
  return group;
}
