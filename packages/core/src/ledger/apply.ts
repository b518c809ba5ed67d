/** What operations do to accounts. The same function decides in tests and over the database. */

import { availableBeside, burn, splitParts } from './burn.ts';
import { beginDraft, type Draft, emptyAccount, finishDraft, move, sumOf } from './draft.ts';
import { settle, writeOff } from './settle.ts';
import {
  type ClawbackOperation,
  type ConsumeOperation,
  type CorrectOperation,
  type GrantOperation,
  type LedgerAccount,
  type LedgerCode,
  type LedgerOperation,
  type LedgerOutcome,
  type LedgerReason,
  type LedgerState,
  LOT_PRIORITIES,
  type LotPart,
  type PostOperation,
  type Reservation,
  type ReserveOperation,
  type ReverseOperation,
  type Transfer,
  type TransferKind,
  type VoidOperation,
} from './types.ts';

/** What was decided of one operation: either how much moved, or why nothing did. */
type Step = { readonly moved: number; readonly because: LedgerReason } | { readonly code: LedgerCode };

const KINDS: Readonly<Record<LedgerOperation['type'], TransferKind>> = {
  grant: 'grant',
  consume: 'consume',
  reserve: 'reserve',
  post: 'post',
  void: 'void',
  clawback: 'clawback',
  correct: 'correction',
  reverse: 'reversal',
};

export interface Applied {
  /** All accounts, changed or not. */
  readonly state: LedgerState;
  /** One for each operation, in their order. */
  readonly outcomes: readonly LedgerOutcome[];
  /** What moved, by account, in the order in which it did. */
  readonly transfers: ReadonlyMap<string, readonly Transfer[]>;
}

/** Accounts while operations are applied to them one by one, each knowing what the ones before it did. */
export interface OpenLedger {
  apply(operation: LedgerOperation): LedgerOutcome;
  /** Writes down what time alone has brought to an account, and answers where it stands. */
  settle(account: string, at: number): Pick<LedgerAccount, 'balance' | 'lots'>;
  /** What it all came to. */
  finish(): Omit<Applied, 'outcomes'>;
}

/**
 * Opens accounts for operations. One that may not be done leaves everything as it was, but for what time alone brought: reservations
 * that ran out and lots that ended by then.
 *
 * An account must come with every lot that has something left or reserved, the reservations and lots that the operations name, the
 * reservations that have run out, and the transfers of the operations' keys, of uses that are reversed and of their earlier reversals.
 */
export function openLedger(state: LedgerState): OpenLedger {
  const drafts = new Map<string, Draft>();
  const draftOf = (account: string): Draft => {
    const draft = drafts.get(account) ?? beginDraft(state.get(account) ?? emptyAccount(account));
    drafts.set(account, draft);
    return draft;
  };
  return {
    apply: (operation) => applyOne(draftOf(operation.account), operation),
    settle(account, at) {
      const draft = draftOf(account);
      settle(draft, at);
      return draft;
    },
    finish() {
      const after = new Map<string, LedgerAccount>(state);
      const transfers = new Map<string, readonly Transfer[]>();
      for (const draft of drafts.values()) {
        if (draft.made.length === 0) continue;
        after.set(draft.id, finishDraft(draft));
        transfers.set(draft.id, draft.made);
      }
      return { state: after, transfers };
    },
  };
}

/** Applies operations one after another, as `openLedger` does. */
export function applyOperations(state: LedgerState, operations: readonly LedgerOperation[]): Applied {
  const ledger = openLedger(state);
  const outcomes = operations.map((operation) => ledger.apply(operation));
  return { ...ledger.finish(), outcomes };
}

function applyOne(draft: Draft, operation: LedgerOperation): LedgerOutcome {
  const before = draft.transfers.get(operation.key)?.[0];
  if (before !== undefined) return replayed(draft, operation, before);
  const asked = askedOf(operation);
  if (asked !== undefined && !(Number.isSafeInteger(asked) && asked > 0)) {
    return refused(draft, 'invalid_amount', asked);
  }
  settle(draft, operation.at);
  const step = decide(draft, operation);
  if ('code' in step) return refused(draft, step.code, asked ?? 0);
  const { requested = asked ?? 0, subject = null } = draft.transfers.get(operation.key)?.[0] ?? {};
  const { available } = draft.balance;
  return { code: 'done', amount: step.moved, requested, available, subject, because: [step.because] };
}

