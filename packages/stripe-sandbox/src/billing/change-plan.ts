import { invalidRequest } from '../http/api-error.ts';
import type { InvoiceLine } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { givenBackFrom } from './billed.ts';
import type { ActiveDiscount } from './discounts.ts';
import type { Draft } from './invoice-draft.ts';
import { lineOfItem, pendingItems } from './invoice-items.ts';
import { usageItems } from './metered-lines.ts';
import { periodLines, withPeriod } from './period-lines.ts';
import { nextBoundary } from './periods.ts';
import { allGivenBack, type Change, itemChanges, netPrices, prorationItems } from './prorations.ts';
import { cadenceOf, fullPeriodOf } from './subscription-start.ts';
import { periodOf } from './subscription-tasks.ts';

type Prices = ReturnType<typeof netPrices>;

export type ProrationBehavior = 'always_invoice' | 'create_prorations' | 'none';

/** What a change of a subscription's items or billing cycle does, decided before anything is done. */
export type ChangePlan = {
  before: Subscription;
  /** The subscription afterwards. */
  subscription: Subscription;
  discounts: readonly ActiveDiscount[];
  /** New pending items: time given back and time charged. */
  prorations: readonly InvoiceItem[];
  /** What each item costs from now on, for the next time some of it is given back. */
  prices: Prices;
  /** A new period begins now and is billed in full. */
  newPeriod: boolean;
  /** From when on the period is given back because the subscription ends within it; null when it is not. */
  givenBackFrom: number | null;
  /** Whether there is an invoice now; otherwise what is pending waits for the next one. */
  invoicesNow: boolean;
};

export type ChangeRequest = {
  behavior: ProrationBehavior;
  prorationDate: number | null;
  resetsAnchor: boolean;
  /** A trial that begins now, and ends then. */
  trialEnd?: number;
  discounts: readonly ActiveDiscount[];
};

/** Statuses in which a subscription is charged for its time: what changes is prorated. */
const BILLED: readonly Subscription['status'][] = ['active', 'past_due', 'unpaid'];

export function isBilled(subscription: Subscription): boolean {
  return BILLED.includes(subscription.status);
}

function cadenceText(subscription: Subscription): string {
  const { interval, count } = cadenceOf(subscription.items.data.map((item) => item.price));
  return `${count} ${interval}`;
}

/** Whether nothing of it has a price; a quantity of none, or nothing used yet, is not that. */
function isFree(subscription: Subscription): boolean {
  return subscription.items.data.every((item) => item.price.unit_amount === 0);
}

function prorationDate(before: Subscription, at: number): number {
  const { start, end } = periodOf(before);
  if (at >= start && at <= end) return at;
  throw invalidRequest('Cannot specify `proration_date` outside of current subscription period', {
    param: 'proration_date',
  });
}

/**
 * Begins a new period now: another interval, or a billing cycle that is moved, cannot go on with the old one; nor does that of a free
 * subscription that is to be paid for (https://docs.stripe.com/billing/subscriptions/change-price). A trial is a period of its own, and
 * the billing cycle begins when it ends.
 */
function inNewPeriod(after: Subscription, now: number, trialEnd: number | undefined): Subscription {
  const cadence = cadenceOf(after.items.data.map((item) => item.price));
  const period = { start: now, end: trialEnd ?? nextBoundary(now, cadence, now) };
  const ends = after.cancel_at_period_end ? { cancel_at: period.end } : {};
  const trial = trialEnd === undefined ? {} : { status: 'trialing' as const, trial_end: trialEnd, trial_start: now };
  return { ...after, ...ends, ...trial, billing_cycle_anchor: trialEnd ?? now, items: withPeriod(after, period) };
}

/** The prorations of a change in the period, which goes to where it has been given back from. */
function ofItems(work: Work, before: Subscription, changes: readonly Change[], how: { at: number; prices: Prices }) {
  const period = fullPeriodOf(before);
  const until = givenBackFrom(work, before.id) ?? period.end;
  return prorationItems(work, before, changes, { ...how, at: Math.min(how.at, until), until, period });
}

/**
 * The prorations of an end that is set, moved or taken back within the period: what lies behind the new end is given back,
 * what had been given back is charged again (https://docs.stripe.com/billing/subscriptions/cancel).
 */
