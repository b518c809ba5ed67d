import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import { createInboxHarness } from './test/inbox-harness.ts';
import {
  createSimulatedStripe,
  type SimulatedEvent,
  type SimulatedStripe,
  subscription,
} from './test/simulated-stripe.ts';

const ports = createTestPorts();
let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

let subscriptions = 0;
const nextId = () => `sub_${++subscriptions}`;
const harness = (stripe: SimulatedStripe, concurrency = 1) =>
  createInboxHarness({ database: test.database, ports, fetch: stripe.fetch, concurrency });

function permutations<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]];
  return all.flatMap((one, index) => permutations(all.toSpliced(index, 1)).map((rest) => [one, ...rest]));
}

/** created(incomplete)@t, updated(active)@t, updated(past_due)@t+5, updated(active)@t+5 */
function recoveredPayment(stripe: SimulatedStripe, id: string): SimulatedEvent[] {
  const created = stripe.change('customer.subscription.created', subscription(id, 'incomplete'));
  const paid = stripe.change('customer.subscription.updated', subscription(id, 'active'));
  stripe.nowMs += 5_000;
  const failed = stripe.change('customer.subscription.updated', subscription(id, 'past_due'));
  const recovered = stripe.change('customer.subscription.updated', subscription(id, 'active'));
  return [created, paid, failed, recovered];
}

describe('a subscription that became active, past due and active again within five seconds', () => {
  const orders = permutations([0, 1, 2, 3]);
  const arrivals = ['one by one', 'all at once'] as const;
  const repetitions = ['once', 'twice'] as const;
  const answers = ['knows it', 'answers 404'] as const;
  const cases = arrivals.flatMap((arrival) =>
    repetitions.flatMap((repetition) => answers.map((answer) => ({ arrival, repetition, answer }))),
  );

  it.each(cases)('is active after all 24 orders: $arrival, each $repetition, where Stripe $answer', async (one) => {
    expect(orders).toHaveLength(24);
    const wrong: string[] = [];
    for (const order of orders) {
      const stripe = createSimulatedStripe();
      const id = nextId();
      const events = recoveredPayment(stripe, id);
      stripe.forgets = one.answer === 'answers 404';
      const { inbox, deliver, mirrored } = harness(stripe);
      const arriving = order.flatMap((index) => {
        const event = events[index];
        if (event === undefined) return [];
        // The repetition as Stripe's own, with the same id, and as another event that says the same.
        return one.repetition === 'once' ? [event] : [event, event, { ...event, id: `${event.id}_again` }];
      });
      for (const event of arriving) {
        await deliver(event);
        if (one.arrival === 'one by one') await inbox.worker.settled();
      }
      await inbox.worker.settled();
      const status = (await mirrored('subscription', id))?.object.status;
      if (status !== 'active') wrong.push(`${order.join('')} ended ${String(status)}`);
      const left = await inbox.list({ status: 'pending' }, null, 10);
      if (left.length > 0) wrong.push(`${order.join('')} left ${left.length} events`);
    }
    expect(wrong).toEqual([]);
  });
});

describe('whatever happens at Stripe, in whatever order and however often it is heard', () => {
  type Act =
    | { act: 'change'; status: string; laterMs: number }
    | { act: 'deliver'; which: number; again: boolean }
    | { act: 'work' }
    | { act: 'own call'; status: string; slow: boolean };

  const status = fc.constantFrom('incomplete', 'trialing', 'active', 'past_due', 'unpaid', 'paused');
  const act: fc.Arbitrary<Act> = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({
        act: fc.constant('change' as const),
        status,
        laterMs: fc.constantFrom(0, 10, 400, 1_000, 3_000, 20_000),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({ act: fc.constant('deliver' as const), which: fc.nat(20), again: fc.boolean() }),
    },
    { weight: 3, arbitrary: fc.record({ act: fc.constant('work' as const) }) },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('own call' as const), status, slow: fc.boolean() }) },
  );

  /** Lives a history. While Stripe is being asked, the history goes on. */
  async function live(acts: readonly Act[], cancels: boolean) {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const { inbox, deliver, projector, mirrored } = harness(stripe);
    const undelivered: SimulatedEvent[] = [];
    const late: (() => Promise<void>)[] = [];
    const rest = [...acts];
    let changes = 0;
    const change = (to: string): void => {
      changes += 1;
      const type = to === 'canceled' ? 'deleted' : changes === 1 ? 'created' : 'updated';
      const object = subscription(id, to, { metadata: { changes: String(changes) } });
      undelivered.push(stripe.change(`customer.subscription.${type}`, object));
    };
    const ownCall = async (to: string, slow: boolean): Promise<void> => {
      change(to);
      const object = stripe.truth(id);
      if (object === undefined) return;
      const answer = async (): Promise<void> => {
        const asOf = new Date(Math.floor(stripe.nowMs / 1_000) * 1_000);
        await projector.projectFetched('subscription', object, asOf);
      };
      if (!slow) return answer();
      // The answer is dated when it leaves, up to a call's length after the change, and arrives when other things have happened.
      const leavesAt = new Date(Math.floor((stripe.nowMs + 3_000) / 1_000) * 1_000);
      late.push(() => projector.projectFetched('subscription', object, leavesAt));
    };
    const perform = async (one: Act): Promise<void> => {
      if (one.act === 'change') {
        stripe.nowMs += one.laterMs;
        change(one.status);
      } else if (one.act === 'deliver') {
        const event = undelivered[one.which % Math.max(undelivered.length, 1)];
        if (event === undefined) return;
        await deliver(event);
        if (!one.again) undelivered.splice(undelivered.indexOf(event), 1);
      } else if (one.act === 'own call') await ownCall(one.status, one.slow);
    };
    // What happens while an answer is under way: changes and deliveries, but no second answer that waits for the first.
    stripe.underWay = async () => {
      for (let count = 0; count < 2; count += 1) {
        const one = rest[0];
        if (one === undefined || (one.act !== 'change' && one.act !== 'deliver')) return;
        rest.shift();
        await perform(one);
      }
    };
    for (let one = rest.shift(); one !== undefined; one = rest.shift()) {
      if (one.act === 'work') await inbox.worker.settled();
      else await perform(one);
    }
    if (cancels) {
      stripe.nowMs += 300;
      change('canceled');
    }
    if (changes === 0) change('active');
    // Stripe delivers everything in the end, the latest first, and slow answers arrive.
    for (const event of undelivered.toReversed()) await deliver(event);
    for (const answer of late) await answer();
    await inbox.worker.settled();
    return { mirrored: await mirrored('subscription', id), truth: stripe.truth(id) };
  }

  it('the mirror ends in the state that is true', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 14 }), fc.boolean(), async (acts, cancels) => {
        const { mirrored, truth } = await live(acts, cancels);
        expect(mirrored?.object).toEqual(truth);
        expect(mirrored?.deleted).toBe(cancels);
      }),
      { numRuns: 150 },
    );
  });
});
