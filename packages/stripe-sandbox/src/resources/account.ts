import { object } from '../parameters/schema.ts';
import { operation, type Resource } from './resource.ts';

const retrieve = operation({
  method: 'GET',
  route: '/v1/account',
  params: object({}),
  run: (work) => work.account(),
});

export const accounts: Resource = { object: 'account', operations: [retrieve], expandable: {} };
