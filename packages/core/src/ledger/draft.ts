/** An account while operations are applied to it. Every amount that moves goes through `move`. */

import type { Balance, Bucket, LedgerAccount, Lot, LotPart, Reservation, Transfer, TransferKind } from './types.ts';

export const EMPTY_BALANCE: Balance = { granted: 0, returned: 0, available: 0, reserved: 0, used: 0, expired: 0 };

/** An account without a transfer. */
export function emptyAccount(id: string): LedgerAccount {
  return {
    id,
    version: 0,
    balance: EMPTY_BALANCE,
    lots: new Map(),
    reservations: new Map(),
    transfers: new Map(),
  };
}

export interface Draft {
  readonly id: string;
  version: number;
  balance: Balance;
  readonly lots: Map<string, Lot>;
  readonly reservations: Map<string, Reservation>;
  readonly transfers: Map<string, readonly Transfer[]>;
  /** What was moved since the draft was begun. */
  readonly made: Transfer[];
}

export function beginDraft({ id, version, balance, lots, reservations, transfers }: LedgerAccount): Draft {
  return {
    id,
    version,
    balance,
    lots: new Map(lots),
    reservations: new Map(reservations),
    transfers: new Map(transfers),
    made: [],
  };
}

export function finishDraft({ id, version, balance, lots, reservations, transfers }: Draft): LedgerAccount {
  return { id, version, balance, lots, reservations, transfers };
}

const LEAVING = {
  source: 'granted',
  available: 'available',
  reserved: 'reserved',
  consumed: 'used',
  expired: 'expired',
} as const satisfies Record<Bucket, keyof Balance>;

/** The balance after an amount went from one bucket to another. What leaves the source was granted; what arrives there, returned. */
export function moveBetween(balance: Balance, from: Bucket, to: Bucket, amount: number): Balance {
  const after = { ...balance };
  after[LEAVING[from]] += from === 'source' ? amount : -amount;
  after[to === 'source' ? 'returned' : LEAVING[to]] += amount;
  return after;
}

const OF_LOT = {
  source: 'returned',
  available: 'remaining',
  reserved: 'reserved',
  consumed: 'used',
  expired: 'expired',
} as const satisfies Record<Bucket, keyof Lot>;

/** The lot after an amount of it went from one bucket to another. A lot that is granted begins with its whole amount in `available`. */
export function moveWithinLot(lot: Lot, from: Bucket, to: Bucket, amount: number): Lot {
  const after = { ...lot };
  if (from !== 'source') after[OF_LOT[from]] -= amount;
  after[OF_LOT[to]] += amount;
  return after;
}

export interface Movement {
  readonly key: string;
  readonly kind: TransferKind;
  readonly from: Bucket;
  readonly to: Bucket;
  readonly parts: readonly LotPart[];
  readonly at: number;
  readonly requested?: number;
  readonly reason?: string | null | undefined;
  readonly subject?: string | null;
}

/** Moves the parts' amounts, and writes the transfer that says so. */
export function move(draft: Draft, movement: Movement): Transfer {
  const { key, kind, from, to, parts, at } = movement;
  const amount = sumOf(parts);
  for (const part of parts) {
    const lot = draft.lots.get(part.lot);
    if (lot === undefined) throw new RangeError(`the account ${draft.id} has no lot ${part.lot}`);
    draft.lots.set(lot.id, moveWithinLot(lot, from, to, part.amount));
  }
  draft.balance = moveBetween(draft.balance, from, to, amount);
  draft.version += 1;
  const legs = draft.transfers.get(key) ?? [];
  const transfer: Transfer = {
    number: draft.version,
    key,
    leg: legs.length,
    kind,
    from,
    to,
    amount,
    requested: movement.requested ?? amount,
    parts,
    availableAfter: draft.balance.available,
    at,
    reason: movement.reason ?? null,
    subject: movement.subject ?? null,
  };
  draft.transfers.set(key, [...legs, transfer]);
  draft.made.push(transfer);
  return transfer;
}

export function sumOf(parts: readonly LotPart[]): number {
  let sum = 0;
  for (const { amount } of parts) sum += amount;
  return sum;
}
