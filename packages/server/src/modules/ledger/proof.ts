import { type Discrepancy, proveAccount } from '@latchkey/core';
import type { Connection } from '../../db/database.ts';
import { readAccounts, readJournal, type StoredAccount } from './rows-repository.ts';

/** Transfers that are in memory at a time. */
const PAGE = 1_000;
/** After so many, the account at hand is finished and the rest is left to the next call. */
const MOST_TRANSFERS = 100_000;
const MOST_DISCREPANCIES = 100;

/** What was proven of a part of the ledger. */
export interface Proof {
  accounts: number;
  transfers: number;
  /** None where everything adds up. The first hundred, where it does not. */
  discrepancies: readonly Discrepancy[];
  /** The last account that was looked at, where there are more; null at the end. */
  next: string | null;
}

/**
 * Recomputes accounts from their journals and compares: balances, lots, reservations, and that no transfer is missing. Writers go on
 * meanwhile: of each account exactly those transfers are counted that it says it has.
 */
export async function proveAccounts(
  connection: Connection,
  { after = '', limit }: { after?: string | undefined; limit: number },
): Promise<Proof> {
  const discrepancies: Discrepancy[] = [];
  const stored = await readAccounts(connection, { which: { after, limit: limit + 1 }, depth: 'whole' });
  let accounts = 0;
  let transfers = 0;
  let last = after;
  for (const one of stored.slice(0, limit)) {
    if (transfers >= MOST_TRANSFERS) break;
    transfers += await proveOne(connection, one, discrepancies);
    accounts += 1;
    last = one.account.id;
  }
  const next = accounts < stored.length ? last : null;
  return { accounts, transfers, discrepancies: discrepancies.slice(0, MOST_DISCREPANCIES), next };
}

async function proveOne(connection: Connection, { account }: StoredAccount, found: Discrepancy[]): Promise<number> {
  const proof = proveAccount(account.id);
  let counted = 0;
  let after = 0;
  while (counted < account.version) {
    const limit = Math.min(PAGE, account.version - counted);
    const page = await readJournal(connection, { account: account.id, after, limit });
    for (const transfer of page) proof.add(transfer);
    counted += page.length;
    after = page.at(-1)?.number ?? after;
    if (page.length < limit) break;
  }
  found.push(...proof.finish(account));
  return counted;
}
