import { carryOutChange } from '../billing/change-subscription.ts';
import { endTrial } from '../billing/cycle.ts';
import { activeDiscounts } from '../billing/discounts.ts';
import { cancelNow } from '../billing/final-invoice.ts';
import { schedulePause } from '../billing/pause-collection.ts';
import { resumeNow, resumeUnchanged } from '../billing/resume.ts';
import { followSubscription } from '../billing/schedule-phases.ts';
import { scheduleOf } from '../billing/schedule-tasks.ts';
import { periodOf, scheduleSubscription } from '../billing/subscription-tasks.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { JsonObject } from '../json.ts';
import { planOf as legacyPlanOf } from '../objects/price.ts';
import { isEnded, type Subscription } from '../objects/subscription.ts';
import { given, unset } from '../parameters/given.ts';
import { boolean, object, oneOf, required, string, timestamp } from '../parameters/schema.ts';
import { anyElement, type Condition, filter, oneOfValues } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { changedDiscounts } from './discount-params.ts';
import { CREATED, createdWithin, listOperation, onTestClock } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';
import { changesBilling, movesEnd, planOf, startsTrial } from './subscription-change.ts';
import { createSubscription } from './subscription-create.ts';
import { PRORATION_BEHAVIOR, requirePendingParams } from './subscription-item-params.ts';
import {
  CANCELLATION_DETAILS,
  cancellationOf,
  collectionOf,
  mergedDetails,
  ownPaymentMethod,
  pauseOf,
  paymentSettings,
  taxesOf,
  UPDATE,
  type UpdateParams,
} from './subscription-params.ts';

function subscriptionAt(work: Work, path: PathValues): Subscription {
  return work.require('subscription', pathValue(path, 'subscription_exposed_id'), 'id');
}

const retrieve = operation({
  method: 'GET',
  route: '/v1/subscriptions/{subscription_exposed_id}',
  params: object({}),
  run: (work, _params, path) => subscriptionAt(work, path),
});

function requireUpdatable(subscription: Subscription, params: UpdateParams): void {
  if (!isEnded(subscription)) return;
  const others = Object.keys(params).filter((name) => name !== 'metadata' && name !== 'cancellation_details');
  if (others.length === 0) return;
  throw invalidRequest('A canceled subscription can only update its cancellation_details and metadata.');
}

/** What an update may be about that waits for its payment. */
const PENDING = ['billing_cycle_anchor', 'items', 'proration_behavior', 'proration_date'];

const OF_THE_SCHEDULE = {
  billing_cycle_anchor: 'its billing cycle',
  cancel_at: 'any cancelation behavior',
  cancel_at_period_end: 'any cancelation behavior',
  trial_end: 'its trial',
} as const;

/** When a subscription that has a schedule ends, or begins anew, is for the schedule to say. */
function requireUnmanaged(work: Work, subscription: Subscription, params: UpdateParams): void {
  const schedule = scheduleOf(work, subscription);
  if (schedule === undefined) return;
  for (const [param, what] of Object.entries(OF_THE_SCHEDULE)) {
    if (params[param as keyof typeof OF_THE_SCHEDULE] === undefined) continue;
    throw invalidRequest(
      `The subscription is managed by the subscription schedule \`${schedule.id}\`, and updating ${what} directly is not allowed. Please update the schedule instead.`,
      { param },
    );
  }
}

/** Moves the end of a trial that runs. */
function movedTrial(work: Work, subscription: Subscription, end: number): Partial<Subscription> {
  if (end <= work.now) throw invalidRequest('`trial_end` must be in the future.', { param: 'trial_end' });
  const data = subscription.items.data.map((item) => ({ ...item, current_period_end: end }));
  return { billing_cycle_anchor: end, items: { ...subscription.items, data }, trial_end: end };
}

function changesOf(work: Work, subscription: Subscription, params: UpdateParams): Partial<Subscription> {
  const wanted = params.default_payment_method;
  const method = wanted ? ownPaymentMethod(work, wanted, subscription.customer) : unset(wanted);
  const { trial_end: end } = params;
  const moves = typeof end === 'number' && subscription.status === 'trialing';
  const trial = moves ? movedTrial(work, subscription, end) : {};
  const cancellation = cancellationOf(subscription, params, periodOf({ ...subscription, ...trial }), work.now);
  const behavior = params.trial_settings?.end_behavior.missing_payment_method;
  return {
    ...trial,
    ...cancellation,
    ...collectionOf(subscription, params),
    ...taxesOf(work, subscription, params),
    ...pauseOf(params, work.now),
    discounts: changedDiscounts(work, subscription, params.discounts),
    ...given({ default_payment_method: method, description: unset(params.description) }),
    ...(behavior === undefined
      ? {}
      : { trial_settings: { end_behavior: { billing_cycle_anchor: null, missing_payment_method: behavior } } }),
    cancellation_details: mergedDetails(
      cancellation.cancellation_details ?? subscription.cancellation_details,
      params.cancellation_details,
    ),
    metadata: mergeMetadata(subscription.metadata, params.metadata),
    payment_settings: paymentSettings(subscription.payment_settings, params.payment_settings),
  };
}

function changeBilling(
  work: Work,
  subscription: Subscription,
  wanted: Subscription,
  params: UpdateParams,
): Subscription {
  const plan = planOf(work, subscription, wanted, params, activeDiscounts(work, wanted.discounts, work.now));
  return carryOutChange(work, plan, {
    behavior: params.payment_behavior ?? 'allow_incomplete',
    offSession: params.off_session ?? false,
  });
}

