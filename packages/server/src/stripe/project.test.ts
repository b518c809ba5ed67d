import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { StripeObject } from './shapes.ts';
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

describe('an answer that was under way', () => {
  const at = (stripe: SimulatedStripe) => new Date(Math.floor(stripe.nowMs / 1_000) * 1_000);

  /** A subscription that is active, and past due since the same second: the mirror has to ask. */
  async function inDoubt() {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const [asking, other] = [harness(stripe), harness(stripe)];
    await asking.deliver(stripe.change('customer.subscription.created', subscription(id, 'active')));
    await asking.inbox.worker.settled();
    const failed = stripe.change('customer.subscription.updated', subscription(id, 'past_due'));
    return { stripe, id, asking, other, failed };
  }

  it('does not undo what another process heard meanwhile', async () => {
    const { stripe, id, asking, other, failed } = await inDoubt();
    stripe.underWay = async () => {
      stripe.underWay = async () => {};
      stripe.nowMs += 1_000;
      await other.deliver(stripe.change('customer.subscription.updated', subscription(id, 'unpaid')));
      await other.inbox.worker.settled();
    };
    await asking.deliver(failed);
    await asking.inbox.worker.settled();
    expect((await asking.mirrored('subscription', id))?.object.status).toBe('unpaid');
  });

  it('does not undo what another process heard meanwhile though it was what the mirror said already', async () => {
    const { stripe, id, asking, other, failed } = await inDoubt();
    stripe.underWay = async () => {
      stripe.underWay = async () => {};
      await other.deliver(stripe.change('customer.subscription.updated', subscription(id, 'active')));
      await other.inbox.worker.settled();
    };
    await asking.deliver(failed);
    await asking.inbox.worker.settled();
    expect((await asking.mirrored('subscription', id))?.object.status).toBe('active');
  });

  it('to a call of our own does not undo a later event, though it is dated later', async () => {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const { inbox, deliver, projector, mirrored } = harness(stripe);
    stripe.change('customer.subscription.updated', subscription(id, 'active'));
    const answer = subscription(id, 'active');
    stripe.nowMs += 1_000;
    await deliver(stripe.change('customer.subscription.updated', subscription(id, 'past_due')));
    await inbox.worker.settled();
    stripe.nowMs += 2_000;
    await projector.projectFetched('subscription', answer, at(stripe));
    expect((await mirrored('subscription', id))?.object.status).toBe('past_due');
  });

  it('does not hide an event of the time in which it was under way', async () => {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const { inbox, deliver, projector, mirrored } = harness(stripe);
    stripe.change('customer.subscription.created', subscription(id, 'active'));
    const answer = subscription(id, 'active');
    stripe.nowMs += 1_000;
    const failed = stripe.change('customer.subscription.updated', subscription(id, 'past_due'));
    stripe.nowMs += 3_000;
    await projector.projectFetched('subscription', answer, at(stripe));
    await deliver(failed);
    await inbox.worker.settled();
    expect((await mirrored('subscription', id))?.object.status).toBe('past_due');
  });

  it('is believed though the clock of a test customer is years ahead of it', async () => {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const { inbox, deliver, projector, mirrored } = harness(stripe);
    const created = stripe.change('customer.subscription.created', subscription(id, 'active'));
    await deliver({ ...created, created: created.created + 100_000_000 });
    await inbox.worker.settled();
    const canceled = subscription(id, 'active', { cancel_at_period_end: true });
    stripe.change('customer.subscription.updated', canceled);
    await projector.projectFetched('subscription', canceled, at(stripe));
    expect((await mirrored('subscription', id))?.object).toEqual(canceled);
  });

  it('of unknown age, as Stripe repeats it for an idempotency key, undoes nothing that is known', async () => {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const { inbox, deliver, projector, mirrored } = harness(stripe);
    await projector.projectFetched('subscription', subscription(id, 'incomplete'), new Date(0));
    expect((await mirrored('subscription', id))?.object.status).toBe('incomplete');
    await deliver(stripe.change('customer.subscription.updated', subscription(id, 'active')));
    await inbox.worker.settled();
    await projector.projectFetched('subscription', subscription(id, 'incomplete'), new Date(0));
    expect((await mirrored('subscription', id))?.object.status).toBe('active');
  });

  it('with characters that PostgreSQL cannot hold is taken over without them', async () => {
    const stripe = createSimulatedStripe();
    const { projector, mirrored } = harness(stripe);
    const id = `cus_${nextId()}`;
    await projector.projectFetched('customer', { id, object: 'customer', name: 'A\0\ud800B' }, at(stripe));
    expect((await mirrored('customer', id))?.object.name).toBe('A\ufffd\ufffdB');
  });

  it('is given up for the moment when the object changes with every look, and what is known stays', async () => {
    const { stripe, id, asking, other, failed } = await inDoubt();
    stripe.underWay = async () => {
      stripe.nowMs += 1_000;
      const status = stripe.fetches % 2 === 0 ? 'unpaid' : 'paused';
      await other.deliver(stripe.change('customer.subscription.updated', subscription(id, status)));
      await other.inbox.worker.settled();
    };
    await asking.deliver(failed);
    await asking.inbox.worker.settled();
    const [waiting] = await asking.inbox.list({ status: 'pending' }, null, 1);
    expect(waiting).toMatchObject({
      eventId: failed.id,
      attempts: 1,
      reason: expect.stringContaining('kept changing'),
    });
    expect((await asking.mirrored('subscription', id))?.object).toEqual(stripe.truth(id));
    stripe.underWay = async () => {};
    ports.clock.pass(2_000);
    await asking.inbox.worker.settled();
    expect((await asking.inbox.get(failed.id)).status).toBe('processed');
    expect((await asking.mirrored('subscription', id))?.object).toEqual(stripe.truth(id));
  });
});

