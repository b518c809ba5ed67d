import { LatchkeyError } from '@latchkey/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts, type TestPorts } from '../../test/support/ports.ts';
import type { CrashPointName } from '../ports.ts';
import { releaseInboxClaims } from './inbox.ts';
import type { ProjectionHandlers } from './projection-handlers.ts';
import { createInboxHarness, type InboxHarnessOptions, sign } from './test/inbox-harness.ts';
import { createSimulatedStripe, subscription } from './test/simulated-stripe.ts';

let test: TestDatabase;
let ports: TestPorts;
let stripe: ReturnType<typeof createSimulatedStripe>;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());
beforeEach(async () => {
  ports = createTestPorts();
  stripe = createSimulatedStripe();
  await test.database.connection.deleteFrom('inbox').execute();
  await test.database.connection.deleteFrom('stripe_objects').execute();
});

const harness = (more: Partial<InboxHarnessOptions> = {}) =>
  createInboxHarness({ database: test.database, ports, fetch: stripe.fetch, concurrency: 1, ...more });
const everything = async () =>
  (await harness().inbox.list({}, null, 100)).map(({ eventId, status }) => `${eventId} ${status}`).toSorted();
const asTest = { actor: { type: 'system', id: 'test' } } as const;
const created = (id: string) => stripe.change('customer.subscription.created', subscription(id, 'active'));

