import { givenBackFrom } from '../billing/billed.ts';
import { type ChangePlan, isBilled, type ProrationBehavior, planChange } from '../billing/change-plan.ts';
import type { ActiveDiscount } from '../billing/discounts.ts';
import { periodOf } from '../billing/subscription-tasks.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { type ChangedItem, changedItems } from './subscription-item-params.ts';

/** What several calls say of a change of items, by the same names. */
export type ChangeParams = {
  items?: readonly ChangedItem[];
  billing_cycle_anchor?: { type: 'now' | 'unchanged' };
  proration_behavior?: ProrationBehavior;
  proration_date?: number;
  trial_end?: number | 'now';
};

/** Whether the parameters touch items or the billing cycle at all. */
export function changesBilling(params: ChangeParams): boolean {
  return params.items !== undefined || params.billing_cycle_anchor?.type === 'now';
}

/** Whether the subscription is to end at another time within its period, or no more: that is prorated. */
export function movesEnd(work: Work, before: Subscription, after: Subscription): boolean {
  if (!isBilled(before) || before.cancel_at === after.cancel_at) return false;
  const within = after.cancel_at !== null && after.cancel_at < periodOf(after).end;
  return within || givenBackFrom(work, before.id) !== null;
}

/** Whether a trial is to begin in a subscription that is billed already. */
export function startsTrial(work: Work, subscription: Subscription, params: ChangeParams): boolean {
  if (typeof params.trial_end !== 'number' || subscription.status === 'trialing') return false;
  if (params.trial_end <= work.now) {
    throw invalidRequest('`trial_end` must be in the future.', { param: 'trial_end' });
  }
  if (isBilled(subscription)) return true;
  throw invalidRequest(`A trial cannot begin in a subscription that is ${subscription.status}.`, {
    param: 'trial_end',
  });
}

/**
 * The plan of a change as a caller asks for it. `changed` is the subscription with what else the call changes. Updating,
 * the calls of single items, previews, schedules and the portal all plan here.
 */
export function planOf(
  work: Work,
  subscription: Subscription,
  changed: Subscription,
  params: ChangeParams,
  discounts: readonly ActiveDiscount[],
): ChangePlan {
  if (subscription.status === 'incomplete') {
    throw invalidRequest(
      'A subscription in `incomplete` status can only have its metadata and payment method updated.',
      {
        param: 'items',
      },
    );
  }
  const data = changedItems(work, subscription, params.items ?? []).map((item) => {
    const moved = changed.items.data.find((one) => one.id === item.id);
    return { ...item, current_period_end: moved?.current_period_end ?? item.current_period_end };
  });
  const trialEnd = startsTrial(work, subscription, params) ? params.trial_end : undefined;
  const after = { ...changed, items: { ...changed.items, data } };
  return planChange(work, subscription, after, {
    behavior: params.proration_behavior ?? 'create_prorations',
    prorationDate: params.proration_date ?? null,
    resetsAnchor: params.billing_cycle_anchor?.type === 'now',
    ...(typeof trialEnd === 'number' ? { trialEnd } : {}),
    discounts,
  });
}
