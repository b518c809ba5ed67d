/** What the requests of one batch share while they are decided. */

import type { OpenLedger } from '../ledger/apply.ts';
import { OWN_KEY_PREFIX } from '../ledger/settle.ts';
import type { LedgerOperation } from '../ledger/types.ts';
import { type AccountDraft, addsUp, availableNow } from './account-draft.ts';
import type { UsageReason } from './admit.ts';
import type {
  CountedEvent,
  UsageAlias,
  UsageCode,
  UsageEvent,
  UsageOutcome,
  UsageReservation,
  UsageStanding,
  UsageWindow,
} from './types.ts';

/** What identifies an event: its id is its account's own. */
export function eventKey(account: string, id: string): string {
  return `${account}/${id}`;
}

export interface UsageBatch {
  readonly now: number;
  readonly ledger: OpenLedger;
  /** The operation in which each account's uses are taken from its balance at the end. */
  readonly operation: string;
  readonly events: UsageEvent[];
  readonly aliases: UsageAlias[];
  readonly fresh: Map<string, UsageEvent>;
  readonly counted: ReadonlyMap<string, CountedEvent>;
  /** What corrections took back in this batch, by the key of the event. */
  readonly reversed: Map<string, number>;
  readonly reservations: Map<string, UsageReservation>;
}

export function addEvent({ events, fresh }: UsageBatch, event: UsageEvent): void {
  events.push(event);
  fresh.set(eventKey(event.account, event.id), event);
}

/** Lets an event be known under its id in another account too. */
export function addAlias({ aliases, fresh }: UsageBatch, account: string, event: UsageEvent): void {
  const key = eventKey(account, event.id);
  aliases.push({ key, at: event.at, quantity: event.quantity });
  fresh.set(key, event);
}

/** The event that was counted under an id, in this batch or before. */
export function countedEvent({ fresh, counted }: UsageBatch, account: string, id: string): CountedEvent | null {
  const key = eventKey(account, id);
  const event = fresh.get(key);
  return event === undefined ? (counted.get(key) ?? null) : { at: event.at, quantity: event.quantity, reversed: 0 };
}

/** An operation that was found possible before: a no means that the books are not what they seemed, and nothing may be written. */
export function mustApply({ ledger }: Pick<UsageBatch, 'ledger'>, operation: LedgerOperation): void {
  const { code } = ledger.apply(operation);
  if (code !== 'done') throw new RangeError(`${operation.type} ${operation.key} on ${operation.account}: ${code}`);
}

/** Uses what the ledger held for a reservation, or a part of it, and gives the rest back. */
export function endHold(batch: UsageBatch, { id, account, held }: UsageReservation, taken: number): void {
  if (held === 0) return;
  const base = { account, reservation: id, at: batch.now, reason: null };
  if (taken > 0) mustApply(batch, { type: 'post', ...base, key: `${OWN_KEY_PREFIX}post/${id}`, amount: taken });
  else mustApply(batch, { type: 'void', ...base, key: `${OWN_KEY_PREFIX}void/${id}` });
}

export interface Said {
  readonly code: UsageCode;
  readonly done?: boolean;
  readonly quantity: number;
  readonly because?: readonly UsageReason[];
}

export function answer(draft: AccountDraft, window: UsageWindow, standing: UsageStanding, said: Said): UsageOutcome {
  return {
    code: said.code,
    done: said.done ?? false,
    quantity: said.quantity,
    remaining: remainingOf(draft, window, standing),
    limit: window.included,
    resetsAt: window.included === 0 ? null : window.endsAt,
    because: said.because ?? [],
  };
}

/** What may still be used before a limit, or a price, is met; -1 is without limit. */
function remainingOf(draft: AccountDraft, window: UsageWindow, standing: UsageStanding): number {
  if (window.included === -1) return -1;
  return addsUp(standing) ? availableNow(draft) : Math.max(0, window.included - window.recorded);
}
