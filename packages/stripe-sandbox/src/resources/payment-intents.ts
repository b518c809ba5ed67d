import { confirmByCustomer } from '../billing/collection.ts';
import { invoiceOfIntent } from '../billing/invoices.ts';
import { attachPaymentMethod, cardError, resolvePaymentMethod } from '../billing/payment-methods.ts';
import type { PaymentOutcome } from '../billing/payments.ts';
import { createPaymentIntent } from '../billing/payments.ts';
import { ApiError, invalidRequest } from '../http/api-error.ts';
import type { PaymentIntent } from '../objects/payment-intent.ts';
import { given, unset } from '../parameters/given.ts';
import { boolean, emptyable, integer, metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { ALLOWED_TYPES, currency, only, PAYMENT_SHIPPING, toPaymentShipping, webUrl } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const SETUP_FUTURE_USAGE = oneOf(['off_session', 'on_session']);

const DESCRIBING = {
  description: string({ maxLength: 1000 }),
  metadata: metadata(),
  receipt_email: emptyable(string()),
  setup_future_usage: emptyable(SETUP_FUTURE_USAGE),
  shipping: emptyable(PAYMENT_SHIPPING),
  statement_descriptor: string({ maxLength: 22 }),
  statement_descriptor_suffix: string({ maxLength: 22 }),
};

const UNSUPPORTED = [
  'amount_details',
  'excluded_payment_method_types',
  'hooks',
  'payment_details',
  'payment_method_data',
  'payment_method_options',
];

/** Of creating and updating. */
const UNSUPPORTED_BEFORE = [
  ...UNSUPPORTED,
  'application_fee_amount',
  'customer_account',
  'payment_method_configuration',
  'transfer_data',
  'transfer_group',
];

/** Of creating with `confirm`, and of confirming. */
const UNSUPPORTED_CONFIRMING = ['confirmation_token', 'mandate', 'mandate_data', 'radar_options', 'use_stripe_sdk'];

const CONFIRMING = {
  error_on_requires_action: boolean(),
  off_session: boolean(),
  return_url: webUrl(),
};

type Confirming = { error_on_requires_action?: boolean; off_session?: boolean; return_url?: string };

function unexpectedState(intent: PaymentIntent, action: string): Error {
  return invalidRequest(`You cannot ${action} this PaymentIntent because it has a status of ${intent.status}.`, {
    code: 'payment_intent_unexpected_state',
    payment_intent: intent,
  });
}

/** Turns the outcome of a confirmation into what its caller is answered. */
function answer(outcome: PaymentOutcome): PaymentIntent {
  if (outcome.kind !== 'declined') return outcome.intent;
  const { charge, decline, intent } = outcome;
  throw cardError(decline, null, { payment_intent: intent, ...(charge === null ? {} : { charge }) }, true);
}

function confirmNow(work: Work, intent: PaymentIntent, paymentMethodId: string, params: Confirming): PaymentIntent {
  const paymentMethod = resolvePaymentMethod(work, paymentMethodId, 'payment_method');
  const outcome = confirmByCustomer(work, intent, paymentMethod, {
    offSession: params.off_session ?? false,
    authentication: null,
    returnUrl: params.return_url ?? null,
  });
  if (outcome.kind === 'requires_action' && (params.error_on_requires_action === true || params.off_session === true)) {
    throw new ApiError(
      402,
      'card_error',
      'This payment required an authentication action to complete, but `error_on_requires_action` was set.',
      {
        code: 'authentication_required',
        decline_code: 'authentication_required',
      },
    );
  }
  keepForLater(work, outcome, intent);
  return answer(outcome);
}

/** A payment that is set up for future use leaves its payment method with the customer. */
function keepForLater(work: Work, outcome: PaymentOutcome, intent: PaymentIntent): void {
  const { customer, setup_future_usage: usage } = intent;
  const used = outcome.kind === 'succeeded' ? outcome.intent.payment_method : null;
  if (used === null || customer === null || usage === null) return;
  attachPaymentMethod(work, work.get('payment_method', used), customer);
}

const create = operation({
  method: 'POST',
  route: '/v1/payment_intents',
  params: object(
    {
      ...DESCRIBING,
      ...CONFIRMING,
      amount: required(integer({ min: 1, max: 99_999_999 })),
      currency: required(currency()),
      automatic_payment_methods: object({ enabled: required(boolean()), allow_redirects: oneOf(['always', 'never']) }),
      capture_method: only(oneOf(['automatic', 'automatic_async', 'manual']), 'automatic'),
      confirm: boolean(),
      customer: string(),
      payment_method: string(),
      allowed_payment_method_types: ALLOWED_TYPES,
    },
    [...UNSUPPORTED_BEFORE, ...UNSUPPORTED_CONFIRMING, 'confirmation_method', 'on_behalf_of'],
  ),
  run(work, params) {
    if (params.customer !== undefined) work.require('customer', params.customer, 'customer');
    const method =
      params.payment_method === undefined
        ? undefined
        : resolvePaymentMethod(work, params.payment_method, 'payment_method').id;
    const automatic = params.automatic_payment_methods;
    const intent = createPaymentIntent(work, {
      allowed_payment_method_types: params.allowed_payment_method_types ?? null,
      amount: params.amount,
      currency: params.currency,
      automatic_payment_methods:
        automatic === undefined || !automatic.enabled
          ? null
          : { allow_redirects: automatic.allow_redirects ?? 'always', enabled: true },
      customer: params.customer ?? null,
      description: params.description ?? null,
      metadata: mergeMetadata({}, params.metadata),
      payment_method: method ?? null,
      receipt_email: params.receipt_email || null,
      setup_future_usage: params.setup_future_usage || null,
      shipping: params.shipping ? toPaymentShipping(params.shipping) : null,
      statement_descriptor: params.statement_descriptor ?? null,
      statement_descriptor_suffix: params.statement_descriptor_suffix ?? null,
      status: method === undefined ? 'requires_payment_method' : 'requires_confirmation',
    });
    if (params.confirm !== true) return intent;
    if (method === undefined) {
      throw invalidRequest('You cannot confirm this PaymentIntent because it is missing a payment method.', {
        code: 'payment_intent_unexpected_state',
      });
    }
    return confirmNow(work, intent, method, params);
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/payment_intents/{intent}',
  params: object({ client_secret: string() }),
  run: (work, _params, path) => work.require('payment_intent', pathValue(path, 'intent'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/payment_intents/{intent}',
  params: object({ ...DESCRIBING, payment_method: emptyable(string()) }, [
    ...UNSUPPORTED_BEFORE,
    'allowed_payment_method_types',
    'amount',
    'capture_method',
    'currency',
    'customer',
  ]),
  run(work, params, path) {
    const intent = work.require('payment_intent', pathValue(path, 'intent'), 'id');
    const method = params.payment_method
      ? resolvePaymentMethod(work, params.payment_method, 'payment_method').id
      : undefined;
    if (method !== undefined && intent.status === 'succeeded')
      throw unexpectedState(intent, 'update the payment method of');
    return work.update(
      intent,
      {
        ...given({
          description: params.description,
          receipt_email: unset(params.receipt_email),
          setup_future_usage: unset(params.setup_future_usage),
          shipping: params.shipping === '' ? null : params.shipping && toPaymentShipping(params.shipping),
          statement_descriptor: params.statement_descriptor,
          statement_descriptor_suffix: params.statement_descriptor_suffix,
        }),
        ...(method === undefined ? {} : { payment_method: method, status: 'requires_confirmation' }),
        metadata: mergeMetadata(intent.metadata, params.metadata),
      },
      null,
    );
  },
});

const list = listOperation({
  object: 'payment_intent',
  route: '/v1/payment_intents',
  filters: { ...CREATED, customer: string() },
  unsupported: ['customer_account'],
  where: (params) => [...createdWithin(params), ...filter('$.customer', params.customer)],
});

const CONFIRMABLE: readonly PaymentIntent['status'][] = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
];

const confirm = operation({
  method: 'POST',
  route: '/v1/payment_intents/{intent}/confirm',
  params: object(
    {
      ...CONFIRMING,
      capture_method: only(oneOf(['automatic', 'automatic_async', 'manual']), 'automatic'),
      payment_method: string(),
      receipt_email: emptyable(string()),
      setup_future_usage: emptyable(SETUP_FUTURE_USAGE),
    },
    [...UNSUPPORTED, ...UNSUPPORTED_CONFIRMING, 'allowed_payment_method_types', 'amount_to_confirm', 'shipping'],
  ),
  run(work, params, path) {
    const found = work.require('payment_intent', pathValue(path, 'intent'), 'id');
    if (!CONFIRMABLE.includes(found.status)) throw unexpectedState(found, 'confirm');
    const method = params.payment_method ?? found.payment_method;
    if (method === null) {
      throw invalidRequest('You cannot confirm this PaymentIntent because it is missing a payment method.', {
        code: 'payment_intent_unexpected_state',
        payment_intent: found,
      });
    }
    const changes = given({
      receipt_email: unset(params.receipt_email),
      setup_future_usage: unset(params.setup_future_usage),
    });
    return confirmNow(work, work.update(found, changes, null), method, params);
  },
});

const cancel = operation({
  method: 'POST',
  route: '/v1/payment_intents/{intent}/cancel',
  params: object({ cancellation_reason: oneOf(['abandoned', 'duplicate', 'fraudulent', 'requested_by_customer']) }),
  run(work, params, path) {
    const intent = work.require('payment_intent', pathValue(path, 'intent'), 'id');
    if (!CONFIRMABLE.includes(intent.status)) throw unexpectedState(intent, 'cancel');
    if (invoiceOfIntent(work, intent.id) !== undefined) {
      throw invalidRequest('This PaymentIntent belongs to an invoice: void the invoice instead.', {
        code: 'payment_intent_unexpected_state',
      });
    }
    return work.update(
      intent,
      {
        canceled_at: work.now,
        cancellation_reason: params.cancellation_reason ?? null,
        next_action: null,
        status: 'canceled',
      },
      'payment_intent.canceled',
    );
  },
});

export const paymentIntents: Resource = {
  object: 'payment_intent',
  operations: [create, retrieve, update, list, confirm, cancel],
  expandable: { customer: 'customer', latest_charge: 'charge', payment_method: 'payment_method' },
};
