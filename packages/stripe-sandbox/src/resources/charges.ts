import { embeddedList } from '../json.ts';
import { object, string } from '../parameters/schema.ts';
import { equals, filter } from '../store/conditions.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const retrieve = operation({
  method: 'GET',
  route: '/v1/charges/{charge}',
  params: object({}),
  run: (work, _params, path) => work.require('charge', pathValue(path, 'charge'), 'id'),
});

const list = listOperation({
  object: 'charge',
  route: '/v1/charges',
  filters: { ...CREATED, customer: string(), payment_intent: string() },
  unsupported: ['transfer_group'],
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.customer', params.customer),
    ...filter('$.payment_intent', params.payment_intent),
  ],
});

export const charges: Resource = {
  object: 'charge',
  operations: [retrieve, list],
  expandable: {
    customer: 'customer',
    payment_intent: 'payment_intent',
    refunds: (work, charge) =>
      embeddedList(
        `/v1/charges/${charge.id}/refunds`,
        work.select('refund', [equals('$.charge', String(charge.id))]).reverse(),
      ),
  },
};