function ofEnd(work: Work, before: Subscription, after: Subscription, prices: Prices) {
  const period = fullPeriodOf(before);
  const from = givenBackFrom(work, before.id);
  const within = after.cancel_at !== null && after.cancel_at < period.end ? after.cancel_at : null;
  const to = after.cancel_at === before.cancel_at ? from : within;
  const part = (kind: Change['kind'], at: number) =>
    prorationItems(
      work,
      before,
      after.items.data.map((item) => ({ kind, item })),
      { at, period, prices },
    );
  if (from === to) return { givenBackFrom: from, items: [] };
  const items = [...(from === null ? [] : part('debit', from)), ...(to === null ? [] : part('credit', to))];
  return { givenBackFrom: to, items };
}

/**
 * The items whose use is billed now: those whose price is given up, where `proration_behavior` and the billing mode say so
 * (https://docs.stripe.com/billing/subscriptions/billing-mode/compare), and in a new period all that stay.
 */
function endedItems(before: Subscription, after: Subscription, how: { prorates: boolean; newPeriod: boolean }) {
  return before.items.data.filter((item) => {
    const stays = after.items.data.some((one) => one.id === item.id && one.price.id === item.price.id);
    return stays ? how.newPeriod : how.prorates && before.billing_mode.type === 'flexible';
  });
}

/**
 * Decides a change: `after` is the subscription with its new items, still in the old period. Nothing is prorated while a
 * trial runs (https://docs.stripe.com/billing/subscriptions/change-price).
 */
export function planChange(work: Work, before: Subscription, after: Subscription, how: ChangeRequest): ChangePlan {
  const billed = isBilled(before);
  if (how.resetsAnchor && !billed) {
    throw invalidRequest('The billing cycle anchor can only be reset while the subscription is billed.', {
      param: 'billing_cycle_anchor',
    });
  }
  const startsPaying = isFree(before) && !isFree(after);
  const begins = how.resetsAnchor || startsPaying || how.trialEnd !== undefined;
  const newPeriod = billed && (begins || cadenceText(before) !== cadenceText(after));
  const changes = newPeriod ? allGivenBack(before) : itemChanges(before.items.data, after.items.data);
  const prices = netPrices(work, after.items.data, how.discounts);
  const at = how.prorationDate === null ? work.now : prorationDate(before, how.prorationDate);
  const prorates = billed && how.behavior !== 'none';
  const end =
    prorates && !newPeriod
      ? ofEnd(work, before, after, prices)
      : { givenBackFrom: newPeriod ? null : givenBackFrom(work, before.id), items: [] };
  const prorated = prorates ? [...ofItems(work, before, changes, { at, prices }), ...end.items] : [];
  const used = billed ? usageItems(work, before, endedItems(before, after, { prorates, newPeriod })) : [];
  const prorations = [...prorated, ...used];
  return {
    before,
    subscription: newPeriod ? inNewPeriod(after, work.now, how.trialEnd) : after,
    discounts: how.discounts,
    prorations,
    prices,
    newPeriod,
    givenBackFrom: end.givenBackFrom,
    invoicesNow: newPeriod || (how.behavior === 'always_invoice' && prorations.length > 0),
  };
}

/** The pending items that the next invoice of the subscription takes up, those of the plan among them. */
export function itemsToBill(work: Work, plan: ChangePlan): InvoiceItem[] {
  const { customer, currency, id } = plan.subscription;
  return [...pendingItems(work, { customer, currency, subscription: id }), ...plan.prorations];
}

/** The invoice that the plan makes now. Carrying it out and showing it beforehand both use this. */
export function invoiceNow(work: Work, plan: ChangePlan, items: readonly InvoiceItem[], id: string): Draft {
  const lines: InvoiceLine[] = items.map((item) => lineOfItem(id, item));
  const onTrial = plan.subscription.status === 'trialing';
  if (plan.newPeriod) lines.push(...periodLines(work, plan.subscription, id, onTrial));
  const { start } = periodOf(plan.before);
  return {
    id,
    reason: 'subscription_update',
    lines,
    discounts: plan.discounts,
    period: plan.newPeriod ? { start, end: work.now } : { start: work.now, end: work.now },
    finalizesAt: null,
    autoAdvance: plan.subscription.status !== 'unpaid',
  };
}
