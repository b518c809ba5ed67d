/** Use that is admitted before it happens: held, then used, wholly or in part, or given up. */

import { OWN_KEY_PREFIX } from '../ledger/settle.ts';
import {
  type AccountDraft,
  addOverage,
  addParts,
  addsUp,
  availableNow,
  billNamed,
  billOf,
  keepWindow,
  openWindow,
} from './account-draft.ts';
import { type Admission, admit, admitValue, type UsageParts } from './admit.ts';
import { addEvent, answer, countedEvent, endHold, mustApply, type UsageBatch } from './batch.ts';
import type {
  AskRequest,
  CountedEvent,
  FinalizeRequest,
  HoldRequest,
  ReleaseRequest,
  UsageCode,
  UsageDetails,
  UsageOutcome,
  UsageReservation,
  UsageWindow,
} from './types.ts';

/** Whether a quantity would be let in now. */
export function askForUse(batch: UsageBatch, draft: AccountDraft, request: AskRequest): UsageOutcome {
  const window = openWindow(draft, request, batch.now, batch.ledger);
  const { quantity } = request;
  const { code, allowed, because } = admitNow(draft, window, request);
  return answer(draft, window, request, { code, done: allowed, quantity, because });
}

function admitNow(draft: AccountDraft, window: UsageWindow, request: AskRequest | HoldRequest): Admission {
  const { quantity, meter } = request;
  if (!addsUp(request)) {
    const aggregation = meter.aggregation === 'max' ? 'max' : 'last';
    return admitValue(quantity, { terms: window, overage: window.overage, aggregation, enforce: true });
  }
  const beyond = window.overage + window.uncovered + (draft.beyond.get(window.startsAt) ?? 0);
  return admit(quantity, { terms: window, available: availableNow(draft), beyond, enforce: true });
}

/** Admits a quantity and keeps it for whoever asked, until it is used, given up or its time is over. */
export function holdUse(batch: UsageBatch, draft: AccountDraft, request: HoldRequest): UsageOutcome {
  const { quantity, account, reservation: id, expiresAt } = request;
  const { now } = batch;
  const window = openWindow(draft, request, now, batch.ledger);
  const beyond = draft.beyond.get(window.startsAt) ?? 0;
  const admission = admitNow(draft, window, request);
  if (!admission.allowed) return answer(draft, window, request, { ...admission, quantity });
  const { parts, because } = admission;
  const held = window.included === -1 ? 0 : parts.covered;
  if (held > 0) {
    const what = { account, key: `${OWN_KEY_PREFIX}hold/${id}`, reservation: id, amount: held, expiresAt };
    mustApply(batch, { type: 'reserve', ...what, at: now, reason: null });
  }
  draft.beyond.set(window.startsAt, beyond + parts.overage + parts.uncovered);
  const bill = parts.overage > 0 ? billOf(draft, window, request) : null;
  // The rate's row is there from now on, for a reservation that is used when the plan is another.
  if (bill !== null) addOverage(draft, window, bill, 0);
  batch.reservations.set(id, {
    ...{ id, account, windowStart: window.startsAt, quantity, held, ...parts, rate: bill?.rate ?? null },
    ...{ status: 'live', eventId: null, used: null, createdAt: now, expiresAt },
  });
  return answer(draft, window, request, { code: 'VALID', done: true, quantity, because });
}

/** Records what was reserved, or a part of it, as an event; the rest is given back. */
export function finalizeUse(batch: UsageBatch, draft: AccountDraft, request: FinalizeRequest): UsageOutcome {
  const { account, id } = request;
  const reservation = batch.reservations.get(request.reservation.id) ?? request.reservation;
  const quantity = request.quantity ?? reservation.quantity;
  const window = windowOf(batch, draft, request, reservation);
  const counted = countedEvent(batch, account, id);
  const refusal = whyNotFinalized(batch, reservation, { quantity, counted });
  if (refusal !== null) {
    // The use was told of in another way meanwhile: what was held for it comes back.
    if (refusal === 'exists' && reservation.status === 'live') endAs(batch, draft, reservation, { id, quantity });
    return answer(draft, window, request, { code: refusal, quantity });
  }
  const covered = Math.min(quantity, reservation.covered);
  const overage = Math.min(quantity - covered, reservation.overage);
  const parts = { covered, overage, uncovered: quantity - covered - overage };
  const taken = reservation.held === 0 ? 0 : covered;
  endHold(batch, reservation, taken);
  freeBeyond(draft, reservation);
  const operation = taken > 0 ? `${OWN_KEY_PREFIX}post/${reservation.id}` : null;
  const held = { window, parts, quantity, id, operation, rate: reservation.rate, details: request.details };
  const after = recordHeld(batch, draft, held);
  batch.reservations.set(reservation.id, { ...reservation, status: 'finalized', eventId: id, used: quantity });
  return answer(draft, after, request, { code: 'VALID', done: true, quantity });
}

