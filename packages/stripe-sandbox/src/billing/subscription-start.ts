import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import { embeddedList } from '../json.ts';
import type { Metadata } from '../objects/parts.ts';
import { type Price, planOf } from '../objects/price.ts';
import { isMetered, type Subscription, type SubscriptionItem, type TrialEndBehavior } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import type { Redeemable } from './discounts.ts';
import type { Authentication } from './payments.ts';
import { addPeriods, type Cadence, nextBoundary } from './periods.ts';
import { periodOf } from './subscription-tasks.ts';

export type Sold = { price: Price; quantity: number; metadata: Metadata };

/** What a subscription starts with, from the API or from Checkout. */
export type Start = {
  customer: string;
  items: readonly Sold[];
  /** One-time prices billed on the first invoice. */
  extras: readonly Sold[];
  members: Partial<Subscription>;
  discounts: readonly Redeemable[];
  trialEnd: number | null;
  /** When the billing cycle begins, where that is later: until then there is a shorter first period. */
  anchor?: number;
  missingPaymentMethod: TrialEndBehavior;
  behavior: 'allow_incomplete' | 'default_incomplete' | 'error_if_incomplete';
  offSession: boolean;
  authentication: Authentication | null;
  /** False where the time after an end within the first period is not given back. */
  givesBack?: boolean;
  /** Leaves the first invoice a draft for a while, as renewals do. */
  drafts?: boolean;
};

function recurringOf(price: Price): NonNullable<Price['recurring']> {
  if (price.recurring !== null) return price.recurring;
  throw invalidRequest(`The price ${price.id} is set to \`type=one_time\`, but a recurring price is needed here.`, {
    param: 'items',
  });
}

/** All items of a subscription are billed together: one currency, one cadence. */
export function cadenceOf(prices: readonly Price[]): Cadence {
  const [first] = prices;
  if (first === undefined) {
    throw invalidRequest('Missing required param: items.', { code: 'parameter_missing', param: 'items' });
  }
  const { interval, interval_count: count } = recurringOf(first);
  for (const price of prices) {
    const recurring = recurringOf(price);
    if (recurring.interval !== interval || recurring.interval_count !== count) {
      throw invalidRequest(
        'Items with different intervals on one subscription: the local Stripe does not do this yet.',
        {
          code: 'sandbox_unsupported',
          param: 'items',
        },
      );
    }
    if (price.currency !== first.currency) {
      throw invalidRequest('All prices on a subscription must have the same currency.', { param: 'items' });
    }
  }
  return { interval, count };
}

/** Where the billing cycle is counted from: a period of another length than before begins a cycle of its own. */
export function anchorAfter(before: Subscription, next: Subscription, start: number): number {
  const [old, now] = [before, next].map(({ items }) => cadenceOf(items.data.map((item) => item.price)));
  const same = old?.interval === now?.interval && old?.count === now?.count;
  return same ? next.billing_cycle_anchor : start;
}

/** The period as long as periods are: a first one, up to an anchor to come, is the last part of such a period. */
export function fullPeriodOf(subscription: Subscription): { start: number; end: number } {
  const { start, end } = periodOf(subscription);
  if (end !== subscription.billing_cycle_anchor) return { start, end };
  return { start: addPeriods(end, cadenceOf(subscription.items.data.map((item) => item.price)), -1), end };
}

/** One item of a subscription, for a period. */
export function newItem(
  work: Work,
  subscription: string,
  sold: Sold,
  period: { start: number; end: number },
): SubscriptionItem {
  return {
    id: newId('si_', 14),
    object: 'subscription_item',
    billing_thresholds: null,
    created: work.now,
    current_period_end: period.end,
    current_period_start: period.start,
    current_trial: null,
    discounts: [],
    metadata: sold.metadata,
    plan: planOf(sold.price, recurringOf(sold.price)),
    price: sold.price,
    ...(isMetered(sold) ? {} : { quantity: sold.quantity }),
    subscription,
    tax_rates: [],
  };
}

/** The subscription as it is before its first invoice. */
export function newSubscription(work: Work, start: Start, invoice: string): Subscription {
  const id = newId('sub_');
  const cadence = cadenceOf(start.items.map((sold) => sold.price));
  const trial = start.trialEnd !== null;
  const anchor = start.trialEnd ?? start.anchor ?? work.now;
  const period = { start: work.now, end: anchor > work.now ? anchor : nextBoundary(anchor, cadence, anchor) };
  return {
    id,
    object: 'subscription',
    application: null,
    application_fee_percent: null,
    automatic_tax: { disabled_reason: null, enabled: false, liability: null },
    billing_cycle_anchor: anchor,
    billing_cycle_anchor_config: null,
    billing_mode: { flexible: { proration_discounts: 'included' }, type: 'flexible' },
    billing_schedules: [],
    billing_thresholds: null,
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { comment: null, feedback: null, feedback_option: null, reason: null },
    collection_method: 'charge_automatically',
    created: work.now,
    currency: start.items[0]?.price.currency ?? 'usd',
    customer: start.customer,
    customer_account: null,
    days_until_due: null,
    default_payment_method: null,
    default_source: null,
    default_tax_rates: [],
    description: null,
    discounts: [],
    ended_at: null,
    invoice_settings: {
      account_tax_ids: null,
      custom_fields: null,
      description: null,
      footer: null,
      issuer: { type: 'self' },
    },
    items: embeddedList(
      `/v1/subscription_items?subscription=${id}`,
      start.items.map((sold) => newItem(work, id, sold, period)),
    ),
    latest_invoice: invoice,
    livemode: false,
    managed_payments: { enabled: false },
    metadata: {},
    next_pending_invoice_item_invoice: null,
    on_behalf_of: null,
    pause_collection: null,
    payment_settings: {
      payment_method_options: null,
      payment_method_types: null,
      save_default_payment_method: 'off',
    },
    pending_invoice_item_interval: null,
    pending_setup_intent: null,
    pending_update: null,
    schedule: null,
    start_date: work.now,
    status: 'active',
    test_clock: work.testClock,
    transfer_data: null,
    trial_end: start.trialEnd,
    trial_settings: {
      end_behavior: { billing_cycle_anchor: null, missing_payment_method: start.missingPaymentMethod },
    },
    trial_start: trial ? work.now : null,
    ...start.members,
  };
}
