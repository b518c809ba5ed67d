import type { Sold } from '../billing/subscription-start.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { CancellationDetails, Subscription } from '../objects/subscription.ts';
import { unset } from '../parameters/given.ts';
import {
  array,
  boolean,
  either,
  emptyable,
  type Infer,
  integer,
  metadata,
  object,
  oneOf,
  required,
  string,
  timestamp,
} from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { DISCOUNTS } from './discount-params.ts';
import { mergeMetadata } from './metadata.ts';
import { AUTOMATIC_TAX, currency, only } from './parameters.ts';
import {
  CHANGED_ITEMS,
  ITEM_FIELDS,
  ITEM_UNSUPPORTED,
  PAYMENT_BEHAVIOR,
  PRORATION_BEHAVIOR,
  priceOf,
  quantityFor,
  UPDATE_PAYMENT_BEHAVIOR,
} from './subscription-item-params.ts';
import { TAX_RATES, toTaxRates } from './tax-rates.ts';

/** Parameters of the subscription calls, and how they become members of a subscription. */

const FEEDBACK = oneOf([
  'customer_service',
  'low_quality',
  'missing_features',
  'other',
  'switched_service',
  'too_complex',
  'too_expensive',
  'unused',
]);

export const CANCELLATION_DETAILS = object(
  { comment: emptyable(string({ maxLength: 500 })), feedback: emptyable(FEEDBACK) },
  ['feedback_option'],
);

const TRIAL_END = either(timestamp(), oneOf(['now']));

const SHARED = {
  automatic_tax: AUTOMATIC_TAX,
  cancel_at_period_end: boolean(),
  collection_method: oneOf(['charge_automatically', 'send_invoice']),
  days_until_due: integer({ min: 1, max: 730 }),
  default_payment_method: emptyable(string()),
  default_tax_rates: TAX_RATES,
  description: emptyable(string({ maxLength: 500 })),
  discounts: DISCOUNTS,
  metadata: metadata(),
  off_session: boolean(),
  payment_settings: object(
    {
      payment_method_types: emptyable(array(only(string(), 'card'))),
      save_default_payment_method: oneOf(['off', 'on_subscription']),
    },
    ['payment_method_options'],
  ),
  trial_end: TRIAL_END,
  trial_settings: object({
    end_behavior: required(
      object({ missing_payment_method: required(oneOf(['cancel', 'create_invoice', 'pause'])) }, [
        'billing_cycle_anchor',
      ]),
    ),
  }),
};

const UNSUPPORTED = [
  'add_invoice_items',
  'application_fee_percent',
  'billing_schedules',
  'billing_thresholds',
  'default_source',
  'invoice_settings',
  'on_behalf_of',
  'pending_invoice_item_interval',
  'transfer_data',
];

export const CANCEL_AT_WORDS = oneOf(['max_period_end', 'min_period_end']);

const CREATE_FIELDS = {
  ...SHARED,
  billing_cycle_anchor: timestamp(),
  billing_mode: object({
    type: required(oneOf(['classic', 'flexible'])),
    flexible: object({ proration_discounts: only(oneOf(['included', 'itemized']), 'included') }),
  }),
  cancel_at: either(timestamp(), CANCEL_AT_WORDS),
  currency: currency(),
  customer: required(string()),
  items: required(array(object(ITEM_FIELDS, ITEM_UNSUPPORTED), { max: 20 })),
  payment_behavior: PAYMENT_BEHAVIOR,
  proration_behavior: PRORATION_BEHAVIOR,
  trial_from_plan: boolean(),
  trial_period_days: integer({ min: 0, max: 730 }),
};

export const CREATE = object(CREATE_FIELDS, [
  ...UNSUPPORTED,
  'backdate_start_date',
  'billing_cycle_anchor_config',
  'customer_account',
]);
export type CreateParams = Infer<typeof CREATE_FIELDS>;

const UPDATE_FIELDS = {
  ...SHARED,
  cancel_at: emptyable(either(timestamp(), CANCEL_AT_WORDS)),
  billing_cycle_anchor: object({ type: required(oneOf(['now', 'unchanged'])) }),
  cancellation_details: CANCELLATION_DETAILS,
  items: CHANGED_ITEMS,
  pause_collection: emptyable(
    object({ behavior: required(oneOf(['keep_as_draft', 'mark_uncollectible', 'void'])), resumes_at: timestamp() }),
  ),
  payment_behavior: UPDATE_PAYMENT_BEHAVIOR,
  proration_behavior: PRORATION_BEHAVIOR,
  proration_date: timestamp(),
};

export const UPDATE = object(UPDATE_FIELDS, [...UNSUPPORTED, 'trial_from_plan']);
export type UpdateParams = Infer<typeof UPDATE_FIELDS>;

/** The prices and quantities a new subscription is of. */
export function toSold(work: Work, items: CreateParams['items']): Sold[] {
  return items.map((item, index) => {
    const price = priceOf(work, item, `items[${index}]`);
    const path = `items[${index}]`;
    if (price !== undefined) {
      const quantity = quantityFor(price, item.quantity, path);
      return { price, quantity, metadata: mergeMetadata({}, item.metadata) };
    }
    throw invalidRequest(`You must specify exactly one of these parameters: ${path}[price], ${path}[price_data].`, {
      param: `${path}[price]`,
    });
  });
}

