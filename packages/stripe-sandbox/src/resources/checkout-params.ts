import { cadenceOf } from '../billing/subscription-start.ts';
import { amountFor } from '../billing/tiers.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { CheckoutLine, CheckoutSession } from '../objects/checkout-session.ts';
import type { Price } from '../objects/price.ts';
import {
  array,
  boolean,
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
import { mergeMetadata } from './metadata.ts';
import { ALLOWED_TYPES, AUTOMATIC_TAX, currency, only, switchedOff, webUrl } from './parameters.ts';
import { inlinePrice, PRICE_DATA } from './price-data.ts';

/** Parameters of creating a Checkout Session, what must hold between them, and the lines they make. */

const CREATE_FIELDS = {
  mode: required(oneOf(['payment', 'setup', 'subscription'])),
  adaptive_pricing: object({ enabled: only(boolean(), false) }),
  allow_promotion_codes: boolean(),
  allowed_payment_method_types: ALLOWED_TYPES,
  automatic_tax: AUTOMATIC_TAX,
  billing_address_collection: oneOf(['auto', 'required']),
  cancel_url: webUrl(),
  client_reference_id: string({ maxLength: 200 }),
  currency: currency(),
  customer: string(),
  customer_creation: oneOf(['always', 'if_required']),
  customer_email: string({ maxLength: 800 }),
  customer_update: object({
    address: oneOf(['auto', 'never']),
    name: oneOf(['auto', 'never']),
    shipping: oneOf(['auto', 'never']),
  }),
  discounts: array(object({ coupon: string(), promotion_code: string() }), { max: 1 }),
  expires_at: timestamp(),
  integration_identifier: string(),
  invoice_creation: switchedOff('invoice_data'),
  line_items: array(
    object({ price: string(), price_data: PRICE_DATA, quantity: integer({ min: 1 }), metadata: metadata() }, [
      'adjustable_quantity',
      'tax_rates',
    ]),
    { max: 100 },
  ),
  locale: string(),
  metadata: metadata(),
  payment_intent_data: object(
    {
      description: string(),
      metadata: metadata(),
      receipt_email: string(),
      setup_future_usage: oneOf(['off_session', 'on_session']),
      statement_descriptor: string({ maxLength: 22 }),
      statement_descriptor_suffix: string({ maxLength: 22 }),
    },
    ['application_fee_amount', 'capture_method', 'on_behalf_of', 'shipping', 'transfer_data', 'transfer_group'],
  ),
  payment_method_collection: oneOf(['always', 'if_required']),
  phone_number_collection: switchedOff(),
  setup_intent_data: object({ description: string({ maxLength: 1000 }), metadata: metadata() }, ['on_behalf_of']),
  submit_type: oneOf(['auto', 'book', 'donate', 'pay', 'subscribe']),
  subscription_data: object(
    {
      billing_mode: object({ type: required(only(oneOf(['classic', 'flexible']), 'flexible')) }, ['flexible']),
      description: string({ maxLength: 500 }),
      metadata: metadata(),
      trial_end: timestamp(),
      trial_period_days: integer({ min: 1, max: 730 }),
      trial_settings: object({
        end_behavior: required(
          object({ missing_payment_method: required(oneOf(['cancel', 'create_invoice', 'pause'])) }),
        ),
      }),
    },
    [
      'application_fee_percent',
      'billing_cycle_anchor',
      'billing_cycle_anchor_config',
      'default_tax_rates',
      'invoice_settings',
      'on_behalf_of',
      'pending_invoice_item_interval',
      'proration_behavior',
      'transfer_data',
    ],
  ),
  success_url: webUrl(),
  ui_mode: only(oneOf(['elements', 'embedded_page', 'form', 'hosted_page']), 'hosted_page'),
};

export const CREATE = object(CREATE_FIELDS, [
  'after_expiration',
  'branding_settings',
  'consent_collection',
  'custom_fields',
  'custom_text',
  'customer_account',
  'excluded_payment_method_types',
  'managed_payments',
  'name_collection',
  'optional_items',
  'origin_context',
  'payment_method_configuration',
  'payment_method_data',
  'payment_method_options',
  'permissions',
  'redirect_on_completion',
  'return_url',
  'saved_payment_method_options',
  'shipping_address_collection',
  'shipping_options',
  'tax_id_collection',
  'wallet_options',
]);

export type CreateParams = Infer<typeof CREATE_FIELDS>;

function missing(param: string): Error {
  return invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
}

function misplaced(param: string, mode: string): Error {
  return invalidRequest(`You can not pass \`${param}\` in \`${mode}\` mode.`, { param });
}

const OF_A_SALE = [
  'allow_promotion_codes',
  'automatic_tax',
  'discounts',
  'invoice_creation',
  'line_items',
  'payment_intent_data',
  'payment_method_collection',
  'submit_type',
  'subscription_data',
] as const;

/** Where a card is saved nothing is sold, and which kinds of cards there can be depends on the currency. */
function checkSetup(params: CreateParams): void {
  const of = OF_A_SALE.find((name) => params[name] !== undefined);
  if (of !== undefined) throw misplaced(of, 'setup');
  if (params.currency === undefined && params.allowed_payment_method_types === undefined) throw missing('currency');
}

/** What depends on other parameters than itself. */
export function checkTogether(work: Work, params: CreateParams): CheckoutSession['mode'] {
  const { mode } = params;
  if (params.success_url === undefined) throw missing('success_url');
  if (mode === 'setup') checkSetup(params);
  else if (params.line_items === undefined || params.line_items.length === 0) throw missing('line_items');
  if (mode !== 'setup' && params.setup_intent_data !== undefined) throw misplaced('setup_intent_data', mode);
  if (params.customer !== undefined && params.customer_email !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: customer, customer_email.', {
      code: 'parameters_exclusive',
      param: 'customer',
    });
  }
  if (mode === 'payment' && params.subscription_data !== undefined) throw misplaced('subscription_data', mode);
  if (mode === 'subscription' && params.payment_intent_data !== undefined) throw misplaced('payment_intent_data', mode);
  if (mode === 'subscription' && params.customer_creation !== undefined) throw misplaced('customer_creation', mode);
  if (mode === 'subscription' && params.submit_type !== undefined && params.submit_type !== 'subscribe') {
    throw misplaced('submit_type', mode);
  }
  if (params.discounts !== undefined && params.allow_promotion_codes !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: allow_promotion_codes, discounts.', {
      code: 'parameters_exclusive',
      param: 'discounts',
    });
  }
  const { expires_at: expires } = params;
  if (expires !== undefined && (expires < work.now + 1800 || expires > work.now + 86_400)) {
    throw invalidRequest('The `expires_at` timestamp must be between 30 minutes and 24 hours from now.', {
      param: 'expires_at',
    });
  }
  return mode;
}

