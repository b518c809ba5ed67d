/** Events that are taken back, or a part of them: by another event, never by a change. */

import {
  type AccountDraft,
  addOverage,
  addParts,
  addsUp,
  billNamed,
  keepWindow,
  openWindow,
  overageKey,
} from './account-draft.ts';
import { partsBack, type UsageParts } from './admit.ts';
import { addEvent, answer, countedEvent, eventKey, mustApply, type UsageBatch } from './batch.ts';
import type { CorrectRequest, UsageEvent, UsageOutcome, UsageWindow } from './types.ts';

/** Takes an event back: first what of it was only noted, then what is billed, then what its balance gave. */
export function correctUse(batch: UsageBatch, draft: AccountDraft, request: CorrectRequest): UsageOutcome {
  const { event, id, account } = request;
  const today = openWindow(draft, request, event.at, batch.ledger);
  const key = eventKey(account, event.id);
  const before = (batch.counted.get(key)?.reversed ?? 0) + (batch.reversed.get(key) ?? 0);
  const quantity = request.quantity ?? event.quantity - before;
  const code = whyNotCorrected(batch, request, { quantity, before });
  if (code !== null) return answer(draft, today, request, { code, quantity });
  const parts = partsBack(event, before, quantity);
  const window = countedIn(draft, today, event, { parts, quantity });
  if (window === null) return answer(draft, today, request, { code: 'not_correctable', quantity });
  const lapsed = giveBack(batch, request, parts, before);
  const bill = parts.overage > 0 && event.rate !== null ? billNamed(draft, window.startsAt, event.rate) : null;
  if (bill !== null) addOverage(draft, window, bill, -parts.overage);
  const recorded = window.recorded - quantity;
  const after = { ...addParts(window, parts, -1), lapsed: window.lapsed - lapsed, recorded };
  keepWindow(draft, after);
  batch.reversed.set(key, (batch.reversed.get(key) ?? 0) + quantity);
  addEvent(batch, {
    ...{ id, account, at: event.at, receivedAt: batch.now, quantity: -quantity, lapsed: -lapsed },
    ...{ covered: -parts.covered, overage: -parts.overage, uncovered: -parts.uncovered, rate: bill?.rate ?? null },
    ...{ operation: null, reverses: event.id, details: event.details },
  });
  return answer(draft, after, request, { code: 'VALID', done: true, quantity });
}

/**
 * The window in which the event was counted. It is not always the one that its time is in today: a period may have been heard of late, and
 * have ended the one before after the event. Null where it is none that is known.
 */
function countedIn(
  draft: AccountDraft,
  today: UsageWindow,
  { at, rate }: UsageEvent,
  { parts, quantity }: { parts: UsageParts; quantity: number },
): UsageWindow | null {
  const holds = (window: UsageWindow): boolean =>
    window.recorded >= quantity &&
    window.covered >= parts.covered &&
    window.overage >= parts.overage &&
    window.uncovered >= parts.uncovered &&
    (parts.overage === 0 ||
      rate === null ||
      (draft.overages.get(overageKey({ windowStart: window.startsAt, rate }))?.units ?? 0) >= parts.overage);
  if (holds(today)) return today;
  const earlier = [...draft.windows.values()].filter((one) => one.startsAt <= at && holds(one));
  return earlier.toSorted((one, other) => other.startsAt - one.startsAt)[0] ?? null;
}

function whyNotCorrected(
  batch: UsageBatch,
  request: CorrectRequest,
  { quantity, before }: { quantity: number; before: number },
) {
  const again = countedEvent(batch, request.account, request.id);
  if (again !== null) {
    const isSame = request.quantity === undefined || again.quantity === -request.quantity;
    return again.quantity < 0 && isSame ? 'exists' : 'exists_with_different_quantity';
  }
  if (!addsUp(request) || request.event.reverses !== null) return 'not_correctable';
  return quantity <= 0 || quantity > request.event.quantity - before ? 'exceeds_use' : null;
}

/** What was covered goes back to the balance it came from, and then to what had lapsed before: how much of it that is, is answered. */
function giveBack(
  batch: UsageBatch,
  { event, account }: CorrectRequest,
  { covered }: UsageParts,
  before: number,
): number {
  const ofBalance = event.operation === null ? 0 : event.covered - event.lapsed;
  const coveredBefore = Math.max(0, before - event.uncovered - event.overage);
  const toBalance = Math.min(covered, Math.max(0, ofBalance - coveredBefore));
  if (toBalance > 0 && event.operation !== null) {
    const what = { account, key: `${batch.operation}/${batch.events.length}`, of: event.operation, amount: toBalance };
    mustApply(batch, { type: 'reverse', ...what, at: batch.now, reason: null });
  }
  return Math.min(covered - toBalance, event.lapsed);
}