describe('a delivery', () => {
  it('is stored as it was sent before it is worked on, and processed then', async () => {
    const { inbox, deliver, mirrored } = harness();
    const event = created('sub_1');
    expect(await deliver(event)).toBe('stored');
    const stored = await inbox.get(event.id);
    expect(stored).toMatchObject({
      eventId: event.id,
      type: event.type,
      status: 'pending',
      attempts: 0,
      payload: event,
    });
    expect(stored.stripeCreated).toEqual(new Date(event.created * 1_000));
    await inbox.worker.settled();
    expect(await inbox.get(event.id)).toMatchObject({ status: 'processed', attempts: 1, reason: null, payload: event });
    expect((await mirrored('subscription', 'sub_1'))?.object).toEqual(event.data.object);
    expect(await inbox.lag()).toEqual({ pending: 0, failed: 0, oldestSeconds: 0 });
  });

  it('that comes again is one event', async () => {
    const { deliver } = harness();
    const event = created('sub_1');
    expect(await deliver(event)).toBe('stored');
    expect(await deliver(event)).toBe('duplicate');
    expect(await everything()).toEqual([`${event.id} pending`]);
  });

  it('that arrives with others is stored with them, and refused by the database it is refused alone', async () => {
    const { inbox, deliver } = harness();
    const events = Array.from({ length: 250 }, (_, index) => created(`sub_${index}`));
    // Greater than any number of PostgreSQL's, and than anything of Stripe's.
    const [plain] = events;
    const bad = JSON.stringify({ ...plain, id: 'evt_bad' }).replace('"metadata":{}', '"metadata":1e1000000');
    const answers = await Promise.allSettled([
      ...events.slice(0, 120).map(deliver),
      inbox.receive(Buffer.from(bad), sign(bad, ports.clock.wall()), '/webhook/stripe'),
      ...events.map(deliver),
    ]);
    expect(answers.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(answers[120]?.status).toBe('rejected');
    const said = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
    expect(said.filter((one) => one === 'stored')).toHaveLength(250);
    expect(said.filter((one) => one === 'duplicate')).toHaveLength(120);
    expect((await inbox.lag()).pending).toBe(250);
  });

  it('of a type that is not used is kept, with the reason', async () => {
    const { inbox, deliver } = harness();
    const payout = stripe.change('payout.paid', { id: 'po_1', object: 'payout' });
    const upcoming = stripe.change('invoice.upcoming', { id: 'upcoming_in_1', object: 'invoice' });
    await deliver(payout);
    await deliver(upcoming);
    await inbox.worker.settled();
    expect(await inbox.get(payout.id)).toMatchObject({
      status: 'ignored',
      reason: expect.stringContaining('payout.paid'),
    });
    expect((await inbox.get(upcoming.id)).status).toBe('ignored');
    expect((await inbox.list({ status: 'ignored' }, null, 10)).length).toBe(2);
  });

  it('with characters that PostgreSQL cannot hold is stored all the same', async () => {
    const { inbox, deliver, mirrored } = harness();
    const odd = { id: 'cus_odd', object: 'customer', name: 'A\0B\ud800C', metadata: { 'k\0': '\udfff' } };
    await deliver(stripe.change('customer.updated', odd));
    await inbox.worker.settled();
    expect((await mirrored('customer', 'cus_odd'))?.object).toEqual({
      ...odd,
      name: 'A\ufffdB\ufffdC',
      metadata: { 'k\ufffd': '\ufffd' },
    });
  });

  it.each<[string, string | Uint8Array, RegExp]>([
    ['is not JSON', '{"id":', /not JSON/],
    ['is not UTF-8', new Uint8Array([0x7b, 0xff, 0x7d]), /not UTF-8/],
    [
      'is a thin event',
      JSON.stringify({ id: 'evt_1', object: 'v2.core.event', type: 'v1.billing.meter.error' }),
      /thin event/,
    ],
    ['is another object', JSON.stringify({ id: 'cus_1', object: 'customer' }), /no event|not an event/],
    ['has no data', JSON.stringify({ id: 'evt_1', object: 'event', type: 'customer.created', created: 1 }), /data/],
    ['has an id that is none', JSON.stringify({ ...createdShape(), id: 'a b' }), /id/],
    ['is from no time', JSON.stringify({ ...createdShape(), created: 1e300 }), /created/],
    ['is null', 'null', /not an event/],
  ])('that was signed but %s is refused and not stored', async (_why, body, detail) => {
    const { inbox } = harness();
    const refused = inbox.receive(Buffer.from(body), sign(body, ports.clock.wall()), '/webhook/stripe');
    await expect(refused).rejects.toMatchObject({ code: 'invalid_request', detail: expect.stringMatching(detail) });
    expect(await everything()).toEqual([]);
    expect(ports.log.lines).toMatchObject([{ level: 'warn', fields: { problem: expect.stringMatching(detail) } }]);
  });

  it('that was not signed is refused before it is read', async () => {
    const { inbox } = harness();
    const refused = inbox.receive(Buffer.from('nonsense'), 't=1,v1=00', '/webhook/stripe');
    await expect(refused).rejects.toMatchObject({ code: 'invalid_signature' });
    expect(await everything()).toEqual([]);
  });
});

function createdShape() {
  return { id: 'evt_1', object: 'event', type: 'customer.created', created: 1, data: { object: {} } };
}

describe('the handlers of a change', () => {
  it('are told once of what several events in one go come to, customers first, in the transaction of the change', async () => {
    const told: string[] = [];
    const handlers: ProjectionHandlers = {
      subscription: async ({ connection, actor }, { object, previous, deleted }) => {
        const rows = await connection.selectFrom('stripe_objects').select('id').orderBy('id').execute();
        told.push(
          `${object.id} ${previous?.status ?? 'new'} to ${object.status} ${deleted} ${actor.type} ${rows.length}`,
        );
      },
      customer: async (_transaction, { object }) => void told.push(object.id),
    };
    const { inbox, deliver } = harness({ handlers });
    await deliver(created('sub_1'));
    stripe.nowMs += 1_000;
    await deliver(stripe.change('customer.subscription.updated', subscription('sub_1', 'past_due')));
    await deliver(stripe.change('customer.created', { id: 'cus_1', object: 'customer' }));
    await inbox.worker.settled();
    expect(told).toEqual(['cus_1', 'sub_1 new to past_due false stripe 2']);
    stripe.nowMs += 1_000;
    await deliver(stripe.change('customer.subscription.deleted', subscription('sub_1', 'canceled')));
    await inbox.worker.settled();
    expect(told.at(-1)).toBe('sub_1 past_due to canceled true stripe 2');
  });

  it('are not told of what says nothing new', async () => {
    const told: number[] = [];
    const { inbox, deliver } = harness({ handlers: { subscription: async () => void told.push(1) } });
    const event = created('sub_1');
    for (const [index, later] of [0, 0, 5, 60].entries()) {
      await deliver({ ...event, id: `${event.id}_${index}`, created: event.created + later });
      await inbox.worker.settled();
    }
    expect(told).toEqual([1]);
  });
});

describe('an event that fails', () => {
  /** Fails for one subscription, for as long as it is told to. */
  function failing() {
    const state = { fails: true };
    const handlers: ProjectionHandlers = {
      async subscription(_transaction, { object }) {
        if (state.fails && object.id === 'sub_bad') throw new Error('the catalog has no such plan');
      },
    };
    return { state, ...harness({ handlers }) };
  }

  it('fails alone: its neighbours are processed, and nothing of it is projected', async () => {
    const { inbox, deliver, mirrored } = failing();
    const [first, bad, last] = [created('sub_1'), created('sub_bad'), created('sub_2')];
    for (const event of [first, bad, last]) await deliver(event);
    await inbox.worker.settled();
    expect(await everything()).toEqual(
      [`${first.id} processed`, `${bad.id} pending`, `${last.id} processed`].toSorted(),
    );
    const waiting = await inbox.get(bad.id);
    expect(waiting).toMatchObject({ attempts: 1, reason: 'the catalog has no such plan' });
    expect(waiting.nextAttemptAt?.getTime()).toBe(ports.clock.wall().getTime() + 1_000);
    expect(await mirrored('subscription', 'sub_bad')).toBeNull();
  });

  it('is tried again later and later, then given up with its reason, and can be replayed', async () => {
    const { inbox, deliver, state, mirrored } = failing();
    const bad = created('sub_bad');
    await deliver(bad);
    await inbox.worker.settled();
    let attempts = 1;
    for (; attempts < 50; attempts += 1) {
      const { nextAttemptAt } = await inbox.get(bad.id);
      if (nextAttemptAt === null) break;
      ports.clock.pass(nextAttemptAt.getTime() - ports.clock.wall().getTime());
      await inbox.worker.settled();
    }
    expect(attempts).toBe(11);
    const failed = { status: 'failed', reason: 'the catalog has no such plan', attempts: 11 };
    expect(await inbox.get(bad.id)).toMatchObject(failed);
    expect(await inbox.lag()).toMatchObject({ pending: 0, failed: 1 });
    state.fails = false;
    const replayed = await test.database.transaction(asTest, (transaction) => inbox.replay(transaction, bad.id));
    expect(replayed).toMatchObject({ id: expect.stringMatching(/^inb_/), status: 'pending', attempts: 0 });
    await inbox.worker.settled();
    expect((await inbox.get(replayed.id)).status).toBe('processed');
    expect((await mirrored('subscription', 'sub_bad'))?.object.status).toBe('active');
    const audited = await test.database.connection.selectFrom('audit_log').select(['action', 'subject_id']).execute();
    expect(audited).toContainEqual({ action: 'inbox.replayed', subject_id: replayed.id });
  });

  it('because Stripe cannot be reached is tried again, and keeps no other waiting', async () => {
    const fetch: InboxHarnessOptions['fetch'] = async (...key) => {
      if (stripe.nowMs % 2 === 1) throw new LatchkeyError('stripe_unavailable', 'Stripe does not answer.');
      return stripe.fetch(...key);
    };
    const { inbox, deliver, mirrored } = harness({ fetch });
    await deliver(created('sub_1'));
    await inbox.worker.settled();
    stripe.nowMs += 1;
    const doubtful = stripe.change('customer.subscription.updated', subscription('sub_1', 'past_due'));
    const clear = created('sub_2');
    await deliver(doubtful);
    await deliver(clear);
    await inbox.worker.settled();
    expect((await inbox.get(clear.id)).status).toBe('processed');
    expect(await inbox.get(doubtful.id)).toMatchObject({
      status: 'pending',
      reason: expect.stringContaining('stripe_unavailable'),
    });
    stripe.nowMs += 1;
    ports.clock.pass(1_000);
    await inbox.worker.settled();
    expect((await inbox.get(doubtful.id)).status).toBe('processed');
    expect((await mirrored('subscription', 'sub_1'))?.object.status).toBe('past_due');
  });

  it('though it was processed already can be replayed, and changes nothing that is newer', async () => {
    const { inbox, deliver, mirrored } = harness();
    const event = created('sub_1');
    await deliver(event);
    stripe.nowMs += 60_000;
    await deliver(stripe.change('customer.subscription.updated', subscription('sub_1', 'past_due')));
    await inbox.worker.settled();
    await test.database.transaction(asTest, (transaction) => inbox.replay(transaction, event.id));
    await inbox.worker.settled();
    expect((await inbox.get(event.id)).status).toBe('processed');
    expect((await mirrored('subscription', 'sub_1'))?.object.status).toBe('past_due');
  });

  it('that nobody knows cannot be replayed', async () => {
    const { inbox } = harness();
    const replayed = test.database.transaction(asTest, (transaction) => inbox.replay(transaction, 'evt_unknown'));
    await expect(replayed).rejects.toMatchObject({ code: 'resource_missing' });
  });
});

describe('a process that dies', () => {
  const points: CrashPointName[] = ['webhook.stored', 'inbox.claimed', 'inbox.projected', 'inbox.committed'];

  it.each(points)('at %s leaves nothing undone and nothing done twice for the next one', async (point) => {
    const effects: string[] = [];
    const handlers: ProjectionHandlers = {
      async subscription({ afterCommit }, { object }) {
        afterCommit(() => effects.push(object.id));
      },
    };
    const dying = harness({
      handlers,
      crashPoint: (name) => {
        if (name === point) throw new Error(`died at ${name}`);
      },
    });
    const event = created('sub_1');
    // The test's process lives on where a real one would not; what it does next is not what is looked at.
    await dying.deliver(event).catch(() => {});
    await dying.inbox.worker.settled().catch(() => {});
    await releaseInboxClaims(test.database.connection);
    const next = harness({ handlers });
    await next.inbox.worker.settled();
    expect(await everything()).toEqual([`${event.id} processed`]);
    expect(effects).toEqual(['sub_1']);
  });

  it('while it asks Stripe leaves its events to the next one, when its lease has ended', async () => {
    const { inbox, deliver } = harness();
    await deliver(created('sub_1'));
    await inbox.worker.settled();
    const doubtful = stripe.change('customer.subscription.updated', subscription('sub_1', 'past_due'));
    const dying = harness({
      crashPoint: (name) => {
        if (name === 'inbox.committed') throw new Error('died before it asked');
      },
    });
    await dying.deliver(doubtful);
    await expect(dying.inbox.worker.settled()).rejects.toThrow('died before it asked');
    await inbox.worker.settled();
    expect((await inbox.get(doubtful.id)).status).toBe('pending');
    ports.clock.pass(60_000);
    await inbox.worker.settled();
    expect((await inbox.get(doubtful.id)).status).toBe('processed');
  });
});
