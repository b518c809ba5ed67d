import { formatAmount } from '../billing/amounts.ts';
import { ApiError, invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Charge, Refund } from '../objects/charge.ts';
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

function checkAmount(charge: Charge, amount: number): void {
  const left = charge.amount_captured - charge.amount_refunded;
  if (left === 0) {
    throw new ApiError(400, 'invalid_request_error', `Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  }
  if (amount <= left) return;
  throw invalidRequest(
    `Refund amount (${formatAmount(amount, charge.currency)}) is greater than unrefunded amount on charge (${formatAmount(left, charge.currency)})`,
    { param: 'amount' },
  );
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
    const charge = chargeFor(work, params);
    if (!charge.captured) throw invalidRequest(`Charge ${charge.id} was not successful and cannot be refunded.`);
    const amount = params.amount ?? charge.amount_captured - charge.amount_refunded;
    checkAmount(charge, amount);
    const refund: Refund = {
      id: newId('re_'),
      object: 'refund',
      amount,
      balance_transaction: newId('txn_'),
      charge: charge.id,
      created: work.now,
      currency: charge.currency,
      customer: charge.customer,
      customer_account: null,
      destination_details: {
        card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
        type: 'card',
      },
      metadata: mergeMetadata({}, params.metadata),
      payment_intent: charge.payment_intent,
      payment_method: charge.payment_method,
      reason: params.reason ?? null,
      receipt_number: null,
      source_transfer_reversal: null,
      status: 'succeeded',
      transfer_reversal: null,
    };
    work.insert(refund, 'refund.created');
    const refunded = charge.amount_refunded + amount;
    const changes = { amount_refunded: refunded, refunded: refunded === charge.amount_captured };
    work.update(charge, changes, 'charge.refunded');
    return refund;
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
    return work.update(refund, { metadata: mergeMetadata(refund.metadata, params.metadata) }, 'refund.updated');
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
  operations: [create, retrieve, update, list],
  expandable: {
    charge: 'charge',
    customer: 'customer',
    payment_intent: 'payment_intent',
    payment_method: 'payment_method',
  },
};