type LineParams = NonNullable<CreateParams['line_items']>[number];

function priceOf(work: Work, line: LineParams, path: string): Price {
  if (line.price !== undefined && line.price_data === undefined) {
    const price = work.require('price', line.price, `${path}[price]`);
    if (price.active && work.find('product', price.product)?.active === true) return price;
    throw invalidRequest(`The price specified is inactive. This field only accepts active prices.`, {
      param: `${path}[price]`,
    });
  }
  if (line.price === undefined && line.price_data !== undefined) {
    return inlinePrice(work, line.price_data, `${path}[price_data]`);
  }
  throw invalidRequest(`You must specify exactly one of these parameters: ${path}[price], ${path}[price_data].`, {
    param: `${path}[price]`,
  });
}

/** How much is sold: null of a metered price, of which nobody knows yet. */
function checkoutQuantity(price: Price, quantity: number | undefined, param: string): number | null {
  if (price.recurring?.usage_type !== 'metered') {
    if (quantity === undefined) throw missing(param);
    return quantity;
  }
  if (quantity === undefined) return null;
  throw invalidRequest('You cannot set the quantity for metered prices: leave `quantity` out.', { param });
}

/** The line of one thing that is sold; recurring prices cost nothing while a trial runs. */
export function toLine(work: Work, line: LineParams, path: string, trial: boolean): CheckoutLine {
  const price = priceOf(work, line, path);
  const quantity = checkoutQuantity(price, line.quantity, `${path}[quantity]`);
  const amount = trial && price.recurring !== null ? 0 : quantity === null ? 0 : amountFor(work, price, quantity);
  return {
    id: newId('li_'),
    object: 'item',
    adjustable_quantity: null,
    amount_discount: 0,
    amount_subtotal: amount,
    amount_tax: 0,
    amount_total: amount,
    currency: price.currency,
    description: work.get('product', price.product).name,
    metadata: mergeMetadata({}, line.metadata),
    price,
    quantity,
  };
}

/** What must hold of the lines together. */
export function checkLines(mode: CheckoutSession['mode'], lines: readonly CheckoutLine[]): void {
  const recurring = lines.filter((line) => line.price.recurring !== null);
  if (mode === 'payment' && recurring.length > 0) {
    throw invalidRequest(
      'You specified `payment` mode but passed a recurring price. Either switch to `subscription` mode or use only one-time prices.',
      { param: 'line_items' },
    );
  }
  if (mode === 'subscription' && recurring.length === 0) {
    throw invalidRequest('You must provide at least one recurring price in `subscription` mode when using prices.', {
      param: 'line_items',
    });
  }
  if (mode === 'subscription') cadenceOf(recurring.map((line) => line.price));
  if (new Set(lines.map((line) => line.currency)).size > 1) {
    throw invalidRequest('All line items of a Checkout Session must have the same currency.', { param: 'line_items' });
  }
}
