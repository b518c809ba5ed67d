import { changeRefund, createRefund } from '../billing/refunds.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { Charge } from '../objects/charge.ts';
import { integer, metadata, object, oneOf, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { operation, pathValue, type Resource } from './resource.ts';

function chargeFor(work: Work, params: { charge?: string; payment_intent?: string }): Charge {
  if (params.charge !== undefined) {
    const charge = work.require('charge', params.charge, 'charge');
    if (params.payment_intent === undefined || charge.payment_intent === params.payment_intent) return charge;
    throw invalidRequest('The charge and the payment intent do not belong together.', { param: 'payment_intent' });
  }
  if (params.payment_intent === undefined) {
    throw invalidRequest('One of the following params should be provided for this request: payment_intent or charge.');
  }
  const intent = work.require('payment_intent', params.payment_intent, 'payment_intent');
  if (intent.status === 'succeeded' && intent.latest_charge !== null) return work.get('charge', intent.latest_charge);
  throw invalidRequest(`This PaymentIntent (${intent.id}) does not have a successful charge to refund.`, {
    code: 'payment_intent_unexpected_state',
    param: 'payment_intent',
  });
}

const create = operation({
  method: 'POST',
  route: '/v1/refunds',
  params: object(
    {
      amount: integer({ min: 1 }),
      charge: string(),
      metadata: metadata(),
      payment_intent: string(),
      reason: oneOf(['duplicate', 'fraudulent', 'requested_by_customer']),
    },
    ['currency', 'customer', 'instructions_email', 'origin', 'refund_application_fee', 'reverse_transfer'],
  ),
  run(work, params) {
    const { amount, reason = null } = params;
    const charge = chargeFor(work, params);
    return createRefund(work, charge, { amount, reason, metadata: mergeMetadata({}, params.metadata) });
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/refunds/{refund}',
  params: object({}),
  run: (work, _params, path) => work.require('refund', pathValue(path, 'refund'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/refunds/{refund}',
  params: object({ metadata: metadata() }),
  run(work, params, path) {
    const refund = work.require('refund', pathValue(path, 'refund'), 'id');
    return changeRefund(work, refund, { metadata: mergeMetadata(refund.metadata, params.metadata) });
  },
});

/** Only refunds that wait for the customer can be canceled; those of cards never do. */
const cancel = operation({
  method: 'POST',
  route: '/v1/refunds/{refund}/cancel',
  params: object({}),
  run(work, _params, path) {
    const refund = work.require('refund', pathValue(path, 'refund'), 'id');
    throw invalidRequest(
      `You cannot cancel the refund ${refund.id}: its status is ${refund.status}, and only refunds with the status requires_action can be canceled.`,
    );
  },
});

const list = listOperation({
  object: 'refund',
  route: '/v1/refunds',
  filters: { ...CREATED, charge: string(), payment_intent: string() },
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.charge', params.charge),
    ...filter('$.payment_intent', params.payment_intent),
  ],
});

export const refunds: Resource = {
  object: 'refund',
  operations: [create, retrieve, update, cancel, list],
  expandable: {
    charge: 'charge',
    customer: 'customer',
    payment_intent: 'payment_intent',
    payment_method: 'payment_method',
  },
};
