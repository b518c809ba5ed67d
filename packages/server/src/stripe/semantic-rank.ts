import { isDeepStrictEqual } from 'node:util';
import type { MirroredType, StripeObject } from './shapes.ts';

/**
 * How far along its life an object is, for the one case in which nothing else can tell two states of it apart: both are of the same
 * second, and Stripe no longer knows the object. The order is fixed, so that all who hear the same end the same.
 */
const statusRanks: Partial<Record<MirroredType, readonly string[]>> = {
  subscription: ['incomplete', 'past_due', 'unpaid', 'paused', 'trialing', 'active', 'incomplete_expired', 'canceled'],
  invoice: ['draft', 'open', 'uncollectible', 'void', 'paid'],
  checkout_session: ['open', 'expired', 'complete'],
  payment_intent: [
    'requires_payment_method',
    'requires_confirmation',
    'requires_action',
    'processing',
    'requires_capture',
    'canceled',
    'succeeded',
  ],
  charge: ['pending', 'failed', 'succeeded'],
  refund: ['pending', 'requires_action', 'succeeded', 'canceled', 'failed'],
  dispute: [
    'prevented',
    'warning_needs_response',
    'warning_under_review',
    'warning_closed',
    'needs_response',
    'under_review',
    'lost',
    'appeal_needs_response',
    'appeal_under_review',
    'won',
  ],
  invoice_payment: ['open', 'canceled', 'paid'],
};

/** Figures that only grow while the status stays, the weightiest first. */
const growing: Partial<Record<MirroredType, (object: StripeObject) => readonly unknown[]>> = {
  subscription: (object) => [latestPeriodEnd(object)],
  invoice: ({ attempt_count, amount_paid }) => [attempt_count, amount_paid],
  charge: ({ amount_refunded, disputed }) => [amount_refunded, disputed === true ? 1 : 0],
};

/**
 * Statuses that an object never comes back to once it has left them for a later stage. Stages of one object follow one another in
 * Stripe's documentation of its life; statuses between which it may go to and fro share one.
 */
const stages: Readonly<Record<string, readonly (readonly string[])[]>> = {
  subscription: [['incomplete'], ['trialing', 'active', 'past_due', 'unpaid', 'paused']],
  invoice: [['draft'], ['open'], ['uncollectible'], ['void', 'paid']],
  'checkout.session': [['open'], ['expired', 'complete']],
  payment_intent: [
    ['requires_payment_method', 'requires_confirmation', 'requires_action', 'processing', 'requires_capture'],
    ['canceled', 'succeeded'],
  ],
  charge: [['pending'], ['failed', 'succeeded']],
  invoice_payment: [['open'], ['canceled', 'paid']],
};

/** Above zero when `left` is of a stage that can only come after that of `right`, below when before; 0 when that says nothing. */
export function compareStages(left: StripeObject, right: StripeObject): number {
  if (left.object !== right.object) return 0;
  const [one, other] = [stageOf(left), stageOf(right)];
  // The lists are Stripe's to extend: of a status that is new nothing is known.
  return one === -1 || other === -1 ? 0 : one - other;
}

function stageOf({ object, status }: StripeObject): number {
  return stages[object]?.findIndex((statuses) => statuses.includes(String(status))) ?? -1;
}

/** Positive when `left` is the later state, negative when `right` is, 0 only when they are equal. A total order. */
export function compareSemantically(type: MirroredType, left: StripeObject, right: StripeObject): number {
  const byStatus = statusRank(type, left) - statusRank(type, right);
  if (byStatus !== 0) return byStatus;
  const figures = growing[type];
  if (figures !== undefined) {
    const others = figures(right);
    for (const [index, figure] of figures(left).entries()) {
      const byFigure = numberOf(figure) - numberOf(others[index]);
      if (byFigure !== 0) return byFigure;
    }
  }
  return compareContent(left, right);
}

/** Whether two objects say the same, in whatever order their fields stand. */
export function sameContent(left: StripeObject, right: StripeObject): boolean {
  return isDeepStrictEqual(left, right);
}

function statusRank(type: MirroredType, object: StripeObject): number {
  // An unknown status ranks lowest: the list is Stripe's to extend.
  return statusRanks[type]?.indexOf(String(object.status)) ?? 0;
}

function latestPeriodEnd(object: StripeObject): number {
  const items = object.items as { data?: readonly { current_period_end?: unknown }[] } | null | undefined;
  return Math.max(0, ...(items?.data ?? []).map((item) => numberOf(item.current_period_end)));
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}

// No meaning, only an order that is the same everywhere.
function compareContent(left: StripeObject, right: StripeObject): number {
  const [one, other] = [canonicalText(left), canonicalText(right)];
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function canonicalText(value: unknown): string {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );
}