describe('an object that is gone', () => {
  it('stays gone, whatever is heard of it later', async () => {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const { inbox, deliver, mirrored } = harness(stripe);
    const updated = stripe.change('customer.subscription.updated', subscription(id, 'active'));
    const deleted = stripe.change('customer.subscription.deleted', subscription(id, 'canceled'));
    await deliver(deleted);
    await inbox.worker.settled();
    stripe.forgets = true;
    await deliver({ ...updated, created: updated.created + 3_600 });
    await inbox.worker.settled();
    expect(await mirrored('subscription', id)).toMatchObject({ deleted: true, object: { status: 'canceled' } });
    expect(stripe.fetches).toBe(0);
  });

  it('stays gone though an answer of Stripe’s lags behind', async () => {
    const stripe = createSimulatedStripe();
    const id = nextId();
    const { inbox, deliver, projector, mirrored } = harness(stripe);
    await deliver(stripe.change('customer.subscription.deleted', subscription(id, 'canceled')));
    await inbox.worker.settled();
    stripe.nowMs += 60_000;
    stripe.change('customer.subscription.updated', subscription(id, 'active'));
    await projector.fetchAndProject('subscription', id);
    expect(await mirrored('subscription', id)).toMatchObject({ deleted: true, object: { status: 'canceled' } });
  });

  it('keeps what it was when Stripe says only that it is deleted', async () => {
    const stripe = createSimulatedStripe();
    const { inbox, deliver, projector, mirrored } = harness(stripe);
    const id = `cus_${nextId()}`;
    await deliver(stripe.change('customer.created', { id, object: 'customer', email: 'ada@example.com' }));
    await inbox.worker.settled();
    stripe.change('customer.deleted', { id, object: 'customer', deleted: true });
    expect(await projector.fetchAndProject('customer', id)).toBe('projected');
    expect(await mirrored('customer', id)).toMatchObject({ deleted: true, object: { email: 'ada@example.com' } });
  });

  it('that Stripe never knew is missing, and changes nothing', async () => {
    const stripe = createSimulatedStripe();
    const { projector, mirrored } = harness(stripe);
    expect(await projector.fetchAndProject('customer', 'cus_unknown')).toBe('missing');
    expect(await mirrored('customer', 'cus_unknown')).toBeNull();
  });
});

