/**
 * The ledger: what was given of a meter, what is left of it, and every movement in between. Amounts are whole steps of the meter's
 * scale, never fractions.
 *
 * Glossary. An *account* is one owner's (a licence's or a customer's) of one meter. It has *buckets*; a *transfer* moves an amount
 * from one bucket to another and is never changed, so nothing is made and nothing is lost. A *lot* is one grant: what came at one
 * time, under one condition. A *reservation* holds an amount back until it is posted (used), voided or runs out. An *operation* is
 * what is asked of the ledger; its *key* makes it happen once.
 */

/**
 * `source` is where grants come from and what is taken back goes to; `available` can be used; `reserved` is held back; `consumed`
 * was used; `expired` was not used in time. All but `available` and `reserved` only say where something went.
 */
export type Bucket = 'source' | 'available' | 'reserved' | 'consumed' | 'expired';

/** Where an account stands: sums of its transfers. None is ever below zero, and granted − returned = the other four together. */
export interface Balance {
  readonly granted: number;
  /** Taken back: clawbacks and corrections. */
  readonly returned: number;
  readonly available: number;
  readonly reserved: number;
  readonly used: number;
  readonly expired: number;
}

/** `included` in a plan, `purchased` in advance, or `granted` by the vendor. */
export type LotSource = 'included' | 'purchased' | 'granted';

/** One grant, and what became of it: amount = remaining + reserved + used + expired + returned. */
export interface Lot {
  /** The key of the operation that granted it; unique in its account. */
  readonly id: string;
  readonly source: LotSource;
  readonly amount: number;
  readonly remaining: number;
  readonly reserved: number;
  readonly used: number;
  readonly expired: number;
  readonly returned: number;
  /** Lots of a lower number are used first. */
  readonly priority: number;
  /** From this instant on it cannot be used; null is for ever. */
  readonly expiresAt: number | null;
  /** Which period's allowance it is; null for what belongs to none. */
  readonly period: string | null;
  /** The number of the transfer that granted it: lots of a lower one are older. */
  readonly number: number;
}

/** How much of a transfer was of which lot. */
export interface LotPart {
  readonly lot: string;
  readonly amount: number;
}

export type ReservationStatus = 'live' | 'posted' | 'voided' | 'expired';

export interface Reservation {
  readonly id: string;
  readonly amount: number;
  readonly parts: readonly LotPart[];
  /** From this instant on it is given back by itself. */
  readonly expiresAt: number;
  readonly status: ReservationStatus;
  /** How much of it was used. */
  readonly posted: number;
}

export type TransferKind =
  | 'grant'
  | 'consume'
  | 'reserve'
  | 'post'
  /** What was reserved and not posted, in the same operation. */
  | 'release'
  | 'void'
  | 'reservation_expired'
  | 'lot_expired'
  | 'clawback'
  | 'correction'
  | 'reversal';

/** One movement within an account. */
export interface Transfer {
  /** 1, 2, 3 … within the account, without a gap. */
  readonly number: number;
  /** The operation's key. An operation's first transfer has leg 0. */
  readonly key: string;
  readonly leg: number;
  readonly kind: TransferKind;
  readonly from: Bucket;
  readonly to: Bucket;
  readonly amount: number;
  /** What was asked for, where less could be moved. */
  readonly requested: number;
  readonly parts: readonly LotPart[];
  /** What the account had available after it. */
  readonly availableAfter: number;
  readonly at: number;
  /** Why, in the caller's words. */
  readonly reason: string | null;
  /** What it is about: a reservation's id, a lot's, or the key of the operation that is reversed. */
  readonly subject: string | null;
}

/** An account as far as it is needed: all lots with something in them, and what the operations at hand are about. */
export interface LedgerAccount {
  readonly id: string;
  /** How many transfers it has. */
  readonly version: number;
  readonly balance: Balance;
  readonly lots: ReadonlyMap<string, Lot>;
  readonly reservations: ReadonlyMap<string, Reservation>;
  /** Transfers by operation key, their legs in order. */
  readonly transfers: ReadonlyMap<string, readonly Transfer[]>;
}

