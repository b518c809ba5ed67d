import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import { isEnded } from '../objects/subscription.ts';
import type { TestClock } from '../objects/test-clock.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { deleteCustomer } from './customers.ts';
import { addPeriods } from './periods.ts';
import { cadenceOf } from './subscription-start.ts';

/** Test clocks (https://docs.stripe.com/billing/testing/test-clocks): customers who live at a time of their own. */

/** Takes a forgotten clock away, by the sandbox clock. */
const DELETE_TASK = 'test_clock.delete';

const KEPT_SECONDS = 30 * 86_400;
const MAX_CUSTOMERS = 3;
const MAX_SUBSCRIPTIONS = 3;
const INTERVALS_AT_A_TIME = 2;

/** A new clock that stands at `frozenTime`. */
export function createTestClock(work: Work, frozenTime: number, name: string | null): TestClock {
  const clock: TestClock = {
    id: newId('clock_'),
    object: 'test_helpers.test_clock',
    created: work.now,
    deletes_after: work.now + KEPT_SECONDS,
    frozen_time: frozenTime,
    livemode: false,
    name,
    status: 'ready',
    status_details: {},
  };
  work.tasks.schedule(DELETE_TASK, clock.id, clock.deletes_after);
  return work.insert(clock, 'test_helpers.test_clock.created');
}

/** Refuses a fourth customer of a clock. */
export function requireRoomForCustomer(work: Work, clock: TestClock): void {
  if (work.select('customer', [equals('$.test_clock', clock.id)]).length < MAX_CUSTOMERS) return;
  throw invalidRequest(`A test clock can have at most ${MAX_CUSTOMERS} customers: ${clock.id}.`, {
    param: 'test_clock',
  });
}

/** Refuses a fourth subscription of a customer on a test clock. */
export function requireRoomForSubscription(work: Work, customer: string): void {
  if (work.testClock === null) return;
  const running = work.select('subscription', [equals('$.customer', customer)]).filter((one) => !isEnded(one));
  if (running.length < MAX_SUBSCRIPTIONS) return;
  throw invalidRequest(`A customer on a test clock can have at most ${MAX_SUBSCRIPTIONS} subscriptions.`, {
    param: 'customer',
  });
}

/** How far the clock may be advanced at once: two intervals of its shortest subscription, two years without any. */
function furthest(work: Work, clock: TestClock): number {
  const running = work.select('subscription', [equals('$.test_clock', clock.id)]).filter((one) => !isEnded(one));
  const cadences = running.map((one) => cadenceOf(one.items.data.map((item) => item.price)));
  const allowed = cadences.map((cadence) => addPeriods(clock.frozen_time, cadence, INTERVALS_AT_A_TIME));
  const without = addPeriods(clock.frozen_time, { interval: 'year', count: 1 }, 2);
  return allowed.length === 0 ? without : Math.min(...allowed);
}

/** Lets the clock go on to a later time. It is `advancing` until everything that falls due on the way has happened. */
export function advance(work: Work, clock: TestClock, to: number): TestClock {
  if (clock.status === 'advancing') {
    throw invalidRequest(`The test clock ${clock.id} is advancing already.`);
  }
  if (to <= clock.frozen_time) {
    throw invalidRequest(`A test clock only goes forward: it stands at ${clock.frozen_time} already.`, {
      param: 'frozen_time',
    });
  }
  const limit = furthest(work, clock);
  if (to > limit) {
    throw invalidRequest(
      `The test clock stands at ${clock.frozen_time} and can be advanced to ${limit} at most: two intervals of its shortest subscription at a time, or two years when it has none.`,
      { param: 'frozen_time' },
    );
  }
  return work.update(
    clock,
    { status: 'advancing', status_details: { advancing: { target_frozen_time: to } } },
    'test_helpers.test_clock.advancing',
  );
}

/** Whether something waits to be done by the clock; `due` is when its next task is. */
export function isBehind(clock: TestClock, due: number | undefined): boolean {
  return clock.status === 'advancing' || (due !== undefined && due <= clock.frozen_time);
}

/** Everything on the way has happened: the clock stands at `work.now`. */
export function arrive(work: Work, clock: TestClock): void {
  work.update(clock, { frozen_time: work.now, status: 'ready', status_details: {} }, 'test_helpers.test_clock.ready');
}

/** Deletes a clock with its customers; their subscriptions are canceled. */
export function deleteTestClock(work: Work, clock: TestClock) {
  const there = work.on(clock);
  for (const customer of work.select('customer', [equals('$.test_clock', clock.id)])) deleteCustomer(there, customer);
  work.clearTasks(clock.id);
  work.tasks.cancel(DELETE_TASK, clock.id);
  return work.remove(clock, 'test_helpers.test_clock.deleted');
}

export const TEST_CLOCK_TASKS: Readonly<Record<string, (work: Work, subject: string) => void>> = {
  [DELETE_TASK]: (work, id) => void deleteTestClock(work, work.get('test_helpers.test_clock', id)),
};
