/** One account while a batch of requests is decided: its windows, what is billed of them, and what its balance will be asked for. */

import { DEFAULT_NOTIFY_AT } from '../catalog/defaults.ts';
import type { UnitPrice } from '../catalog/types.ts';
import type { OpenLedger } from '../ledger/apply.ts';
import { availableBeside } from '../ledger/burn.ts';
import { OWN_KEY_PREFIX } from '../ledger/settle.ts';
import type { LedgerAccount, Lot } from '../ledger/types.ts';
import { thresholdReached, type UsageParts } from './admit.ts';
import { termsFor, type UsageTerms } from './terms.ts';
import type { UsageAccount, UsageCrossing, UsageOverage, UsageStanding, UsageWindow } from './types.ts';
import { windowAt } from './window.ts';

export interface AccountDraft {
  readonly id: string;
  readonly now: number;
  /** The balance as it stands, but for `pending`. */
  readonly balance: Pick<LedgerAccount, 'balance' | 'lots'>;
  /** What the batch's one operation will take at the end. */
  pending: number;
  readonly known: UsageAccount;
  readonly windows: Map<number, UsageWindow>;
  readonly overages: Map<string, UsageOverage>;
  readonly beyond: Map<number, number>;
  readonly touched: { readonly windows: Set<number>; readonly overages: Set<string> };
  /** Percentages of what is included at which somebody is told, by the terms that were used last. */
  notifyAt: readonly number[];
}

export function beginAccount(id: string, known: UsageAccount, ledger: OpenLedger, now: number): AccountDraft {
  return {
    id,
    now,
    known,
    balance: ledger.settle(id, now),
    pending: 0,
    windows: new Map(known.windows.map((window) => [window.startsAt, window])),
    overages: new Map(known.overages.map((one) => [overageKey(one), one])),
    beyond: new Map(known.beyond),
    touched: { windows: new Set(), overages: new Set() },
    notifyAt: DEFAULT_NOTIFY_AT,
  };
}

/** What can be taken of the balance now. */
export function availableNow({ balance, pending }: AccountDraft): number {
  return balance.balance.available - pending;
}

/** Whether a meter's uses add up, and are taken from balances. */
export function addsUp({ meter }: Pick<UsageStanding, 'meter'>): boolean {
  return meter.aggregation === 'sum' || meter.aggregation === 'count';
}

/** The terms that hold today, with the owner's own allowance among them. */
export function currentTerms({ known }: AccountDraft, { terms }: UsageStanding): UsageTerms {
  return termsFor(terms, known.override);
}

/**
 * The window of an instant, made where it is the first use in it, with what the plan includes granted. A window that is over keeps the
 * terms under which it was used.
 */
export function openWindow(draft: AccountDraft, standing: UsageStanding, at: number, ledger: OpenLedger): UsageWindow {
  const terms = currentTerms(draft, standing);
  draft.notifyAt = terms.notifyAt ?? DEFAULT_NOTIFY_AT;
  const { anchor } = draft.known;
  const isCurrent = at >= anchor.startsAt && at < anchor.endsAt;
  const period = isCurrent ? anchor : windowAt(at, anchor, [...draft.windows.values()]);
  const before = draft.windows.get(period.startsAt);
  if (before !== undefined && period.endsAt <= draft.now) return before;
  if (before !== undefined && isAsBefore(draft, before, period.endsAt, terms)) return before;
  if (before === undefined) endOthersAt(draft, period.startsAt);
  const included = widest(before?.included ?? 0, terms.included);
  const window: UsageWindow = {
    ...(before ?? emptyWindow(draft, period.startsAt)),
    endsAt: period.endsAt,
    subscription: draft.known.subscription,
    plan: terms.plan,
    limit: terms.limit,
    included,
    ceiling: terms.ceiling,
  };
  keepWindow(draft, window);
  if (addsUp(standing) && included > (before?.included ?? 0)) {
    grantIncluded(draft, window, included - (before?.included ?? 0), ledger);
  }
  return window;
}

/** A window from which another now follows ends where that one begins. */
function endOthersAt(draft: AccountDraft, startsAt: number): void {
  for (const other of draft.windows.values()) {
    if (other.startsAt < startsAt && other.endsAt > startsAt) keepWindow(draft, { ...other, endsAt: startsAt });
  }
}

function grantIncluded(draft: AccountDraft, window: UsageWindow, amount: number, ledger: OpenLedger): void {
  const period = periodName(window.startsAt);
  ledger.apply({
    type: 'grant',
    account: draft.id,
    // What is included only ever grows within a window, so that the sum names each grant.
    key: `${OWN_KEY_PREFIX}included/${period}/${window.included}`,
    amount,
    source: 'included',
    expiresAt: window.endsAt,
    period,
    at: draft.now,
    reason: null,
  });
}

/** How a window is named where a lot is of it. */
export function periodName(startsAt: number): string {
  return new Date(startsAt).toISOString();
}

