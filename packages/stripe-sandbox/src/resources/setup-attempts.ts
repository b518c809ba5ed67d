import { required, string } from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import type { Resource } from './resource.ts';

const list = listOperation({
  object: 'setup_attempt',
  route: '/v1/setup_attempts',
  filters: { ...CREATED, setup_intent: required(string()) },
  where: (params) => [...createdWithin(params), ...filter('$.setup_intent', params.setup_intent)],
});

export const setupAttempts: Resource = {
  object: 'setup_attempt',
  operations: [list],
  expandable: { customer: 'customer', payment_method: 'payment_method', setup_intent: 'setup_intent' },
};