export type LedgerState = ReadonlyMap<string, LedgerAccount>;

interface Operation {
  readonly account: string;
  /** Unique in the account: the same operation again changes nothing. */
  readonly key: string;
  readonly at: number;
  readonly reason?: string | null;
}

/** Gives an amount, as a lot of its own. */
export interface GrantOperation extends Operation {
  readonly type: 'grant';
  readonly amount: number;
  readonly source: LotSource;
  /** Left out: by the source, see `LOT_PRIORITIES`. */
  readonly priority?: number | undefined;
  readonly expiresAt: number | null;
  readonly period?: string | null;
}

/** Uses an amount at once. */
export interface ConsumeOperation extends Operation {
  readonly type: 'consume';
  readonly amount: number;
  /** `take` uses what there is where that is less; `refuse`, the default, uses nothing then. */
  readonly whenShort?: 'refuse' | 'take';
  /** Lots of this source are left alone. */
  readonly beside?: LotSource;
}

/** Holds an amount back. */
export interface ReserveOperation extends Operation {
  readonly type: 'reserve';
  readonly reservation: string;
  readonly amount: number;
  readonly expiresAt: number;
}

/** Uses what was held back, or a part of it; the rest is given back. */
export interface PostOperation extends Operation {
  readonly type: 'post';
  readonly reservation: string;
  /** Left out: all of it. */
  readonly amount?: number;
}

/** Gives back what was held back. */
export interface VoidOperation extends Operation {
  readonly type: 'void';
  readonly reservation: string;
}

/** Takes a grant back, as far as it was not used: never more than what is left of this lot. */
export interface ClawbackOperation extends Operation {
  readonly type: 'clawback';
  readonly lot: string;
  /** Left out: all of it. */
  readonly amount?: number;
}

/** Takes an amount away without it being used, from whichever lots would be used next. */
export interface CorrectOperation extends Operation {
  readonly type: 'correct';
  readonly amount: number;
}

/** Undoes a use, or a part of it: the amount goes back to the lots it came from. */
export interface ReverseOperation extends Operation {
  readonly type: 'reverse';
  /** The key of the operation that used it. */
  readonly of: string;
  /** Left out: all that was not undone before. */
  readonly amount?: number;
}

export type LedgerOperation =
  | GrantOperation
  | ConsumeOperation
  | ReserveOperation
  | PostOperation
  | VoidOperation
  | ClawbackOperation
  | CorrectOperation
  | ReverseOperation;

export const LEDGER_CODES = [
  'done',
  /** It was done before, in the same way. */
  'exists',
  'exists_with_different_amount',
  /** The key was used for something else. */
  'exists_as_another_operation',
  'insufficient',
  /** Not a whole number above zero. */
  'invalid_amount',
  /** More than can be counted exactly. */
  'too_large',
  'lot_missing',
  'reservation_missing',
  'reservation_closed',
  'exceeds_reservation',
  'use_missing',
  'exceeds_use',
] as const;

export type LedgerCode = (typeof LEDGER_CODES)[number];

/** One rule that was looked at, and what it found. */
export interface LedgerReason {
  readonly rule: 'key' | 'amount' | 'balance' | 'lot' | 'reservation' | 'use';
  readonly passed: boolean;
  readonly detail: string;
}

/** What became of an operation. Every code but `done` means that it changed nothing now. */
export interface LedgerOutcome {
  readonly code: LedgerCode;
  /** What was moved: now, or when it was done before. 0 when it was not. */
  readonly amount: number;
  readonly requested: number;
  /** Available after it. */
  readonly available: number;
  /** What it is about, such as the reservation that was made: now, or when it was done before. */
  readonly subject: string | null;
  readonly because: readonly LedgerReason[];
}

/** Which lots are used first, where a grant does not say: what is included before what was given, and that before what was paid for. */
export const LOT_PRIORITIES: Readonly<Record<LotSource, number>> = { included: 10, granted: 20, purchased: 30 };