/** Gives up what was reserved. */
export function releaseUse(batch: UsageBatch, draft: AccountDraft, request: ReleaseRequest): UsageOutcome {
  const reservation = batch.reservations.get(request.reservation.id) ?? request.reservation;
  const { quantity, status } = reservation;
  const window = windowOf(batch, draft, request, reservation);
  if (status === 'released') return answer(draft, window, request, { code: 'exists', quantity });
  if (status === 'finalized') return answer(draft, window, request, { code: 'reservation_closed', quantity });
  // What ran out by itself has come back already.
  if (reservation.expiresAt > batch.now) {
    endHold(batch, reservation, 0);
    freeBeyond(draft, reservation);
  }
  batch.reservations.set(reservation.id, { ...reservation, status: 'released' });
  return answer(draft, window, request, { code: 'VALID', done: true, quantity });
}

function windowOf(
  batch: UsageBatch,
  draft: AccountDraft,
  request: FinalizeRequest | ReleaseRequest,
  { windowStart, createdAt }: UsageReservation,
): UsageWindow {
  return draft.windows.get(windowStart) ?? openWindow(draft, request, createdAt, batch.ledger);
}

function whyNotFinalized(
  { now }: UsageBatch,
  { status, used, expiresAt, quantity: reserved }: UsageReservation,
  { quantity, counted }: { quantity: number; counted: CountedEvent | null },
): UsageCode | null {
  if (status === 'finalized' && used === quantity) return 'exists';
  if (status === 'live' && counted !== null) {
    return counted.quantity === quantity ? 'exists' : 'exists_with_different_quantity';
  }
  if (status !== 'live' || expiresAt <= now) return 'reservation_closed';
  return quantity > reserved ? 'exceeds_reservation' : null;
}

function endAs(
  batch: UsageBatch,
  draft: AccountDraft,
  reservation: UsageReservation,
  { id, quantity }: { id: string; quantity: number },
): void {
  if (reservation.expiresAt > batch.now) {
    endHold(batch, reservation, 0);
    freeBeyond(draft, reservation);
  }
  batch.reservations.set(reservation.id, { ...reservation, status: 'finalized', eventId: id, used: quantity });
}

function freeBeyond(draft: AccountDraft, { windowStart, overage, uncovered }: UsageReservation): void {
  const beyond = draft.beyond.get(windowStart) ?? 0;
  draft.beyond.set(windowStart, Math.max(0, beyond - overage - uncovered));
}

interface Held {
  readonly window: UsageWindow;
  readonly parts: UsageParts;
  readonly quantity: number;
  readonly id: string;
  readonly operation: string | null;
  readonly rate: string | null;
  readonly details: UsageDetails;
}

function recordHeld(batch: UsageBatch, draft: AccountDraft, held: Held): UsageWindow {
  const { window, parts, quantity, id, operation, rate, details } = held;
  const bill = parts.overage > 0 && rate !== null ? billNamed(draft, window.startsAt, rate) : null;
  if (bill !== null) addOverage(draft, window, bill, parts.overage);
  // Use that was admitted in a period belongs to it, though it ended meanwhile.
  const at = Math.min(batch.now, window.endsAt - 1);
  const lastAt = Math.max(window.lastAt ?? at, at);
  const recorded = window.recorded + quantity;
  const after = { ...addParts(window, parts), events: window.events + 1, recorded, lastAt };
  keepWindow(draft, after);
  const what = { id, account: draft.id, at, receivedAt: batch.now, quantity, ...parts, lapsed: 0 };
  addEvent(batch, { ...what, rate: bill?.rate ?? null, operation, reverses: null, details });
  return after;
}
