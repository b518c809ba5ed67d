import type { ActiveDiscount, Redemption } from '../billing/discounts.ts';
import { activeDiscounts, asIfRedeemed } from '../billing/discounts.ts';
import { previewChange, previewEnd, previewStart } from '../billing/preview.ts';
import { periodOf } from '../billing/subscription-tasks.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import { given } from '../parameters/given.ts';
import {
  boolean,
  either,
  emptyable,
  type Infer,
  object,
  oneOf,
  required,
  string,
  timestamp,
} from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { DISCOUNTS, toRedeemables } from './discount-params.ts';
import { AUTOMATIC_TAX, allBut, currency, only } from './parameters.ts';
import { operation } from './resource.ts';
import { planOf } from './subscription-change.ts';
import { PREVIEWED_ITEMS, PRORATION_BEHAVIOR } from './subscription-item-params.ts';
import { CANCEL_AT_WORDS, cancellationOf, taxesOf, toSold } from './subscription-params.ts';
import { TAX_RATES } from './tax-rates.ts';

const DETAILS_FIELDS = {
  billing_cycle_anchor: object({ type: required(allBut(oneOf(['now', 'timestamp', 'unchanged']), 'timestamp')) }, [
    'timestamp',
  ]),
  cancel_at: emptyable(either(timestamp(), CANCEL_AT_WORDS)),
  cancel_at_period_end: boolean(),
  cancel_now: boolean(),
  default_tax_rates: TAX_RATES,
  items: PREVIEWED_ITEMS,
  proration_behavior: PRORATION_BEHAVIOR,
  proration_date: timestamp(),
  trial_end: either(timestamp(), oneOf(['now'])),
};

const FIELDS = {
  automatic_tax: AUTOMATIC_TAX,
  currency: currency(),
  customer: string(),
  discounts: DISCOUNTS,
  preview_mode: only(oneOf(['next', 'recurring']), 'next'),
  subscription: string(),
  subscription_details: object(DETAILS_FIELDS, [
    'billing_mode',
    'billing_schedules',
    'metadata',
    'pause',
    'resume_at',
    'start_date',
  ]),
};

type Params = Infer<typeof FIELDS>;

/** The discounts of the previewed invoice: the subscription's own, unless others are given instead. */
function previewedDiscounts(
  work: Work,
  wanted: readonly Redemption[] | '' | undefined,
  own: readonly string[],
  of: { customer: string; currency: string; subscription: string | null },
): ActiveDiscount[] {
  const active = activeDiscounts(work, own, work.now);
  if (wanted === undefined) return active;
  const owner = { checkout_session: null, customer: of.customer, invoice: null, subscription: of.subscription };
  const purchase = { customer: of.customer, currency: of.currency, subtotal: null };
  return (wanted || []).flatMap((one) => {
    if (one.discount !== undefined) return active.filter(({ id }) => id === one.discount);
    return toRedeemables(work, [one], purchase).map((redeemable) => asIfRedeemed(work, redeemable, owner));
  });
}

const NO_TAX = {
  automatic_tax: { disabled_reason: null, enabled: false, liability: null },
  default_tax_rates: [],
};

function taxParams(params: Params) {
  const { automatic_tax, subscription_details: details } = params;
  return given({ automatic_tax, default_tax_rates: details?.default_tax_rates });
}

function ofChange(work: Work, id: string, params: Params): Invoice {
  const subscription = work.require('subscription', id, 'subscription');
  if (params.customer !== undefined && params.customer !== subscription.customer) {
    throw invalidRequest(`The subscription ${id} is not of customer ${params.customer}.`, { param: 'subscription' });
  }
  const details = params.subscription_details ?? {};
  const { customer, currency: inCurrency } = subscription;
  const of = { customer, currency: inCurrency, subscription: id };
  const discounts = previewedDiscounts(work, params.discounts, subscription.discounts, of);
  if (details.cancel_now === true) {
    return previewEnd(work, subscription, details.proration_behavior !== 'none');
  }
  const trial = withTrialEnd(work, subscription, details.trial_end);
  const taxes = taxesOf(work, subscription, taxParams(params));
  const changed = { ...trial, ...taxes, ...cancellationOf(subscription, details, periodOf(trial), work.now) };
  const plan = planOf(work, subscription, changed, details, discounts);
  const endsTrial = details.trial_end === 'now' && subscription.status === 'trialing';
  return previewChange(work, plan, endsTrial ? work.now : null);
}

function withTrialEnd(work: Work, subscription: Subscription, end: number | 'now' | undefined): Subscription {
  if (end === undefined || subscription.status !== 'trialing') return subscription;
  if (end === 'now') return subscription;
  if (end <= work.now) throw invalidRequest('`trial_end` must be in the future.', { param: 'trial_end' });
  const data = subscription.items.data.map((item) => ({ ...item, current_period_end: end }));
  return { ...subscription, billing_cycle_anchor: end, items: { ...subscription.items, data }, trial_end: end };
}

function ofStart(work: Work, params: Params): Invoice {
  if (params.customer === undefined) {
    throw invalidRequest('You must pass `customer` or `subscription` to preview an invoice.', { param: 'customer' });
  }
  const customer = work.require('customer', params.customer, 'customer');
  const details = params.subscription_details;
  if (details?.items === undefined) {
    throw invalidRequest('A preview without a subscription or items: the local Stripe does not do this yet.', {
      code: 'sandbox_unsupported',
      param: 'customer',
    });
  }
  const items = toSold(work, details.items);
  const of = { customer: customer.id, currency: items[0]?.price.currency ?? '', subscription: null };
  const start = {
    customer: customer.id,
    items,
    extras: [],
    members: taxesOf(work, NO_TAX, taxParams(params)),
    discounts: [],
    trialEnd: typeof details.trial_end === 'number' ? details.trial_end : null,
    missingPaymentMethod: 'create_invoice' as const,
    behavior: 'allow_incomplete' as const,
    offSession: false,
    authentication: null,
  };
  return previewStart(work, start, previewedDiscounts(work, params.discounts, [], of));
}

/** Shows what would be invoiced, and changes nothing. */
export const createPreview = operation({
  method: 'POST',
  route: '/v1/invoices/create_preview',
  params: object(FIELDS, [
    'customer_account',
    'customer_details',
    'invoice_items',
    'issuer',
    'on_behalf_of',
    'schedule',
    'schedule_details',
  ]),
  run: (work, params) =>
    params.subscription === undefined ? ofStart(work, params) : ofChange(work, params.subscription, params),
});