function decide(draft: Draft, operation: LedgerOperation): Step {
  switch (operation.type) {
    case 'grant':
      return grant(draft, operation);
    case 'consume':
      return consume(draft, operation);
    case 'reserve':
      return reserve(draft, operation);
    case 'post':
      return post(draft, operation);
    case 'void':
      return giveBack(draft, operation);
    case 'clawback':
      return clawBack(draft, operation);
    case 'correct':
      return correct(draft, operation);
    case 'reverse':
      return reverse(draft, operation);
  }
}

function grant(draft: Draft, operation: GrantOperation): Step {
  const { key, amount, source, expiresAt, at, reason } = operation;
  if (!Number.isSafeInteger(draft.balance.granted + amount)) return { code: 'too_large' };
  draft.lots.set(key, {
    id: key,
    source,
    amount,
    remaining: 0,
    reserved: 0,
    used: 0,
    expired: 0,
    returned: 0,
    priority: operation.priority ?? LOT_PRIORITIES[source],
    expiresAt,
    period: operation.period ?? null,
    number: draft.version + 1,
  });
  move(draft, {
    key,
    kind: 'grant',
    from: 'source',
    to: 'available',
    parts: [{ lot: key, amount }],
    at,
    reason,
    subject: key,
  });
  // What is granted too late for its own end is written down, and lapses.
  writeOff(draft, at);
  return { moved: amount, because: yes('amount', 'The amount was added as a lot of its own.') };
}

function consume(draft: Draft, { key, amount, whenShort, beside, at, reason }: ConsumeOperation): Step {
  const usable = beside === undefined ? draft.balance.available : availableBeside(draft, beside);
  const taken = whenShort === 'take' ? Math.min(amount, usable) : amount;
  if (taken === 0 || taken > usable) return { code: 'insufficient' };
  const parts = burn(draft, taken, beside);
  move(draft, { key, kind: 'consume', from: 'available', to: 'consumed', parts, at, requested: amount, reason });
  return taken === amount ? enough(taken) : { moved: taken, because: yes('balance', 'What was left was taken.') };
}

function reserve(draft: Draft, { key, reservation: id, amount, expiresAt, at, reason }: ReserveOperation): Step {
  if (draft.reservations.has(id)) return { code: 'exists_as_another_operation' };
  if (amount > draft.balance.available) return { code: 'insufficient' };
  const parts = burn(draft, amount);
  move(draft, { key, kind: 'reserve', from: 'available', to: 'reserved', parts, at, reason, subject: id });
  draft.reservations.set(id, { id, amount, parts, expiresAt, status: 'live', posted: 0 });
  // One that has run out before it began is given back at once.
  settle(draft, at);
  return enough(amount);
}

function post(draft: Draft, { key, reservation: id, amount, at, reason }: PostOperation): Step {
  const found = liveReservation(draft, id);
  if ('code' in found) return found;
  const posted = amount ?? found.amount;
  if (posted > found.amount) return { code: 'exceeds_reservation' };
  const { first, rest } = splitParts(found.parts, posted);
  move(draft, { key, kind: 'post', from: 'reserved', to: 'consumed', parts: first, at, reason, subject: id });
  if (rest.length > 0) {
    move(draft, { key, kind: 'release', from: 'reserved', to: 'available', parts: rest, at, reason, subject: id });
  }
  draft.reservations.set(id, { ...found, status: 'posted', posted });
  writeOff(draft, at);
  return { moved: posted, because: yes('reservation', 'So much of the reservation was used.') };
}

function giveBack(draft: Draft, { key, reservation: id, at, reason }: VoidOperation): Step {
  const found = liveReservation(draft, id);
  if ('code' in found) return found;
  const { parts, amount } = found;
  move(draft, { key, kind: 'void', from: 'reserved', to: 'available', parts, at, reason, subject: id });
  draft.reservations.set(id, { ...found, status: 'voided' });
  writeOff(draft, at);
  return { moved: amount, because: yes('reservation', 'The reservation was given back.') };
}

function liveReservation(draft: Draft, id: string): Reservation | { code: LedgerCode } {
  const found = draft.reservations.get(id);
  if (found === undefined) return { code: 'reservation_missing' };
  return found.status === 'live' ? found : { code: 'reservation_closed' };
}

function clawBack(draft: Draft, { key, lot: id, amount, at, reason }: ClawbackOperation): Step {
  const lot = draft.lots.get(id);
  if (lot === undefined) return { code: 'lot_missing' };
  const whole = lot.amount - lot.returned;
  const requested = amount ?? whole;
  const taken = Math.min(requested, lot.remaining);
  const parts = taken === 0 ? [] : [{ lot: id, amount: taken }];
  move(draft, { key, kind: 'clawback', from: 'available', to: 'source', parts, at, requested, reason, subject: id });
  const rest = draft.lots.get(id);
  // What is reserved of a lot that was taken back as a whole must not come back to be used.
  if (rest !== undefined && requested >= whole) draft.lots.set(id, { ...rest, expiresAt: earlier(rest.expiresAt, at) });
  const detail = taken === requested ? 'All of it was left.' : 'The rest was used before, or is no longer there.';
  return { moved: taken, because: yes('lot', detail) };
}

