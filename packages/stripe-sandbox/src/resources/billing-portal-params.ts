import { NO_FEATURES } from '../billing/portal.ts';
import { invalidRequest } from '../http/api-error.ts';
import { CANCELLATION_OPTIONS, type PortalFeatures, type PortalProduct } from '../objects/portal.ts';
import { given } from '../parameters/given.ts';
import {
  array,
  boolean,
  emptyable,
  type Infer,
  object,
  oneOf,
  required,
  type Schema,
  string,
} from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { only } from './parameters.ts';

/** What a configuration of the portal allows, as callers say it. */

/** Of Stripe's values some are carried out; the others are refused by name. */
function carriedOut<const V extends string>(values: readonly V[], others: readonly string[]): Schema<V> {
  return {
    decode(raw, path) {
      const value = oneOf([...values, ...others]).decode(raw, path);
      const known = values.find((one) => one === value);
      if (known !== undefined) return known;
      throw invalidRequest(`Unsupported value for ${path}: the local Stripe does not do '${value}' yet.`, {
        code: 'sandbox_unsupported',
        param: path,
      });
    },
  };
}

const PRORATION = oneOf(['always_invoice', 'create_prorations', 'none']);

const PRODUCT_FIELDS = {
  adjustable_quantity: object({ enabled: required(only(boolean(), false)) }, ['maximum', 'minimum']),
  prices: required(array(string())),
  product: required(string()),
};

const FEATURE_FIELDS = {
  customer_update: object({
    allowed_updates: emptyable(array(carriedOut(['email', 'name', 'phone'], ['address', 'shipping', 'tax_id']))),
    enabled: boolean(),
  }),
  invoice_history: object({ enabled: boolean() }),
  payment_method_update: object({ enabled: boolean() }, ['payment_method_configuration']),
  subscription_cancel: object({
    cancellation_reason: object({ enabled: boolean(), options: emptyable(array(oneOf(CANCELLATION_OPTIONS))) }, [
      'feedback_options',
    ]),
    enabled: boolean(),
    mode: oneOf(['at_period_end', 'immediately']),
    proration_behavior: PRORATION,
  }),
  subscription_pause: object({ enabled: only(boolean(), false) }, ['duration']),
  subscription_update: object(
    {
      billing_cycle_anchor: oneOf(['now', 'unchanged']),
      default_allowed_updates: emptyable(array(carriedOut(['price'], ['promotion_code', 'quantity']))),
      enabled: boolean(),
      products: emptyable(array(object(PRODUCT_FIELDS), { max: 10 })),
      proration_behavior: PRORATION,
      trial_update_behavior: oneOf(['continue_trial', 'end_trial']),
    },
    ['schedule_at_period_end'],
  ),
};

export const FEATURES = object(FEATURE_FIELDS);

type FeatureParams = Infer<typeof FEATURE_FIELDS>;

/** A configuration that is new says of every feature it names whether it is there. */
export function requireEnabled(params: FeatureParams): void {
  for (const [name, feature] of Object.entries(params)) {
    if (name === 'subscription_pause' || feature.enabled !== undefined) continue;
    const param = `features[${name}][enabled]`;
    throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  }
}

function orEmpty<T>(values: T[] | '' | undefined): T[] | undefined {
  return values === '' ? [] : values;
}

export function featuresOf(current: PortalFeatures, params: FeatureParams | undefined): PortalFeatures {
  const { customer_update: customer, subscription_cancel: cancel, subscription_update: update } = params ?? {};
  const reason = cancel?.cancellation_reason;
  return {
    ...NO_FEATURES,
    customer_update: {
      ...current.customer_update,
      ...given({ enabled: customer?.enabled, allowed_updates: orEmpty(customer?.allowed_updates) }),
    },
    invoice_history: { ...current.invoice_history, ...given({ enabled: params?.invoice_history?.enabled }) },
    payment_method_update: {
      ...current.payment_method_update,
      ...given({ enabled: params?.payment_method_update?.enabled }),
    },
    subscription_cancel: {
      ...current.subscription_cancel,
      ...given({ enabled: cancel?.enabled, mode: cancel?.mode, proration_behavior: cancel?.proration_behavior }),
      cancellation_reason: {
        ...current.subscription_cancel.cancellation_reason,
        ...given({ enabled: reason?.enabled, options: orEmpty(reason?.options) }),
      },
    },
    subscription_update: {
      ...current.subscription_update,
      ...given({
        billing_cycle_anchor: update?.billing_cycle_anchor,
        default_allowed_updates: orEmpty(update?.default_allowed_updates),
        enabled: update?.enabled,
        proration_behavior: update?.proration_behavior,
        trial_update_behavior: update?.trial_update_behavior,
      }),
    },
  };
}

/** The products as given, each price one of its product's; undefined when none are given. */
export function productsOf(work: Work, params: FeatureParams | undefined): PortalProduct[] | undefined {
  const wanted = orEmpty(params?.subscription_update?.products);
  return wanted?.map(({ product, prices }, index) => {
    const path = `features[subscription_update][products][${index}]`;
    work.require('product', product, `${path}[product]`);
    for (const [place, id] of prices.entries()) {
      const param = `${path}[prices][${place}]`;
      const price = work.require('price', id, param);
      if (price.product !== product || price.recurring === null) {
        throw invalidRequest(`The price ${id} must be a recurring price of the product ${product}.`, { param });
      }
    }
    return { adjustable_quantity: { enabled: false, maximum: null, minimum: 1 }, prices, product };
  });
}

/** Changes of plan need something to change to. */
export function requireProducts(features: PortalFeatures, products: readonly PortalProduct[]): void {
  const { enabled, default_allowed_updates: updates } = features.subscription_update;
  if (!enabled) return;
  const missing = updates.length === 0 ? 'default_allowed_updates' : products.length === 0 ? 'products' : null;
  if (missing === null) return;
  const param = `features[subscription_update][${missing}]`;
  throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
}
