import { advance, createTestClock, deleteTestClock } from '../billing/test-clocks.ts';
import type { TestClock } from '../objects/test-clock.ts';
import { object, required, string, timestamp } from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { listOperation } from './lists.ts';
import { operation, type PathValues, pathValue, type Resource } from './resource.ts';

function clockAt(work: Work, path: PathValues): TestClock {
  return work.require('test_helpers.test_clock', pathValue(path, 'test_clock'), 'id');
}

const create = operation({
  method: 'POST',
  route: '/v1/test_helpers/test_clocks',
  params: object({ frozen_time: required(timestamp()), name: string({ maxLength: 300 }) }, ['customer']),
  run: (work, params) => createTestClock(work, params.frozen_time, params.name ?? null),
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/test_helpers/test_clocks/{test_clock}',
  params: object({}),
  run: (work, _params, path) => clockAt(work, path),
});

const advancing = operation({
  method: 'POST',
  route: '/v1/test_helpers/test_clocks/{test_clock}/advance',
  params: object({ frozen_time: required(timestamp()) }),
  run: (work, params, path) => advance(work, clockAt(work, path), params.frozen_time),
});

const remove = operation({
  method: 'DELETE',
  route: '/v1/test_helpers/test_clocks/{test_clock}',
  params: object({}),
  run: (work, _params, path) => deleteTestClock(work, clockAt(work, path)),
});

const list = listOperation({
  object: 'test_helpers.test_clock',
  route: '/v1/test_helpers/test_clocks',
  filters: {},
  where: () => [],
});

export const testClocks: Resource = {
  object: 'test_helpers.test_clock',
  operations: [create, retrieve, advancing, remove, list],
  expandable: {},
};