function correct(draft: Draft, { key, amount, at, reason }: CorrectOperation): Step {
  if (amount > draft.balance.available) return { code: 'insufficient' };
  move(draft, { key, kind: 'correction', from: 'available', to: 'source', parts: burn(draft, amount), at, reason });
  return enough(amount);
}

function reverse(draft: Draft, { key, of, amount, at, reason }: ReverseOperation): Step {
  const use = draft.transfers.get(of)?.[0];
  if (use === undefined || use.to !== 'consumed') return { code: 'use_missing' };
  const left = notReversed(draft, use);
  const requested = amount ?? sumOf(left);
  if (requested === 0 || requested > sumOf(left)) return { code: 'exceeds_use' };
  // The last that was used is the first that comes back.
  const { first: parts } = splitParts(left.reverse(), requested);
  move(draft, { key, kind: 'reversal', from: 'consumed', to: 'available', parts, at, reason, subject: of });
  writeOff(draft, at);
  return { moved: requested, because: yes('use', 'So much of the use was undone.') };
}

/** The parts of a use as far as no reversal gave them back. */
function notReversed({ transfers }: Draft, use: Transfer): LotPart[] {
  const back = new Map<string, number>();
  for (const [first] of transfers.values()) {
    if (first?.kind !== 'reversal' || first.subject !== use.key) continue;
    for (const { lot, amount } of first.parts) back.set(lot, (back.get(lot) ?? 0) + amount);
  }
  const left = use.parts.map(({ lot, amount }) => ({ lot, amount: amount - (back.get(lot) ?? 0) }));
  return left.filter(({ amount }) => amount > 0);
}

function replayed(draft: Draft, operation: LedgerOperation, before: Transfer): LedgerOutcome {
  const asked = askedOf(operation) ?? before.requested;
  const isSame = before.kind === KINDS[operation.type] && isAbout(operation, before.subject);
  const code = !isSame
    ? 'exists_as_another_operation'
    : asked === before.requested
      ? 'exists'
      : 'exists_with_different_amount';
  if (code !== 'exists') return refused(draft, code, asked);
  const { amount, requested, subject } = before;
  return { code, amount, requested, available: draft.balance.available, subject, because: [REASONS.exists] };
}

function refused({ balance }: Draft, code: LedgerCode, requested: number): LedgerOutcome {
  return { code, amount: 0, requested, available: balance.available, subject: null, because: [REASONS[code]] };
}

function isAbout(operation: LedgerOperation, subject: string | null): boolean {
  switch (operation.type) {
    case 'post':
    case 'void':
      return operation.reservation === subject;
    case 'clawback':
      return operation.lot === subject;
    case 'reverse':
      return operation.of === subject;
    default:
      // A reservation has a new id each time it is asked for; the key says that it is the same.
      return true;
  }
}

function askedOf(operation: LedgerOperation): number | undefined {
  return 'amount' in operation ? operation.amount : undefined;
}

function earlier(one: number | null, other: number): number {
  return one === null ? other : Math.min(one, other);
}

function yes(rule: LedgerReason['rule'], detail: string): LedgerReason {
  return { rule, passed: true, detail };
}

function no(rule: LedgerReason['rule'], detail: string): LedgerReason {
  return { rule, passed: false, detail };
}

function enough(moved: number): Step {
  return { moved, because: yes('balance', 'So much was available.') };
}

const REASONS: Readonly<Record<LedgerCode, LedgerReason>> = {
  done: yes('key', 'It was done.'),
  exists: yes('key', 'It was done before, under the same key.'),
  exists_with_different_amount: no('key', 'Under this key another amount was moved before.'),
  exists_as_another_operation: no('key', 'Under this key something else was done before.'),
  insufficient: no('balance', 'Less is available than was asked for.'),
  invalid_amount: no('amount', 'An amount is a whole number of steps above zero.'),
  too_large: no('amount', 'With it the account would hold more than can be counted exactly.'),
  lot_missing: no('lot', 'The account has no such lot.'),
  reservation_missing: no('reservation', 'The account has no such reservation.'),
  reservation_closed: no('reservation', 'The reservation was used or given back before, or has run out.'),
  exceeds_reservation: no('reservation', 'It is more than was reserved.'),
  use_missing: no('use', 'The account has no use under this key.'),
  exceeds_use: no('use', 'It is more than is left of that use.'),
};
