import { moveBalance } from '../billing/balance.ts';
import { noSuch } from '../http/api-error.ts';
import { emptyable, integer, metadata, object, required, string } from '../parameters/schema.ts';
import { equals, filter } from '../store/conditions.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { currency } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const create = operation({
  method: 'POST',
  route: '/v1/customers/{customer}/balance_transactions',
  params: object({
    amount: required(integer()),
    currency: required(currency()),
    description: emptyable(string({ maxLength: 350 })),
    metadata: metadata(),
  }),
  run(work, params, path) {
    const customer = work.require('customer', pathValue(path, 'customer'), 'id');
    return moveBalance(work, customer, params.amount, {
      type: 'adjustment',
      currency: params.currency,
      description: params.description || null,
      metadata: mergeMetadata({}, params.metadata),
    });
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/customers/{customer}/balance_transactions/{transaction}',
  params: object({}),
  run(work, _params, path) {
    const found = work.find('customer_balance_transaction', pathValue(path, 'transaction'));
    if (found?.customer === pathValue(path, 'customer')) return found;
    throw noSuch('customer_balance_transaction', pathValue(path, 'transaction'), 'id', 404);
  },
});

const list = listOperation({
  object: 'customer_balance_transaction',
  route: '/v1/customers/{customer}/balance_transactions',
  filters: { ...CREATED, invoice: string() },
  where: (params, work, path) => [
    equals('$.customer', work.require('customer', pathValue(path, 'customer'), 'id').id),
    ...createdWithin(params),
    ...filter('$.invoice', params.invoice),
  ],
});

export const customerBalanceTransactions: Resource = {
  object: 'customer_balance_transaction',
  operations: [create, retrieve, list],
  expandable: { credit_note: 'credit_note', customer: 'customer', invoice: 'invoice' },
};
