import { lineAmount } from '../billing/amounts.ts';
import { EXPIRE_SESSION_TASK, expireSession, planOfSession, type SessionPlan } from '../billing/checkout.ts';
import { cadenceOf } from '../billing/subscriptions.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId, randomText } from '../ids.ts';
import { embeddedList, type Json } from '../json.ts';
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
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation, PAGE, pageOf } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { ALLOWED_TYPES, currency, only, switchedOff, webUrl } from './parameters.ts';
import { inlinePrice, PRICE_DATA } from './prices.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const CREATE_FIELDS = {
  mode: required(oneOf(['payment', 'setup', 'subscription'])),
  adaptive_pricing: object({ enabled: only(boolean(), false) }),
  allow_promotion_codes: boolean(),
  allowed_payment_method_types: ALLOWED_TYPES,
  automatic_tax: switchedOff('liability'),
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

const CREATE = object(CREATE_FIELDS, [
  'after_expiration',
  'branding_settings',
  'consent_collection',
  'custom_fields',
  'custom_text',
  'customer_account',
  'discounts',
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
  'setup_intent_data',
  'shipping_address_collection',
  'shipping_options',
  'tax_id_collection',
  'wallet_options',
]);

type CreateParams = Infer<typeof CREATE_FIELDS>;

function missing(param: string): Error {
  return invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
}

function misplaced(param: string, mode: string): Error {
  return invalidRequest(`You can not pass \`${param}\` in \`${mode}\` mode.`, { param });
}

/** What depends on other parameters than itself. */
function checkTogether(work: Work, params: CreateParams): 'payment' | 'subscription' {
  const { mode } = params;
  if (mode === 'setup') {
    throw invalidRequest('Unsupported value for mode: the local Stripe does not do setup mode yet.', {
      code: 'sandbox_unsupported',
      param: 'mode',
    });
  }
  if (params.success_url === undefined) throw missing('success_url');
  if (params.line_items === undefined || params.line_items.length === 0) throw missing('line_items');
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

function toLine(work: Work, line: LineParams, path: string, trial: boolean): CheckoutLine {
  const price = priceOf(work, line, path);
  if (line.quantity === undefined) throw missing(`${path}[quantity]`);
  const amount = trial && price.recurring !== null ? 0 : lineAmount(price.unit_amount_decimal, line.quantity);
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
    quantity: line.quantity,
  };
}

