/** Use that is recorded. */

import {
  type AccountDraft,
  addOverage,
  addsUp,
  availableNow,
  billOf,
  keepWindow,
  keptAvailable,
  lapsedLeft,
  openWindow,
} from './account-draft.ts';
import { type Admission, admit, admitValue, type UsageParts } from './admit.ts';
import { addAlias, addEvent, answer, countedEvent, mustApply, type UsageBatch } from './batch.ts';
import { canBeBilled, stepsPerUnit } from './overage-price.ts';
import type { UsageOutcome, UsageWindow, UseRequest } from './types.ts';

/** Counts a use in the window it happened in, once for its id. */
export function recordUse(batch: UsageBatch, draft: AccountDraft, request: UseRequest): UsageOutcome {
  const { id, account, alias, at, quantity } = request;
  const before = countedEvent(batch, account, id) ?? (alias === undefined ? null : countedEvent(batch, alias, id));
  const window = openWindow(draft, request, at, batch.ledger);
  if (before !== null) {
    const code = before.quantity === quantity ? 'exists' : 'exists_with_different_quantity';
    return answer(draft, window, request, { code, quantity });
  }
  return addsUp(request) ? useOfSum(batch, draft, window, request) : useOfValue(batch, draft, window, request);
}

function useOfSum(batch: UsageBatch, draft: AccountDraft, window: UsageWindow, request: UseRequest): UsageOutcome {
  const { quantity, enforce } = request;
  if (!Number.isSafeInteger(window.recorded + quantity)) {
    return answer(draft, window, request, { code: 'too_large', quantity });
  }
  const isOver = window.endsAt <= batch.now;
  const lapsedBefore = isOver ? lapsedLeft(draft, window) : 0;
  const admission = admit(quantity, {
    terms: window,
    available: isOver ? lapsedBefore + keptAvailable(draft) : availableNow(draft),
    beyond: window.overage + window.uncovered + (draft.beyond.get(window.startsAt) ?? 0),
    enforce,
  });
  if (!admission.allowed) return answer(draft, window, request, { ...admission, quantity });
  if (!hasItsPrice(draft, window, request, admission.parts)) {
    return answer(draft, window, request, { code: 'too_large', quantity });
  }
  const taken = window.included === -1 ? 0 : admission.parts.covered;
  const lapsed = Math.min(taken, lapsedBefore);
  const operation = takeFromBalance(batch, draft, request, { amount: taken - lapsed, isOver });
  return keep(batch, draft, request, { window, admission, operation, lapsed, recorded: window.recorded + quantity });
}

/** Late use takes what belongs to no period at once; all else is taken together when the batch ends. */
function takeFromBalance(
  batch: UsageBatch,
  draft: AccountDraft,
  { account }: UseRequest,
  { amount, isOver }: { amount: number; isOver: boolean },
): string | null {
  if (amount === 0) return null;
  if (!isOver) {
    draft.pending += amount;
    return batch.operation;
  }
  const key = `${batch.operation}/${batch.events.length}`;
  mustApply(batch, { type: 'consume', account, key, amount, beside: 'included', at: batch.now, reason: null });
  return key;
}

function useOfValue(batch: UsageBatch, draft: AccountDraft, window: UsageWindow, request: UseRequest): UsageOutcome {
  const { quantity, at, enforce, meter } = request;
  const aggregation = meter.aggregation === 'max' ? 'max' : 'last';
  const admission = admitValue(quantity, { terms: window, overage: window.overage, aggregation, enforce });
  if (!admission.allowed) return answer(draft, window, request, { ...admission, quantity });
  if (!hasItsPrice(draft, window, request, admission.parts)) {
    return answer(draft, window, request, { code: 'too_large', quantity });
  }
  const isLast = window.lastAt === null || at >= window.lastAt;
  const recorded = aggregation === 'max' ? Math.max(window.recorded, quantity) : isLast ? quantity : window.recorded;
  return keep(batch, draft, request, { window, admission, operation: null, lapsed: 0, recorded });
}

interface Made {
  readonly window: UsageWindow;
  readonly admission: Admission & { allowed: true };
  readonly operation: string | null;
  readonly lapsed: number;
  readonly recorded: number;
}

function keep(batch: UsageBatch, draft: AccountDraft, request: UseRequest, made: Made): UsageOutcome {
  const { id, account, alias, at, quantity, details } = request;
  const { parts: admitted, because } = made.admission;
  const { window, lapsed, operation, recorded } = made;
  const bill = admitted.overage > 0 ? billOf(draft, window, request) : null;
  // What nobody has a price for is noted: the books are not to say that it is billed.
  const parts = admitted.overage > 0 && bill === null ? notBilled(admitted) : admitted;
  if (bill !== null) addOverage(draft, window, bill, parts.overage);
  const after: UsageWindow = {
    ...window,
    events: window.events + 1,
    recorded,
    covered: window.covered + parts.covered,
    overage: window.overage + parts.overage,
    uncovered: window.uncovered + parts.uncovered,
    lapsed: window.lapsed + lapsed,
    lastAt: Math.max(window.lastAt ?? at, at),
  };
  keepWindow(draft, after);
  const what = { id, account, at, receivedAt: batch.now, quantity, ...parts };
  const event = { ...what, lapsed, rate: bill?.rate ?? null, operation, reverses: null, details };
  addEvent(batch, event);
  if (alias !== undefined) addAlias(batch, alias, event);
  return answer(draft, after, request, { code: 'VALID', done: true, quantity, because });
}

/** Whether what the window's use beyond the plan would then cost is a sum that can be written on a bill. */
function hasItsPrice(draft: AccountDraft, window: UsageWindow, request: UseRequest, { overage }: UsageParts): boolean {
  if (overage <= 0) return true;
  const bill = billOf(draft, window, request);
  return bill === null || canBeBilled(bill.price, window.overage + overage, stepsPerUnit(request.meter));
}

function notBilled({ covered, overage, uncovered }: UsageParts): UsageParts {
  return { covered, overage: 0, uncovered: uncovered + overage };
}