/** What is left of the included amount of a window that is over: it has lapsed, and only late events of that window may still use it. */
export function lapsedLeft({ balance, known }: AccountDraft, window: UsageWindow): number {
  const name = periodName(window.startsAt);
  let lapsed = 0;
  const seen = new Set<string>();
  for (const lot of balance.lots.values()) {
    if (!isOf(lot, name)) continue;
    lapsed += lot.expired;
    seen.add(lot.id);
  }
  for (const [id, expired] of known.lapsedLots.get(window.startsAt) ?? []) if (!seen.has(id)) lapsed += expired;
  return Math.max(0, lapsed - window.lapsed);
}

function isOf({ source, period }: Lot, name: string): boolean {
  return source === 'included' && period === name;
}

/** What late events may take of what belongs to no period. */
export function keptAvailable(draft: AccountDraft): number {
  return Math.min(availableBeside(draft.balance, 'included'), availableNow(draft));
}

export function keepWindow(draft: AccountDraft, window: UsageWindow): void {
  draft.windows.set(window.startsAt, window);
  draft.touched.windows.add(window.startsAt);
}

/** Adds parts to what a window came to; they are taken away where `sign` is -1. */
export function addParts(window: UsageWindow, parts: UsageParts, sign: 1 | -1 = 1): UsageWindow {
  return {
    ...window,
    covered: window.covered + sign * parts.covered,
    overage: window.overage + sign * parts.overage,
    uncovered: window.uncovered + sign * parts.uncovered,
  };
}

/** The name of a rate: a plan's price, so that another plan's, or another price of this one, begins another. */
export function rateName({ plan, rate }: Pick<UsageTerms, 'plan' | 'rate'>): string | null {
  return rate === null ? null : `${plan ?? ''}/${rate.amountCents}/${rate.perUnits}/${rate.currency}`;
}

/** What is billed of a window so far; live reservations are not among it. */
export function addOverage(draft: AccountDraft, window: UsageWindow, bill: Bill, units: number): void {
  const key = overageKey({ windowStart: window.startsAt, rate: bill.rate });
  const before = draft.overages.get(key);
  draft.overages.set(key, {
    account: draft.id,
    windowStart: window.startsAt,
    windowEnd: window.endsAt,
    rate: bill.rate,
    subscription: window.subscription,
    plan: bill.plan,
    price: bill.price,
    units: (before?.units ?? 0) + units,
  });
  draft.touched.overages.add(key);
}

/** At which rate something is billed. */
export interface Bill {
  readonly rate: string;
  readonly plan: string;
  readonly price: UnitPrice;
}

/**
 * The rate of today's terms; of a window that is over, the last at which something of it was billed, or else that of its own plan: by a
 * plan that was left since, what comes late is neither billed nor free.
 */
export function billOf(draft: AccountDraft, window: UsageWindow, standing: UsageStanding): Bill | null {
  const terms = currentTerms(draft, standing);
  if (window.endsAt > draft.now) return billAt(terms.plan, terms.rate);
  const used = [...draft.overages.values()].filter(({ windowStart }) => windowStart === window.startsAt).at(-1);
  if (used !== undefined) return used;
  if (window.plan === terms.plan || window.plan === null) return billAt(terms.plan, terms.rate);
  return billAt(window.plan, standing.rateOf?.(window.plan) ?? null);
}

function billAt(plan: string | null, price: UnitPrice | null): Bill | null {
  const rate = rateName({ plan, rate: price });
  return rate === null || price === null ? null : { rate, plan: plan ?? '', price };
}

export function billNamed(draft: AccountDraft, windowStart: number, rate: string): Bill | null {
  return draft.overages.get(overageKey({ windowStart, rate })) ?? null;
}

/** The thresholds that windows crossed in this batch, which are noted in them. */
export function crossings(draft: AccountDraft): UsageCrossing[] {
  const found: UsageCrossing[] = [];
  for (const startsAt of draft.touched.windows) {
    const window = draft.windows.get(startsAt);
    if (window === undefined) continue;
    const percent = thresholdReached(window.recorded, window.included, draft.notifyAt);
    if (percent <= window.warned) continue;
    const warned = { ...window, warned: percent };
    draft.windows.set(startsAt, warned);
    found.push({ window: warned, percent });
  }
  return found;
}

function emptyWindow(draft: AccountDraft, startsAt: number): UsageWindow {
  return {
    account: draft.id,
    startsAt,
    endsAt: startsAt,
    subscription: null,
    plan: null,
    limit: 'prepaid',
    included: 0,
    ceiling: null,
    events: 0,
    recorded: 0,
    covered: 0,
    overage: 0,
    uncovered: 0,
    lapsed: 0,
    lastAt: null,
    warned: 0,
    createdAt: draft.now,
  };
}

/** Whether a window stands as these terms would have it. */
function isAsBefore({ known }: AccountDraft, window: UsageWindow, endsAt: number, terms: UsageTerms): boolean {
  return (
    window.endsAt === endsAt &&
    window.subscription === known.subscription &&
    window.plan === terms.plan &&
    window.limit === terms.limit &&
    window.ceiling === terms.ceiling &&
    window.included === widest(window.included, terms.included)
  );
}

/** The greater of two included amounts, of which -1 is the greatest. */
function widest(one: number, other: number): number {
  return one === -1 || other === -1 ? -1 : Math.max(one, other);
}

export function overageKey({ windowStart, rate }: Pick<UsageOverage, 'windowStart' | 'rate'>): string {
  return `${windowStart}/${rate}`;
}