function checkLines(mode: 'payment' | 'subscription', lines: readonly CheckoutLine[]): void {
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

function planFor(params: CreateParams, lines: CheckoutLine[]): SessionPlan {
  const subscription = params.subscription_data;
  const intent = params.payment_intent_data;
  return {
    lines,
    subscription: {
      metadata: mergeMetadata({}, subscription?.metadata),
      description: subscription?.description ?? null,
      trialPeriodDays: subscription?.trial_period_days ?? null,
      trialEnd: subscription?.trial_end ?? null,
      missingPaymentMethod: subscription?.trial_settings?.end_behavior.missing_payment_method ?? 'create_invoice',
    },
    paymentIntent: {
      metadata: mergeMetadata({}, intent?.metadata),
      description: intent?.description ?? null,
      receiptEmail: intent?.receipt_email ?? null,
      setupFutureUsage: intent?.setup_future_usage ?? null,
      statementDescriptor: intent?.statement_descriptor ?? null,
      statementDescriptorSuffix: intent?.statement_descriptor_suffix ?? null,
    },
  };
}

const NO_INVOICE: CheckoutSession['invoice_creation'] = {
  enabled: false,
  invoice_data: {
    account_tax_ids: null,
    custom_fields: null,
    description: null,
    footer: null,
    issuer: null,
    metadata: {},
    rendering_options: null,
  },
};

function newSession(
  work: Work,
  mode: 'payment' | 'subscription',
  params: CreateParams,
  lines: readonly CheckoutLine[],
): CheckoutSession {
  const id = `cs_test_a1${randomText(56)}`;
  const total = lines.reduce((sum, line) => sum + line.amount_total, 0);
  const payment = mode === 'payment';
  const created = params.customer === undefined;
  const saved: Json = created
    ? null
    : { allow_redisplay_filters: ['always'], payment_method_remove: 'disabled', payment_method_save: null };
  return {
    id,
    object: 'checkout.session',
    adaptive_pricing: { enabled: false },
    after_expiration: null,
    allow_promotion_codes: params.allow_promotion_codes ?? null,
    allowed_payment_method_types: params.allowed_payment_method_types ?? null,
    amount_subtotal: lines.reduce((sum, line) => sum + line.amount_subtotal, 0),
    amount_total: total,
    automatic_tax: { enabled: false, liability: null, provider: null, status: null },
    billing_address_collection: params.billing_address_collection ?? null,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: work.now,
    currency: lines[0]?.currency ?? 'usd',
    currency_conversion: null,
    custom_fields: [],
    custom_text: { after_submit: null, shipping_address: null, submit: null, terms_of_service_acceptance: null },
    customer: params.customer ?? null,
    customer_account: null,
    customer_creation: !created ? null : payment ? (params.customer_creation ?? 'if_required') : 'always',
    customer_details: null,
    customer_email: params.customer_email ?? null,
    discounts: payment ? [] : null,
    expires_at: params.expires_at ?? work.now + 86_400,
    integration_identifier: params.integration_identifier ?? null,
    invoice: null,
    invoice_creation: payment ? NO_INVOICE : null,
    livemode: false,
    locale: params.locale ?? null,
    managed_payments: { enabled: false },
    metadata: mergeMetadata({}, params.metadata),
    mode,
    origin_context: null,
    payment_intent: null,
    payment_link: null,
    payment_method_collection: payment ? 'if_required' : (params.payment_method_collection ?? 'always'),
    payment_method_configuration_details: null,
    payment_method_options: { card: { request_three_d_secure: 'automatic' } },
    payment_method_types: ['card'],
    payment_status: total === 0 ? 'no_payment_required' : 'unpaid',
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: saved,
    setup_intent: null,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: params.submit_type ?? null,
    subscription: null,
    success_url: params.success_url ?? '',
    total_details: { amount_discount: 0, amount_shipping: 0, amount_tax: 0 },
    ui_mode: 'hosted_page',
    url: `${work.settings.publicUrl}/c/pay/${id}`,
    wallet_options: null,
  };
}

const create = operation({
  method: 'POST',
  route: '/v1/checkout/sessions',
  params: CREATE,
  run(work, params) {
    const mode = checkTogether(work, params);
    if (params.customer !== undefined) work.require('customer', params.customer, 'customer');
    const subscription = params.subscription_data;
    const trial = subscription?.trial_period_days !== undefined || subscription?.trial_end !== undefined;
    const lines = (params.line_items ?? []).map((line, index) => toLine(work, line, `line_items[${index}]`, trial));
    checkLines(mode, lines);
    const session = newSession(work, mode, params, lines);
    work.tasks.schedule(EXPIRE_SESSION_TASK, session.id, session.expires_at);
    return work.insert(session, null, planFor(params, lines));
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/checkout/sessions/{session}',
  params: object({}),
  run: (work, _params, path) => work.require('checkout.session', pathValue(path, 'session'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/checkout/sessions/{session}',
  params: object({ metadata: metadata() }, [
    'collected_information',
    'line_items',
    'payment_intent_data',
    'shipping_options',
  ]),
  run(work, params, path) {
    const session = work.require('checkout.session', pathValue(path, 'session'), 'id');
    return work.update(session, { metadata: mergeMetadata(session.metadata, params.metadata) }, null);
  },
});

const list = listOperation({
  object: 'checkout.session',
  route: '/v1/checkout/sessions',
  filters: {
    ...CREATED,
    customer: string(),
    customer_details: object({ email: required(string()) }),
    payment_intent: string(),
    status: oneOf(['complete', 'expired', 'open']),
    subscription: string(),
  },
  unsupported: ['customer_account', 'payment_link'],
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.customer', params.customer),
    ...filter('$.customer_details.email', params.customer_details?.email),
    ...filter('$.payment_intent', params.payment_intent),
    ...filter('$.status', params.status),
    ...filter('$.subscription', params.subscription),
  ],
});

const expire = operation({
  method: 'POST',
  route: '/v1/checkout/sessions/{session}/expire',
  params: object({}),
  run: (work, _params, path) => expireSession(work, work.require('checkout.session', pathValue(path, 'session'), 'id')),
});

const lineItems = operation({
  method: 'GET',
  route: '/v1/checkout/sessions/{session}/line_items',
  params: object(PAGE),
  run(work, params, path) {
    const session = work.require('checkout.session', pathValue(path, 'session'), 'id');
    return pageOf(`/v1/checkout/sessions/${session.id}/line_items`, planOfSession(work, session).lines, params);
  },
});

export const checkoutSessions: Resource = {
  object: 'checkout.session',
  operations: [create, retrieve, update, list, expire, lineItems],
  expandable: {
    customer: 'customer',
    invoice: 'invoice',
    line_items: (work, session) => {
      const { lines } = planOfSession(work, work.get('checkout.session', String(session.id)));
      return embeddedList(`/v1/checkout/sessions/${session.id}/line_items`, lines);
    },
    payment_intent: 'payment_intent',
    subscription: 'subscription',
  },
};
