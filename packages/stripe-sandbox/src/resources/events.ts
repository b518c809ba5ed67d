import { invalidRequest } from '../http/api-error.ts';
import { array, object, string } from '../parameters/schema.ts';
import { matchesType, oneOfValues } from '../store/conditions.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const retrieve = operation({
  method: 'GET',
  route: '/v1/events/{id}',
  params: object({}),
  run: (work, _params, path) => work.require('event', pathValue(path, 'id'), 'id'),
});

const list = listOperation({
  object: 'event',
  route: '/v1/events',
  filters: { ...CREATED, type: string(), types: array(string(), { max: 20 }) },
  unsupported: ['delivery_success'],
  where(params) {
    if (params.type !== undefined && params.types !== undefined) {
      throw invalidRequest('You may only specify one of these parameters: type, types.', {
        code: 'parameters_exclusive',
        param: 'types',
      });
    }
    return [
      ...createdWithin(params),
      ...(params.type === undefined ? [] : [matchesType('$.type', params.type)]),
      ...(params.types === undefined ? [] : [oneOfValues('$.type', params.types)]),
    ];
  },
});

export const events: Resource = {
  object: 'event',
  operations: [retrieve, list],
  expandable: {},
  present: (work, event) => ({ ...event, pending_webhooks: work.pendingWebhooks(String(event.id)) }),
};
