import { type Cadence, nextBoundary } from '../billing/periods.ts';
import { cadenceOf, type Start } from '../billing/subscription-start.ts';
import { startSubscription } from '../billing/subscriptions.ts';
import { amountFor } from '../billing/tiers.ts';
import { invalidRequest, unsupported } from '../http/api-error.ts';
import { isMetered, type Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { toRedeemables } from './discount-params.ts';
import { mergeMetadata } from './metadata.ts';
import { operation } from './resource.ts';
import {
  CREATE,
  type CreateParams,
  cancellationOf,
  collectionOf,
  ownPaymentMethod,
  paymentSettings,
  taxesOf,
  toSold,
} from './subscription-params.ts';

const DAY_SECONDS = 86_400;

/** When the trial of a new subscription ends; null without a trial. */
function trialEndOf(work: Work, params: CreateParams, sold: Start['items']): number | null {
  const { trial_end: end, trial_period_days: days } = params;
  if (end !== undefined && days !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: trial_end, trial_period_days.', {
      code: 'parameters_exclusive',
      param: 'trial_end',
    });
  }
  if (end === 'now' || days === 0) return null;
  if (end !== undefined) {
    if (end <= work.now) throw invalidRequest('`trial_end` must be in the future.', { param: 'trial_end' });
    return end;
  }
  const fromPlan = params.trial_from_plan === true ? sold[0]?.price.recurring?.trial_period_days : undefined;
  const length = days ?? fromPlan ?? null;
  return length === null ? null : work.now + length * DAY_SECONDS;
}

/** When the billing cycle of a new subscription begins, where that is to be later than now. */
function anchorOf(work: Work, params: CreateParams, cadence: Cadence, trialEnd: number | null): number | undefined {
  const anchor = params.billing_cycle_anchor;
  if (anchor === undefined) return undefined;
  const param = 'billing_cycle_anchor';
  if (trialEnd !== null) throw unsupported(param, 'the local Stripe does not do it together with a trial');
  if (anchor <= work.now) throw invalidRequest('`billing_cycle_anchor` must be in the future.', { param });
  const latest = nextBoundary(work.now, cadence, work.now);
  if (anchor <= latest) return anchor;
  throw invalidRequest(
    `\`billing_cycle_anchor\` cannot be later than the next natural billing date (${latest}) of the plan.`,
    { param },
  );
}

const NOTHING_YET = {
  cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
  canceled_at: null,
  automatic_tax: { disabled_reason: null, enabled: false, liability: null },
  default_tax_rates: [],
};

function membersOf(work: Work, params: CreateParams, firstEnd: number): Partial<Subscription> {
  const wanted = params.default_payment_method;
  const settings = {
    payment_method_options: null,
    payment_method_types: null,
    save_default_payment_method: 'off' as const,
  };
  const classic = params.billing_mode?.type === 'classic';
  return {
    ...cancellationOf(NOTHING_YET, params, { end: firstEnd }, work.now),
    ...taxesOf(work, NOTHING_YET, params),
    ...collectionOf({ collection_method: 'charge_automatically', days_until_due: null }, params),
    ...(classic ? { billing_mode: { flexible: null, type: 'classic' } } : {}),
    default_payment_method: wanted ? ownPaymentMethod(work, wanted, params.customer) : null,
    description: params.description || null,
    metadata: mergeMetadata({}, params.metadata),
    payment_settings: paymentSettings(settings, params.payment_settings),
  };
}

function subtotalOf(work: Work, items: Start['items']): number {
  const licensed = items.filter((sold) => !isMetered(sold));
  return licensed.reduce((sum, sold) => sum + amountFor(work, sold.price, sold.quantity), 0);
}

export const createSubscription = operation({
  method: 'POST',
  route: '/v1/subscriptions',
  params: CREATE,
  run(work, params) {
    work.require('customer', params.customer, 'customer');
    const items = toSold(work, params.items);
    const cadence = cadenceOf(items.map((sold) => sold.price));
    const currency = items[0]?.price.currency;
    if (params.currency !== undefined && params.currency !== currency) {
      throw invalidRequest(`The prices are in ${currency}, not in ${params.currency}.`, { param: 'currency' });
    }
    const trialEnd = trialEndOf(work, params, items);
    const anchor = anchorOf(work, params, cadence, trialEnd);
    return startSubscription(work, {
      customer: params.customer,
      items,
      extras: [],
      members: membersOf(work, params, trialEnd ?? anchor ?? nextBoundary(work.now, cadence, work.now)),
      discounts: toRedeemables(work, params.discounts, {
        customer: params.customer,
        currency: currency ?? '',
        subtotal: subtotalOf(work, items),
      }),
      trialEnd,
      ...(anchor === undefined ? {} : { anchor }),
      missingPaymentMethod: params.trial_settings?.end_behavior.missing_payment_method ?? 'create_invoice',
      behavior: params.payment_behavior ?? 'allow_incomplete',
      offSession: params.off_session ?? false,
      authentication: null,
      givesBack: params.proration_behavior !== 'none',
    });
  },
});
