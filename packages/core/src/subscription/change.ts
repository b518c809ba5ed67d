/** What changing the plan of a subscription means: decided once, shown by a preview and carried out as it was shown. Instants are milliseconds. */

import { isPaid, isRecurring } from '../catalog/lookup.ts';
import { quantityRefusal } from '../catalog/seats.ts';
import type { Interval, Plan, Product, ProrationPolicy } from '../catalog/types.ts';
import { minuteMs } from '../time.ts';
import { meteredOverage } from '../usage/overage-price.ts';

/** How long a preview may be acted on. */
export const PREVIEW_LIFE_MS = 5 * minuteMs;

/** How far ahead of this clock a preview's time may seem to be: two servers' clocks differ. */
const SKEW_MS = minuteMs;

/** One side of a change. `amountCents` is what one period costs, for the whole quantity, before discounts and taxes. */
export interface ChangeSide {
  readonly plan: string;
  readonly quantity: number;
  readonly amountCents: number;
  readonly currency: string;
  readonly interval: Interval;
  readonly intervalCount: number;
}

/** The subscription as it stands. */
export interface ChangeableSubscription {
  readonly status: string;
  readonly plan: string;
  readonly quantity: number;
  readonly amountCents: number;
  readonly currency: string;
  readonly interval: Interval | null;
  readonly intervalCount: number;
  readonly currentPeriodStart: number;
  readonly currentPeriodEnd: number;
  /** Whether it is about to end. */
  readonly isEnding: boolean;
  /** What it is to become at the end of the period, as was asked before; null for nothing. */
  readonly pendingPlan: string | null;
  /** Whether it is on the price by which its plan is sold now. */
  readonly priceIsCurrent: boolean;
  /** Whether nothing of it has a price at Stripe: what is used is billed by amounts alone. */
  readonly isFree: boolean;
}

/** What is asked for. */
export interface ChangeWish {
  readonly plan: string;
  /** Left out: as many as now. */
  readonly quantity?: number | undefined;
  readonly when?: 'now' | 'period_end' | undefined;
  /** The time of the preview that is to be carried out. */
  readonly asOf?: number | undefined;
}

export type ChangeKind = 'upgrade' | 'downgrade' | 'sidegrade';

/**
 * A change, decided. `way` says what is done:
 * - `change`: the items are changed now
 * - `schedule`: they are at the end of the period
 * - `end`: the subscription ends at the end of the period, and the licence falls back to the free plan
 * - `stay`: what had been asked for the end of the period is taken back
 */
export interface SubscriptionChangePlan {
  readonly kind: ChangeKind;
  readonly way: 'change' | 'schedule' | 'end' | 'stay';
  readonly when: 'now' | 'period_end';
  readonly from: ChangeSide;
  /** Of a free plan, interval and currency are those of what ends. */
  readonly to: ChangeSide;
  readonly proration: ProrationPolicy;
  /** As of when time is given back and charged, in whole seconds. */
  readonly asOf: number;
  readonly effectiveAt: number;
  /**
   * Another interval, or the first thing with a price on a subscription that had none: a period begins with the change, and is charged for
   * whole (https://docs.stripe.com/billing/subscriptions/change-price).
   */
  readonly beginsPeriod: boolean;
  /** Whether there is an invoice at the moment of the call. */
  readonly invoicesNow: boolean;
  readonly because: string;
}

export type ChangeRefusal =
  | 'plan_unknown'
  | 'invalid_request'
  | 'plan_change_not_possible'
  | 'subscription_state_conflict'
  | 'subscription_change_outdated';

export type ChangeDecision =
  | { readonly possible: true; readonly plan: SubscriptionChangePlan }
  | {
      readonly possible: false;
      readonly code: ChangeRefusal;
      readonly detail: string;
      /** The field at fault. */
      readonly path?: string;
      readonly reason?: string;
    };

type Refused = Extract<ChangeDecision, { possible: false }>;

/** Decides a change of a subscription to a plan of the same product, in this order: its state, the plan, the time. */
export function planSubscriptionChange(
  product: Product,
  subscription: ChangeableSubscription,
  wish: ChangeWish,
  now: number,
): ChangeDecision {
  const refused =
    refuseState(subscription) ??
    refusePlan(product, subscription, wish) ??
    refuseQuantity(product, subscription, wish) ??
    refuseTime(subscription, wish, now);
  if (refused !== null) return refused;
  const target = product.plans.find(({ id }) => id === wish.plan);
  const from = sideNow(subscription);
  if (target === undefined || from === null) return refuse('plan_unknown', 'There is no such plan.', { path: 'plan' });
  const to = sideOf(target, subscription, wish.quantity);
  const isPending = subscription.pendingPlan !== null;
  const isKept = to.plan === from.plan && to.quantity === from.quantity;
  // To stay after all is to stay on the price it is on.
  const isSame = isKept && (subscription.priceIsCurrent || isPending);
  if (isSame && !isPending) {
    return refuse('invalid_request', `The subscription is on the plan ${to.plan} already.`, { path: 'plan' });
  }
  const kind = kindOf(product, from, to);
  const startsPaying = subscription.isFree && hasPrice(product, target);
  return timed(product, subscription, { kind, from, to, isSame, isFree: !isPaid(target), startsPaying }, wish, now);
}

