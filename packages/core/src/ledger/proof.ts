/** Proves that a journal explains the balances that are kept beside it. */

import { EMPTY_BALANCE, moveBetween, moveWithinLot, sumOf } from './draft.ts';
import type { Balance, LedgerAccount, Lot, Transfer } from './types.ts';

/** Something that does not add up, in words. */
export interface Discrepancy {
  readonly account: string;
  /** The transfer at which it shows; null where the stored account differs from what all of them add up to. */
  readonly number: number | null;
  readonly detail: string;
}

/** The proof of one account, transfer after transfer: it keeps sums, not the journal. */
export interface AccountProof {
  /** The next transfer, in the order of their numbers. */
  add(transfer: Transfer): void;
  /** Compares what they add up to with the account, which must come with all its lots and live reservations. */
  finish(stored: LedgerAccount): readonly Discrepancy[];
}

/** Discrepancies of one account that are told apart; more of them say nothing more. */
const MOST_FINDINGS = 20;

export function proveAccount(account: string): AccountProof {
  const findings: Discrepancy[] = [];
  const lots = new Map<string, Lot>();
  let balance: Balance = EMPTY_BALANCE;
  let last = 0;

  const find = (number: number | null, detail: string): void => {
    if (findings.length < MOST_FINDINGS) findings.push({ account, number, detail });
  };

  return {
    add(transfer) {
      const { number, from, to, amount, parts } = transfer;
      if (number !== last + 1) find(number, `It follows number ${last}: a transfer is missing.`);
      last = number;
      if (!Number.isSafeInteger(amount) || amount < 0) find(number, `Its amount is ${amount}.`);
      if (sumOf(parts) !== amount) find(number, `Its parts add up to ${sumOf(parts)}, its amount is ${amount}.`);
      for (const part of parts) {
        const lot = lots.get(part.lot) ?? newLot(part.lot, number);
        const after = moveWithinLot(
          from === 'source' ? { ...lot, amount: lot.amount + part.amount } : lot,
          from,
          to,
          part.amount,
        );
        if (lowest(after) < 0) find(number, `It takes more from the lot ${part.lot} than was in it.`);
        lots.set(part.lot, after);
      }
      balance = moveBetween(balance, from, to, amount);
      if (lowest(balance) < 0) find(number, `It takes more from ${from} than was there.`);
      if (balance.available !== transfer.availableAfter) {
        find(number, `It says that ${transfer.availableAfter} was available after it; it was ${balance.available}.`);
      }
    },

    finish(stored) {
      if (stored.version !== last) find(null, `It counts ${stored.version} transfers; there are ${last}.`);
      for (const name of ['granted', 'returned', 'available', 'reserved', 'used', 'expired'] as const) {
        if (stored.balance[name] === balance[name]) continue;
        find(null, `It says ${stored.balance[name]} ${name}; its transfers add up to ${balance[name]}.`);
      }
      for (const id of new Set([...lots.keys(), ...stored.lots.keys()])) {
        if (!isSameLot(lots.get(id), stored.lots.get(id)))
          find(null, `The lot ${id} is not what its transfers made it.`);
      }
      let reserved = 0;
      for (const { status, amount } of stored.reservations.values()) if (status === 'live') reserved += amount;
      if (reserved !== balance.reserved) {
        find(null, `Its live reservations add up to ${reserved}; its transfers reserved ${balance.reserved}.`);
      }
      return findings;
    },
  };
}

/** Proves all accounts of a journal that is at hand as a whole. */
export function proveBalance(
  journal: Iterable<{ readonly account: string; readonly transfer: Transfer }>,
  accounts: Iterable<LedgerAccount>,
): readonly Discrepancy[] {
  const proofs = new Map<string, AccountProof>();
  for (const { account, transfer } of journal) {
    const proof = proofs.get(account) ?? proveAccount(account);
    proofs.set(account, proof);
    proof.add(transfer);
  }
  const findings: Discrepancy[] = [];
  for (const account of accounts) {
    findings.push(...(proofs.get(account.id) ?? proveAccount(account.id)).finish(account));
    proofs.delete(account.id);
  }
  for (const account of proofs.keys())
    findings.push({ account, number: null, detail: 'It has transfers and no balance.' });
  return findings;
}

function newLot(id: string, number: number): Lot {
  const amounts = { amount: 0, remaining: 0, reserved: 0, used: 0, expired: 0, returned: 0 };
  return { id, source: 'granted', ...amounts, priority: 0, expiresAt: null, period: null, number };
}

const LOT_AMOUNTS = ['amount', 'remaining', 'reserved', 'used', 'expired', 'returned'] as const;

function isSameLot(one: Lot | undefined, other: Lot | undefined): boolean {
  return one !== undefined && other !== undefined && LOT_AMOUNTS.every((name) => one[name] === other[name]);
}

function lowest(amounts: Balance | Lot): number {
  const { reserved, used, expired, returned } = amounts;
  return Math.min(reserved, used, expired, returned, 'available' in amounts ? amounts.available : amounts.remaining);
}
