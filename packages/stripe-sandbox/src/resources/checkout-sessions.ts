import { EXPIRE_SESSION_TASK, expireSession, planOfSession, type SessionPlan } from '../billing/checkout.ts';
import { shownDiscounts, withDiscounts } from '../billing/checkout-discounts.ts';
import { createSetupIntent } from '../billing/setup.ts';
import { invalidRequest } from '../http/api-error.ts';
import { randomText } from '../ids.ts';
import { embeddedList, type Json } from '../json.ts';
import type { CheckoutLine, CheckoutSession } from '../objects/checkout-session.ts';
import { metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATE, type CreateParams, checkLines, checkTogether, toLine } from './checkout-params.ts';
import { toRedeemables } from './discount-params.ts';
import { CREATED, createdWithin, listOperation, PAGE, pageOf } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, pathValue, type Resource } from './resource.ts';

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

/** Until the customer has said where they live, there is nothing to say of tax. */
function automaticTax(params: CreateParams): CheckoutSession['automatic_tax'] {
  if (params.automatic_tax?.enabled !== true) return { enabled: false, liability: null, provider: null, status: null };
  return { enabled: true, liability: { type: 'self' }, provider: 'stripe', status: 'requires_location_inputs' };
}

/** Tax needs to know where a customer lives, or leave to write down what they say. */
function requireLocation(work: Work, params: CreateParams): void {
  if (params.automatic_tax?.enabled !== true || params.customer === undefined) return;
  const { address, shipping } = params.customer_update ?? {};
  const known = work.require('customer', params.customer, 'customer').address?.country ?? null;
  if (known !== null || address === 'auto' || shipping === 'auto') return;
  throw invalidRequest(
    "Automatic tax calculation in Checkout requires a valid address on the Customer. Add one, or set `customer_update[address]` to 'auto'.",
    { code: 'customer_tax_location_invalid', param: 'automatic_tax' },
  );
}

type Priced = Pick<
  CheckoutSession,
  'amount_subtotal' | 'amount_total' | 'discounts' | 'payment_status' | 'setup_intent' | 'total_details'
>;

function newSession(
  work: Work,
  mode: CheckoutSession['mode'],
  params: CreateParams,
  currency: string | null,
  priced: Priced,
): CheckoutSession {
  const id = `cs_test_a1${randomText(56)}`;
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
    automatic_tax: automaticTax(params),
    billing_address_collection: params.billing_address_collection ?? null,
    cancel_url: params.cancel_url ?? null,
    client_reference_id: params.client_reference_id ?? null,
    client_secret: null,
    collected_information: null,
    consent: null,
    consent_collection: null,
    created: work.now,
    currency,
    currency_conversion: null,
    custom_fields: [],
    custom_text: { after_submit: null, shipping_address: null, submit: null, terms_of_service_acceptance: null },
    customer: params.customer ?? null,
    customer_account: null,
    customer_creation: !created
      ? null
      : mode === 'subscription'
        ? 'always'
        : (params.customer_creation ?? 'if_required'),
    customer_details: null,
    customer_email: params.customer_email ?? null,
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
    permissions: null,
    phone_number_collection: { enabled: false },
    recovered_from: null,
    saved_payment_method_options: saved,
    shipping_address_collection: null,
    shipping_cost: null,
    shipping_options: [],
    status: 'open',
    submit_type: params.submit_type ?? null,
    subscription: null,
    success_url: params.success_url ?? '',
    ui_mode: 'hosted_page',
    url: `${work.settings.publicUrl}/c/pay/${id}`,
    wallet_options: null,
    ...priced,
  };
}

function store(work: Work, session: CheckoutSession, plan: SessionPlan): CheckoutSession {
  work.tasks.schedule(EXPIRE_SESSION_TASK, session.id, session.expires_at);
  return work.insert(session, null, plan);
}

/** Nothing is sold: there is an intent that waits for a card, and no amount. */
function createSetup(work: Work, params: CreateParams): CheckoutSession {
  const intent = createSetupIntent(work, {
    customer: params.customer ?? null,
    description: params.setup_intent_data?.description ?? null,
    metadata: mergeMetadata({}, params.setup_intent_data?.metadata),
  });
  const session = newSession(work, 'setup', params, params.currency ?? null, {
    amount_subtotal: null,
    amount_total: null,
    discounts: null,
    payment_status: 'no_payment_required',
    setup_intent: intent.id,
    total_details: null,
  });
  return store(work, session, planFor(params, []));
}

const create = operation({
  method: 'POST',
  route: '/v1/checkout/sessions',
  params: CREATE,
  run(work, params) {
    const mode = checkTogether(work, params);
    if (params.customer !== undefined) work.require('customer', params.customer, 'customer');
    requireLocation(work, params);
    if (mode === 'setup') return createSetup(work, params);
    const subscription = params.subscription_data;
    const trial = subscription?.trial_period_days !== undefined || subscription?.trial_end !== undefined;
    const full = (params.line_items ?? []).map((line, index) => toLine(work, line, `line_items[${index}]`, trial));
    checkLines(mode, full);
    const currency = full[0]?.currency ?? 'usd';
    const subtotal = full.reduce((sum, line) => sum + line.amount_subtotal, 0);
    const purchase = { customer: params.customer ?? null, currency, subtotal };
    const redeemables = toRedeemables(work, params.discounts, purchase);
    const { lines, sums } = withDiscounts(work, full, redeemables);
    const nothing = mode === 'payment' ? [] : null;
    const discounts = redeemables.length === 0 ? nothing : shownDiscounts(redeemables);
    const status = sums.amount_total === 0 ? ('no_payment_required' as const) : ('unpaid' as const);
    const priced = { ...sums, discounts, payment_status: status, setup_intent: null };
    return store(work, newSession(work, mode, params, currency, priced), planFor(params, lines));
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
    'discounts.coupon': 'coupon',
    'discounts.promotion_code': 'promotion_code',
    invoice: 'invoice',
    line_items: (work, session) => {
      const { lines } = planOfSession(work, work.get('checkout.session', String(session.id)));
      return embeddedList(`/v1/checkout/sessions/${session.id}/line_items`, lines);
    },
    payment_intent: 'payment_intent',
    setup_intent: 'setup_intent',
    subscription: 'subscription',
  },
};