interface Sides {
  kind: ChangeKind;
  from: ChangeSide;
  to: ChangeSide;
  isSame: boolean;
  isFree: boolean;
  startsPaying: boolean;
}

/** When and how a change that is possible takes place. */
function timed(
  product: Product,
  subscription: ChangeableSubscription,
  { kind, from, to, isSame, isFree, startsPaying }: Sides,
  wish: ChangeWish,
  now: number,
): ChangeDecision {
  const asOf = wholeSecond(wish.asOf ?? now);
  const end = subscription.currentPeriodEnd;
  const base = { kind, from, to, asOf };
  const later = { ...base, when: 'period_end', proration: 'none', invoicesNow: false } as const;
  if (isSame) {
    const because = `What was asked for the end of the period is taken back: the plan stays ${to.plan}.`;
    return planned({ ...later, way: 'stay', when: 'now', effectiveAt: asOf, beginsPeriod: false, because });
  }
  if (isFree) {
    if (wish.when === 'now') {
      const detail = `The plan ${to.plan} costs nothing: it follows when what was paid for ends. To end at once, cancel.`;
      return refuse('plan_change_not_possible', detail, { path: 'when', reason: 'free_plan' });
    }
    if (subscription.isEnding) {
      return refuse('subscription_state_conflict', 'The subscription is about to end, and falls back then, already.');
    }
    const because = `The plan ${to.plan} costs nothing: the subscription ends with its period, and the licence goes on with it.`;
    return planned({ ...later, way: 'end', effectiveAt: end, beginsPeriod: false, because });
  }
  const isOtherRhythm = from.interval !== to.interval || from.intervalCount !== to.intervalCount;
  const beginsPeriod = isOtherRhythm || startsPaying;
  const { when, because } = whenOf(product, subscription, kind, wish);
  if (when === 'period_end') {
    if (subscription.status === 'trialing') {
      const detail = 'Nothing has been paid for yet: during a trial a change takes effect at once.';
      return refuse('subscription_state_conflict', detail, { path: 'when' });
    }
    if (subscription.isEnding) {
      return refuse('subscription_state_conflict', 'The subscription is about to end. Resume it first.');
    }
    return planned({ ...later, way: 'schedule', effectiveAt: end, beginsPeriod, because });
  }
  const atOnce = { ...base, way: 'change', when, effectiveAt: asOf, because } as const;
  if (subscription.status === 'trialing') {
    return planned({ ...atOnce, proration: 'none', beginsPeriod: false, invoicesNow: false });
  }
  const { proration } = product.planChange;
  return planned({ ...atOnce, proration, beginsPeriod, invoicesNow: beginsPeriod || proration === 'always_invoice' });
}

function planned(plan: SubscriptionChangePlan): ChangeDecision {
  return { possible: true, plan };
}

function whenOf(
  product: Product,
  subscription: ChangeableSubscription,
  kind: ChangeKind,
  wish: ChangeWish,
): { when: 'now' | 'period_end'; because: string } {
  if (wish.when !== undefined) {
    return { when: wish.when, because: `Asked for ${wish.when === 'now' ? 'now' : 'the end of the period'}.` };
  }
  if (subscription.status === 'trialing') {
    return { when: 'now', because: 'During a trial a change takes effect at once: nothing has been paid for yet.' };
  }
  const policy = kind === 'downgrade' ? product.planChange.downgrade : product.planChange.upgrade;
  const moment = policy === 'now' ? 'take effect at once' : 'wait for the end of the period';
  const what = kind === 'downgrade' ? 'downgrades' : 'upgrades';
  return { when: policy, because: `By the catalog of ${product.id}, ${what} ${moment}.` };
}

function refuseState({ status, interval }: ChangeableSubscription): Refused | null {
  if (status === 'canceled' || status === 'incomplete_expired') {
    const detail = 'The subscription has ended; a new one has to be bought.';
    return refuse('subscription_state_conflict', detail, { reason: status });
  }
  if (interval === null) {
    const detail = 'This was paid once and is not a subscription that can be changed.';
    return refuse('plan_change_not_possible', detail, { reason: 'one_time' });
  }
  if (status === 'active' || status === 'trialing') return null;
  // Time that was not paid for cannot be given back, and what is owed must not be hidden by another plan.
  const detail = `The subscription is ${status}: what is owed has to be paid before the plan can change.`;
  return refuse('subscription_state_conflict', detail, { reason: status });
}