/** A subscription's default payment method must be one of its customer's own. */
export function ownPaymentMethod(work: Work, id: string, customer: string): string {
  const paymentMethod = work.require('payment_method', id, 'default_payment_method');
  if (paymentMethod.customer === customer) return id;
  throw invalidRequest(
    `The customer does not have a payment method with the ID ${id}. The payment method must be attached to the customer.`,
    { code: 'resource_missing', param: 'default_payment_method' },
  );
}

/** When and how a subscription is to end, from the two parameters that say so. */
export function cancellationOf(
  subscription: Pick<Subscription, 'cancellation_details' | 'canceled_at'>,
  params: { cancel_at?: CreateParams['cancel_at'] | ''; cancel_at_period_end?: boolean },
  period: { end: number },
  now: number,
): Partial<Subscription> {
  const { cancel_at: at, cancel_at_period_end: atPeriodEnd } = params;
  if (at !== undefined && at !== '' && atPeriodEnd === true) {
    throw invalidRequest('You may only specify one of these parameters: cancel_at, cancel_at_period_end.', {
      code: 'parameters_exclusive',
      param: 'cancel_at',
    });
  }
  const { cancellation_details: details } = subscription;
  if (atPeriodEnd === true || (at !== undefined && at !== '')) {
    const when = typeof at === 'number' ? at : period.end;
    if (when <= now) throw invalidRequest('`cancel_at` must be in the future.', { param: 'cancel_at' });
    return {
      cancel_at: when,
      cancel_at_period_end: atPeriodEnd === true,
      canceled_at: now,
      cancellation_details: { ...details, reason: 'cancellation_requested' },
    };
  }
  if (atPeriodEnd === undefined && at === undefined) return {};
  return {
    cancel_at: null,
    cancel_at_period_end: false,
    canceled_at: null,
    cancellation_details: { ...details, reason: null },
  };
}

export function mergedDetails(
  current: CancellationDetails,
  params: ReturnType<typeof CANCELLATION_DETAILS.decode> | undefined,
): CancellationDetails {
  if (params === undefined) return current;
  const comment = unset(params.comment);
  const feedback = unset(params.feedback);
  return {
    ...current,
    ...(comment === undefined ? {} : { comment }),
    ...(feedback === undefined ? {} : { feedback }),
  };
}

export function paymentSettings(
  current: Subscription['payment_settings'],
  params: CreateParams['payment_settings'],
): Subscription['payment_settings'] {
  if (params === undefined) return current;
  const types = params.payment_method_types;
  return {
    ...current,
    ...(types === undefined ? {} : { payment_method_types: types === '' || types.length === 0 ? null : ['card'] }),
    ...(params.save_default_payment_method === undefined
      ? {}
      : { save_default_payment_method: params.save_default_payment_method }),
  };
}

/** Which taxes are counted, by Stripe or by hand: not both. */
export function taxesOf(
  work: Work,
  current: Pick<Subscription, 'automatic_tax' | 'default_tax_rates'>,
  params: Pick<CreateParams, 'automatic_tax' | 'default_tax_rates'>,
): Pick<Subscription, 'automatic_tax' | 'default_tax_rates'> {
  const { automatic_tax: automatic, default_tax_rates: ids } = params;
  const rates = ids === undefined ? current.default_tax_rates : toTaxRates(work, ids, 'default_tax_rates');
  const enabled = automatic?.enabled ?? current.automatic_tax.enabled;
  if (enabled && rates.length > 0) {
    throw invalidRequest('`default_tax_rates` cannot be set while automatic tax is enabled.', {
      param: ids === undefined ? 'automatic_tax' : 'default_tax_rates',
    });
  }
  const liability = enabled ? { type: 'self' as const } : null;
  return { automatic_tax: { disabled_reason: null, enabled, liability }, default_tax_rates: rates };
}

/** How collection is paused, or that it is not. */
export function pauseOf(
  params: Pick<UpdateParams, 'pause_collection'>,
  now: number,
): Pick<Subscription, 'pause_collection'> | Record<string, never> {
  const pause = params.pause_collection;
  if (pause === undefined) return {};
  if (pause === '') return { pause_collection: null };
  const { behavior, resumes_at: until = null } = pause;
  if (until !== null && until <= now) {
    throw invalidRequest('`resumes_at` must be in the future.', { param: 'pause_collection[resumes_at]' });
  }
  return { pause_collection: { behavior, resumes_at: until } };
}

/** `collection_method` and `days_until_due` only go together one way. */
export function collectionOf(
  current: Pick<Subscription, 'collection_method' | 'days_until_due'>,
  params: { collection_method?: Subscription['collection_method']; days_until_due?: number },
): Pick<Subscription, 'collection_method' | 'days_until_due'> {
  const method = params.collection_method ?? current.collection_method;
  const days = params.days_until_due ?? (method === 'send_invoice' ? current.days_until_due : null);
  if (method === 'send_invoice' && days === null) {
    throw invalidRequest('You must specify `days_until_due` when the collection method is `send_invoice`.', {
      param: 'days_until_due',
    });
  }
  if (method === 'charge_automatically' && days !== null) {
    throw invalidRequest('`days_until_due` can only be set when the collection method is `send_invoice`.', {
      param: 'days_until_due',
    });
  }
  return { collection_method: method, days_until_due: days };
}