const update = operation({
  method: 'POST',
  route: '/v1/subscriptions/{subscription_exposed_id}',
  params: UPDATE,
  run(work, params, path) {
    const subscription = subscriptionAt(work, path);
    requireUpdatable(subscription, params);
    requireUnmanaged(work, subscription, params);
    requirePendingParams(subscription, params, PENDING);
    const wanted = { ...subscription, ...changesOf(work, subscription, params) };
    const bills =
      changesBilling(params) || startsTrial(work, subscription, params) || movesEnd(work, subscription, wanted);
    const changed = bills
      ? changeBilling(work, subscription, wanted, params)
      : work.update(subscription, wanted, 'customer.subscription.updated');
    scheduleSubscription(work, changed);
    if (params.pause_collection !== undefined) schedulePause(work, changed);
    if (params.items !== undefined) followSubscription(work, changed);
    if (params.trial_end !== 'now' || changed.status !== 'trialing') return changed;
    endTrial(work, changed, work.now);
    return work.get('subscription', changed.id);
  },
});

const cancel = operation({
  method: 'DELETE',
  route: '/v1/subscriptions/{subscription_exposed_id}',
  params: object({
    cancellation_details: CANCELLATION_DETAILS,
    invoice_now: boolean(),
    prorate: boolean(),
  }),
  run(work, params, path) {
    const subscription = subscriptionAt(work, path);
    if (isEnded(subscription)) return work.require('subscription', `${subscription.id} (already ended)`, 'id');
    const details = mergedDetails(subscription.cancellation_details, params.cancellation_details);
    const { invoice_now: invoiceNow = false, prorate = false } = params;
    return cancelNow(work, subscription, { prorate, invoiceNow, details });
  },
});

const resume = operation({
  method: 'POST',
  route: '/v1/subscriptions/{subscription}/resume',
  params: object({
    billing_cycle_anchor: object({ type: required(oneOf(['now', 'unchanged'])) }),
    payment_behavior: oneOf(['resume_on_payment_attempt', 'resume_on_payment_success']),
    proration_behavior: PRORATION_BEHAVIOR,
    proration_date: timestamp(),
  }),
  run(work, params, path) {
    const subscription = work.require('subscription', pathValue(path, 'subscription'), 'id');
    if (subscription.status !== 'paused') {
      throw invalidRequest(`Only paused subscriptions can be resumed. This subscription is ${subscription.status}.`);
    }
    if (params.billing_cycle_anchor?.type === 'unchanged') {
      const behavior = params.proration_behavior ?? 'create_prorations';
      resumeUnchanged(work, subscription, { behavior, at: params.proration_date ?? work.now });
    } else {
      resumeNow(work, subscription, params.payment_behavior !== 'resume_on_payment_success');
    }
    return work.get('subscription', subscription.id);
  },
});

const ENDED = ['canceled', 'incomplete_expired'];

function statusFilter(status: string | undefined): Condition[] {
  switch (status) {
    case undefined:
      return [{ sql: "json_extract(body, '$.status') NOT IN ('canceled', 'incomplete_expired')", values: [] }];
    case 'all':
      return [];
    case 'ended':
      return [oneOfValues('$.status', ENDED)];
    default:
      return filter('$.status', status);
  }
}

const list = listOperation({
  object: 'subscription',
  route: '/v1/subscriptions',
  filters: {
    ...CREATED,
    collection_method: oneOf(['charge_automatically', 'send_invoice']),
    customer: string(),
    plan: string(),
    price: string(),
    status: oneOf([
      'active',
      'all',
      'canceled',
      'ended',
      'incomplete',
      'incomplete_expired',
      'past_due',
      'paused',
      'trialing',
      'unpaid',
    ]),
    test_clock: string(),
  },
  unsupported: ['automatic_tax', 'current_period_end', 'current_period_start', 'customer_account'],
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.collection_method', params.collection_method),
    ...filter('$.customer', params.customer),
    ...(params.plan === undefined ? [] : [anyElement('$.items.data', '$.plan.id', params.plan)]),
    ...(params.price === undefined ? [] : [anyElement('$.items.data', '$.price.id', params.price)]),
    ...statusFilter(params.status),
    ...(params.customer !== undefined && params.test_clock === undefined ? [] : onTestClock(params.test_clock)),
  ],
});

/** Prices and tax rates are shown as they are now, not as they were when the subscription began. */
function asOfNow(work: Work, body: JsonObject): JsonObject {
  const subscription = body as Subscription;
  const data = subscription.items.data.map((item) => {
    const price = work.find('price', item.price.id) ?? item.price;
    return price.recurring === null ? item : { ...item, plan: legacyPlanOf(price, price.recurring), price };
  });
  const rates = subscription.default_tax_rates.map((rate) => work.find('tax_rate', rate.id) ?? rate);
  return { ...subscription, default_tax_rates: rates, items: { ...subscription.items, data } };
}

export const subscriptions: Resource = {
  object: 'subscription',
  operations: [createSubscription, retrieve, update, cancel, resume, list],
  expandable: {
    customer: 'customer',
    default_payment_method: 'payment_method',
    discounts: 'discount',
    latest_invoice: 'invoice',
    schedule: 'subscription_schedule',
    test_clock: 'test_helpers.test_clock',
  },
  present: asOfNow,
};
