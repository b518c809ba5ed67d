import { object, oneOf, required, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { only } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const retrieve = operation({
  method: 'GET',
  route: '/v1/invoice_payments/{invoice_payment}',
  params: object({}),
  run: (work, _params, path) => work.require('invoice_payment', pathValue(path, 'invoice_payment'), 'id'),
});

const list = listOperation({
  object: 'invoice_payment',
  route: '/v1/invoice_payments',
  filters: {
    ...CREATED,
    invoice: string(),
    payment: object(
      { payment_intent: string(), type: required(only(oneOf(['payment_intent', 'payment_record']), 'payment_intent')) },
      ['payment_record'],
    ),
    status: oneOf(['canceled', 'open', 'paid']),
  },
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.invoice', params.invoice),
    ...filter('$.payment.payment_intent', params.payment?.payment_intent),
    ...filter('$.status', params.status),
  ],
});

export const invoicePayments: Resource = {
  object: 'invoice_payment',
  operations: [retrieve, list],
  expandable: { invoice: 'invoice', 'payment.payment_intent': 'payment_intent' },
};