describe('whatever happens at Stripe, in whatever order and however often it is heard', () => {
  type Act =
    | { act: 'change'; status: string; laterMs: number }
    | { act: 'deliver'; which: number; again: boolean }
    | { act: 'work'; process: number }
    | { act: 'own call'; status: string; answeredAfterMs: number }
    | { act: 'answer arrives' };

  const status = fc.constantFrom('active', 'past_due', 'unpaid');
  const laterMs = fc.constantFrom(0, 0, 10, 400, 1_000, 3_000, 20_000);
  const change = fc.record({ act: fc.constant('change' as const), status, laterMs });
  const deliver = fc.record({ act: fc.constant('deliver' as const), which: fc.nat(20), again: fc.boolean() });
  const work = fc.record({ act: fc.constant('work' as const), process: fc.nat(1) });
  const ownCall = fc.record({
    act: fc.constant('own call' as const),
    status,
    answeredAfterMs: fc.constantFrom(0, 500, 3_000, 8_000),
  });
  const act: fc.Arbitrary<Act> = fc.oneof(
    { weight: 4, arbitrary: change },
    { weight: 5, arbitrary: deliver },
    { weight: 4, arbitrary: work },
    { weight: 2, arbitrary: ownCall },
    { weight: 1, arbitrary: fc.record({ act: fc.constant('answer arrives' as const) }) },
  );

  /** A history over two processes. While one asks Stripe, the history goes on. */
  class History {
    readonly stripe = createSimulatedStripe();
    readonly id = nextId();
    readonly processes = [harness(this.stripe), harness(this.stripe)] as const;
    readonly undelivered: SimulatedEvent[] = [];
    readonly answers: (() => Promise<void>)[] = [];
    readonly rest: Act[];
    changes = 0;
    asking = 0;

    constructor(acts: readonly Act[]) {
      this.rest = [...acts];
      this.stripe.underWay = async () => {
        this.asking += 1;
        // Only one of the two may wait for an answer: a third would never come.
        for (let count = 0; count < 3 && this.asking === 1; count += 1) await this.next();
        this.asking -= 1;
      };
    }

    /** Gives what Stripe would answer to whoever made the change. */
    change(to: string): StripeObject {
      this.changes += 1;
      const type = to === 'canceled' ? 'deleted' : this.changes === 1 ? 'created' : 'updated';
      const object = subscription(this.id, to);
      this.undelivered.push(this.stripe.change(`customer.subscription.${type}`, object));
      return object;
    }

    async next(): Promise<boolean> {
      const one = this.rest.shift();
      if (one === undefined) return false;
      switch (one.act) {
        case 'change':
          this.stripe.nowMs += one.laterMs;
          this.change(one.status);
          break;
        case 'deliver': {
          const event = this.undelivered[one.which % Math.max(this.undelivered.length, 1)];
          if (event === undefined) break;
          await this.processes[0].deliver(event);
          if (!one.again) this.undelivered.splice(this.undelivered.indexOf(event), 1);
          break;
        }
        case 'work':
          // A process that waits for an answer cannot be waited for by the history it waits for.
          await this.processes[this.asking === 0 ? 0 : 1].inbox.worker.settled();
          break;
        case 'own call': {
          const object = this.change(one.status);
          const datedMs = this.stripe.nowMs + one.answeredAfterMs;
          this.answers.push(async () => {
            this.stripe.nowMs = Math.max(this.stripe.nowMs, datedMs);
            const date = new Date(Math.floor(datedMs / 1_000) * 1_000);
            await this.processes[0].projector.projectFetched('subscription', object, date);
          });
          break;
        }
        case 'answer arrives':
          await this.answers.shift()?.();
          break;
      }
      return true;
    }

    /** Stripe delivers everything in the end, the latest first, and the last answers arrive. */
    async end(cancels: boolean): Promise<void> {
      if (cancels) this.change('canceled');
      else if (this.changes === 0) this.change('active');
      for (const event of this.undelivered.toReversed()) await this.processes[0].deliver(event);
      await this.processes[0].inbox.worker.settled();
      for (const answer of this.answers) await answer();
      await this.processes[1].inbox.worker.settled();
    }
  }

  it('the mirror ends in the state that is true', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(act, { maxLength: 20 }), fc.boolean(), async (acts, cancels) => {
        const history = new History(acts);
        while (await history.next());
        await history.end(cancels);
        const { processes, stripe, id } = history;
        const mirrored = await processes[0].mirrored('subscription', id);
        expect(mirrored).toMatchObject({ object: stripe.truth(id), deleted: cancels });
        expect(await processes[0].inbox.list({ status: 'pending' }, null, 1)).toEqual([]);
      }),
      { numRuns: 200 },
    );
  });
});