function refusePlan(product: Product, { currency }: ChangeableSubscription, { plan: wanted }: ChangeWish) {
  const path = 'plan';
  const plan = product.plans.find(({ id }) => id === wanted);
  if (plan === undefined) {
    const sold = product.plans.filter(isRecurring).map(({ id }) => id);
    return refuse('plan_unknown', `${product.id} has no plan "${wanted}". It sells: ${sold.join(', ')}.`, { path });
  }
  if (plan.price === null) {
    return refuse('plan_change_not_possible', `The plan ${wanted} is not for sale.`, { path, reason: 'not_for_sale' });
  }
  if (!isPaid(plan)) {
    const { effect, downgradeTo } = product.cancellation;
    if (effect === 'downgrade' && downgradeTo === wanted) return null;
    const detail = `The plan ${wanted} costs nothing, and nobody falls back to it. Cancel the subscription instead.`;
    return refuse('plan_change_not_possible', detail, { path, reason: 'free_plan' });
  }
  if (plan.price.interval === null) {
    const detail = `The plan ${wanted} is paid for once: buy it by a checkout, and cancel the subscription.`;
    return refuse('plan_change_not_possible', detail, { path, reason: 'one_time' });
  }
  if (plan.price.currency !== currency) {
    const detail = `The subscription is paid in ${currency}, the plan ${wanted} in ${plan.price.currency}.`;
    return refuse('plan_change_not_possible', detail, { path, reason: 'currency' });
  }
  return null;
}

function refuseQuantity(
  product: Product,
  { quantity: held }: ChangeableSubscription,
  wish: ChangeWish,
): Refused | null {
  const plan = product.plans.find(({ id }) => id === wish.plan);
  // Whoever falls back to a free plan leaves their number behind.
  if (plan === undefined || (wish.quantity === undefined && !isPaid(plan))) return null;
  const detail = quantityRefusal(plan, wish.quantity ?? held);
  return detail === null ? null : refuse('invalid_request', detail, { path: 'quantity' });
}

function refuseTime({ currentPeriodStart }: ChangeableSubscription, { asOf }: ChangeWish, now: number): Refused | null {
  if (asOf === undefined) return null;
  const path = 'as_of';
  if (!Number.isFinite(asOf) || asOf > now + SKEW_MS) {
    return refuse('invalid_request', 'as_of must be the one that a preview answered.', { path });
  }
  if (now - asOf > PREVIEW_LIFE_MS || asOf < currentPeriodStart) {
    const detail = 'The preview is too old to be carried out as it was shown. Ask for another.';
    return refuse('subscription_change_outdated', detail, { path });
  }
  return null;
}

function sideNow(subscription: ChangeableSubscription): ChangeSide | null {
  const { plan, quantity, amountCents, currency, interval, intervalCount } = subscription;
  return interval === null ? null : { plan, quantity, amountCents, currency, interval, intervalCount };
}

function sideOf({ id, price }: Plan, now: ChangeableSubscription, wanted: number | undefined): ChangeSide {
  const quantity = wanted ?? now.quantity;
  const amountCents = (price?.amountCents ?? 0) * quantity;
  const { interval, intervalCount } = price?.interval == null ? now : { ...price, interval: price.interval };
  // Nothing is the same in every currency.
  return { plan: id, quantity, amountCents, currency: now.currency, interval: interval ?? 'month', intervalCount };
}

/**
 * The catalog says which plan is more: it lists them from the least to the most. Within a plan, and for one that the catalog does
 * not have any more, the amount says so.
 */
function kindOf(product: Product, from: ChangeSide, to: ChangeSide): ChangeKind {
  const before = product.plans.findIndex(({ id }) => id === from.plan);
  const after = product.plans.findIndex(({ id }) => id === to.plan);
  if (before !== -1 && before !== after) return after > before ? 'upgrade' : 'downgrade';
  const difference = to.amountCents - from.amountCents;
  if (difference === 0) return 'sidegrade';
  return difference > 0 ? 'upgrade' : 'downgrade';
}

/** Whether any of a plan's items at Stripe costs something. */
function hasPrice(product: Product, plan: Plan): boolean {
  return (plan.price?.amountCents ?? 0) > 0 || meteredOverage(product, plan).length > 0;
}

/** Stripe counts in whole seconds. */
function wholeSecond(instant: number): number {
  return Math.floor(instant / 1_000) * 1_000;
}

function refuse(code: ChangeRefusal, detail: string, more: { path?: string; reason?: string } = {}): Refused {
  return { possible: false, code, detail, ...more };
}
