import { cardError, resolvePaymentMethod } from '../billing/payment-methods.ts';
import { cancelSetupIntent, confirmSetupIntent, createSetupIntent } from '../billing/setup.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { SetupIntent } from '../objects/setup-intent.ts';
import { given } from '../parameters/given.ts';
import { boolean, metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import { equals, filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { ALLOWED_TYPES, webUrl } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

/** Of creating and updating. */
const UNSUPPORTED_BEFORE = [
  'attach_to_self',
  'customer_account',
  'excluded_payment_method_types',
  'flow_directions',
  'payment_method_configuration',
  'payment_method_data',
  'payment_method_options',
];

/** Of creating with `confirm`, and of confirming. */
const UNSUPPORTED_CONFIRMING = ['confirmation_token', 'mandate_data', 'use_stripe_sdk'];

const UNFINISHED: readonly SetupIntent['status'][] = [
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
];

function unexpectedState(message: string, intent: SetupIntent): Error {
  return invalidRequest(message, { code: 'setup_intent_unexpected_state', setup_intent: intent });
}

function requireUnfinished(work: Work, id: string, action: string): SetupIntent {
  const intent = work.require('setup_intent', id, 'id');
  if (UNFINISHED.includes(intent.status)) return intent;
  throw unexpectedState(`You cannot ${action} this SetupIntent because it has a status of ${intent.status}.`, intent);
}

/** What a Checkout Session made is confirmed on its page, and canceled by expiring it. */
function requireOwn(work: Work, intent: SetupIntent, action: string): void {
  if (work.select('checkout.session', [equals('$.setup_intent', intent.id)]).length === 0) return;
  throw unexpectedState(`You cannot ${action} this SetupIntent because a Checkout Session made it.`, intent);
}

function confirmNow(work: Work, intent: SetupIntent, method: string | null, returnUrl: string | undefined) {
  if (method === null) {
    throw unexpectedState('You cannot confirm this SetupIntent because it is missing a payment method.', intent);
  }
  const paymentMethod = resolvePaymentMethod(work, method, 'payment_method');
  const outcome = confirmSetupIntent(work, intent, paymentMethod, {
    authentication: null,
    returnUrl: returnUrl ?? null,
  });
  if (outcome.kind !== 'declined') return outcome.intent;
  throw cardError(outcome.decline, null, { payment_method: paymentMethod, setup_intent: outcome.intent }, true);
}

const create = operation({
  method: 'POST',
  route: '/v1/setup_intents',
  params: object(
    {
      allowed_payment_method_types: ALLOWED_TYPES,
      automatic_payment_methods: object({ enabled: required(boolean()), allow_redirects: oneOf(['always', 'never']) }),
      confirm: boolean(),
      customer: string(),
      description: string({ maxLength: 1000 }),
      metadata: metadata(),
      payment_method: string(),
      return_url: webUrl(),
      usage: oneOf(['off_session', 'on_session']),
    },
    [...UNSUPPORTED_BEFORE, ...UNSUPPORTED_CONFIRMING, 'on_behalf_of', 'single_use'],
  ),
  run(work, params) {
    if (params.customer !== undefined) work.require('customer', params.customer, 'customer');
    if (params.return_url !== undefined && params.confirm !== true) {
      throw invalidRequest('You can only pass `return_url` together with `confirm=true`.', { param: 'return_url' });
    }
    const method =
      params.payment_method === undefined
        ? null
        : resolvePaymentMethod(work, params.payment_method, 'payment_method').id;
    const automatic = params.automatic_payment_methods;
    const intent = createSetupIntent(work, {
      allowed_payment_method_types: params.allowed_payment_method_types ?? null,
      automatic_payment_methods:
        automatic === undefined || !automatic.enabled
          ? null
          : { allow_redirects: automatic.allow_redirects ?? 'always', enabled: true },
      customer: params.customer ?? null,
      description: params.description ?? null,
      metadata: mergeMetadata({}, params.metadata),
      payment_method: method,
      status: method === null ? 'requires_payment_method' : 'requires_confirmation',
      usage: params.usage ?? 'off_session',
    });
    return params.confirm === true ? confirmNow(work, intent, method, params.return_url) : intent;
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/setup_intents/{intent}',
  params: object({ client_secret: string() }),
  run: (work, _params, path) => work.require('setup_intent', pathValue(path, 'intent'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/setup_intents/{intent}',
  params: object({ description: string({ maxLength: 1000 }), metadata: metadata(), payment_method: string() }, [
    ...UNSUPPORTED_BEFORE,
    'allowed_payment_method_types',
    'customer',
  ]),
  run(work, params, path) {
    const id = pathValue(path, 'intent');
    const intent = work.require('setup_intent', id, 'id');
    const changes = {
      ...given({ description: params.description }),
      metadata: mergeMetadata(intent.metadata, params.metadata),
    };
    if (params.payment_method === undefined) return work.update(intent, changes, null);
    requireUnfinished(work, id, 'update the payment method of');
    const method = resolvePaymentMethod(work, params.payment_method, 'payment_method').id;
    return work.update(intent, { ...changes, payment_method: method, status: 'requires_confirmation' }, null);
  },
});

const list = listOperation({
  object: 'setup_intent',
  route: '/v1/setup_intents',
  filters: { ...CREATED, customer: string(), payment_method: string() },
  unsupported: ['attach_to_self', 'customer_account'],
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.customer', params.customer),
    ...filter('$.payment_method', params.payment_method),
  ],
});

const confirm = operation({
  method: 'POST',
  route: '/v1/setup_intents/{intent}/confirm',
  params: object({ payment_method: string(), return_url: webUrl() }, [
    ...UNSUPPORTED_CONFIRMING,
    'allowed_payment_method_types',
    'payment_method_data',
    'payment_method_options',
  ]),
  run(work, params, path) {
    const intent = requireUnfinished(work, pathValue(path, 'intent'), 'confirm');
    requireOwn(work, intent, 'confirm');
    return confirmNow(work, intent, params.payment_method ?? intent.payment_method, params.return_url);
  },
});

const cancel = operation({
  method: 'POST',
  route: '/v1/setup_intents/{intent}/cancel',
  params: object({ cancellation_reason: oneOf(['abandoned', 'duplicate', 'requested_by_customer']) }),
  run(work, params, path) {
    const intent = requireUnfinished(work, pathValue(path, 'intent'), 'cancel');
    requireOwn(work, intent, 'cancel');
    return cancelSetupIntent(work, intent, params.cancellation_reason ?? null);
  },
});

export const setupIntents: Resource = {
  object: 'setup_intent',
  operations: [create, retrieve, update, list, confirm, cancel],
  expandable: { customer: 'customer', latest_attempt: 'setup_attempt', payment_method: 'payment_method' },
};
