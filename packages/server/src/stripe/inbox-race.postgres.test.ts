import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { OpenedDatabase } from '../db/engine.ts';
import { openDatabase } from '../db/open.ts';
import type { ProjectionHandlers } from './projection-handlers.ts';
import { createInboxHarness } from './test/inbox-harness.ts';
import { createSimulatedStripe, subscription } from './test/simulated-stripe.ts';

const processes = 3;
const ports = Array.from({ length: processes }, (_, index) => createTestPorts({ seed: `process ${index}` }));
let test: TestDatabase;
let databases: OpenedDatabase[];
beforeAll(async () => {
  test = await createTestDatabase();
  databases = await Promise.all(
    Array.from({ length: processes }, () =>
      openDatabase({ databaseUrl: test.url, dataDir: null, log: createTestPorts().log, poolSize: 5 }),
    ),
  );
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await test.close();
});

/** Counts in the database, as a real effect does: in the transaction of the change. */
const counting: ProjectionHandlers = {
  async subscription({ connection }, { object }) {
    const row = { key: `told ${object.id}`, updated_at: new Date() };
    const before = await connection
      .selectFrom('settings')
      .select('value')
      .where('key', '=', row.key)
      .executeTakeFirst();
    const value = JSON.stringify(Number(before?.value ?? 0) + 1);
    await connection
      .insertInto('settings')
      .values({ ...row, value })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ value }))
      .execute();
  },
};
const told = async (id: string) => {
  const row = await test.database.connection
    .selectFrom('settings')
    .select('value')
    .where('key', '=', `told ${id}`)
    .executeTakeFirst();
  return Number(row?.value ?? 0);
};

function harnesses(stripe: ReturnType<typeof createSimulatedStripe>) {
  return databases.map((database, index) => {
    const own = ports[index] ?? createTestPorts();
    return createInboxHarness({ database, ports: own, fetch: stripe.fetch, handlers: counting, concurrency: 4 });
  });
}

describe('200 deliveries of one event at the same moment', () => {
  it('over several processes are one event with one effect', async () => {
    const stripe = createSimulatedStripe();
    const all = harnesses(stripe);
    const event = stripe.change('customer.subscription.created', subscription('sub_raced', 'active'));
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => all[index % processes]?.deliver(event)),
    );
    await Promise.all(all.map(({ inbox }) => inbox.worker.settled()));
    expect(answers.filter((answer) => answer === 'stored')).toHaveLength(1);
    expect(answers.filter((answer) => answer === 'duplicate')).toHaveLength(199);
    const entries = await all[0]?.inbox.list({}, null, 10);
    expect(entries).toMatchObject([{ eventId: event.id, status: 'processed' }]);
    expect(await told('sub_raced')).toBe(1);
  });
});

describe('many histories at the same moment, over several processes', () => {
  it('all end as Stripe has them, with no event left over', async () => {
    const stripe = createSimulatedStripe();
    const all = harnesses(stripe);
    const ids = Array.from({ length: 25 }, (_, index) => `sub_many_${index}`);
    const events = [];
    for (const status of ['incomplete', 'active', 'past_due', 'active', 'unpaid', 'active']) {
      for (const id of ids) events.push(stripe.change('customer.subscription.updated', subscription(id, status)));
      // Some of the states are of one second, and of others the order is known.
      stripe.nowMs += 700;
    }
    const shuffled = events.map((event, index) => ({ event, place: (index * 7919) % 101 }));
    shuffled.sort((one, other) => one.place - other.place);
    for (const { inbox } of all) inbox.worker.start();
    await Promise.all(shuffled.map(({ event }, index) => all[index % processes]?.deliver(event)));
    // Whoever gave way to the others too often tries again a little later.
    for (let rounds = 0; rounds < 10; rounds += 1) {
      await Promise.all(all.map(({ inbox }) => inbox.worker.settled()));
      for (const { clock } of ports) clock.pass(5_000);
    }
    await Promise.all(all.map(({ inbox }) => inbox.worker.stop()));
    const wrong: string[] = [];
    for (const id of ids) {
      const state = await all[0]?.mirrored('subscription', id);
      if (state?.object.status !== 'active') wrong.push(`${id} is ${String(state?.object.status)}`);
    }
    expect(wrong).toEqual([]);
    expect(await all[0]?.inbox.lag()).toEqual({ pending: 0, failed: 0, oldestSeconds: 0 });
  });
});
