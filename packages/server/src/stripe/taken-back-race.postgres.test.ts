import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { loadExampleCatalog } from '../../test/support/licensing.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { OpenedDatabase } from '../db/engine.ts';
import { openDatabase } from '../db/open.ts';
import { observe } from './event.ts';
import { createHouseBehindInbox } from './test/house.ts';
import { createSimulatedPayments } from './test/simulated-payments.ts';
import { createSimulatedStripe, type SimulatedEvent } from './test/simulated-stripe.ts';

const processes = 3;
const ports = Array.from({ length: processes }, (_, index) => createTestPorts({ seed: `process ${index}` }));
let test: TestDatabase;
let databases: OpenedDatabase[];
beforeAll(async () => {
  test = await createTestDatabase();
  databases = await Promise.all(
    ports.map(({ log }) => openDatabase({ databaseUrl: test.url, dataDir: null, log, poolSize: 5 })),
  );
});
afterAll(async () => {
  await Promise.all(databases.map((database) => database.close()));
  await test.close();
});

describe('a payment that was taken back, told to several processes at the same moment', () => {
  it('holds its licence whichever of them heard what', async () => {
    const stripe = createSimulatedStripe();
    const loaded = await loadExampleCatalog();
    const houses = ports.map((own, index) => {
      const database = databases[index] ?? test.database;
      return createHouseBehindInbox({ database, ports: own, loaded, fetch: stripe.fetch, concurrency: 4 });
    });
    const all = Array.from({ length: 40 }, (_, index) => {
      const payments = createSimulatedPayments(stripe, `raced_${index}`);
      payments.subscribe();
      const paid = payments.pay(1);
      payments.dispute(paid);
      payments.refund(paid, 2_500);
      return payments;
    });
    for (const { inbox } of houses) inbox.worker.start();
    // Every process gets other events of the same payment, in another order for each payment.
    for (const [turn, { events }] of all.entries()) {
      const order = events.map((event, index) => ({ event, place: ((index + 1) * (turn + 3) * 7919) % 101 }));
      order.sort((one, other) => one.place - other.place);
      await Promise.all(order.map(({ event }, index) => houses[(index + turn) % processes]?.deliver(event)));
    }
    for (let rounds = 0; rounds < 10; rounds += 1) {
      await Promise.all(houses.map(({ inbox }) => inbox.worker.settled()));
      for (const { clock } of ports) clock.pass(5_000);
    }
    await Promise.all(houses.map(({ inbox }) => inbox.worker.stop()));
    const wrong: string[] = [];
    for (const { reference } of all) {
      const outcome = await houses[0]?.outcome(reference);
      if (outcome?.holds.join() !== 'dispute suspend,refund revoke') {
        wrong.push(`${reference}: ${outcome?.status}, ${outcome?.licenses.length} licences, ${outcome?.holds.join()}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(await houses[0]?.inbox.lag()).toEqual({ pending: 0, failed: 0, oldestSeconds: 0 });
  });
});

const TOLD = [
  'customer.subscription.created',
  'charge.succeeded',
  'invoice_payment.paid',
  'invoice.paid',
  'charge.dispute.created',
] as const;

describe('two things that together call for a hold, each heard in a transaction that does not see the other', () => {
  const pairs = TOLD.flatMap((first) => TOLD.filter((one) => one !== first).map((second) => [first, second] as const));
  it.each(pairs)('%s and then %s hold the licence all the same', async (...pair) => {
    const stripe = createSimulatedStripe();
    const loaded = await loadExampleCatalog();
    const [left, right] = databases.map((database, index) =>
      createHouseBehindInbox({ database, ports: ports[index] ?? createTestPorts(), loaded, fetch: stripe.fetch }),
    );
    if (left === undefined || right === undefined) throw new Error('Two processes are needed.');
    const payments = createSimulatedPayments(stripe, `pair_${pair.join('_').replace(/\W/g, '_')}`);
    payments.subscribe();
    payments.dispute(payments.pay(1));
    const isOfPair = ({ type }: SimulatedEvent): boolean => pair.some((one) => one === type);
    const told = payments.events.filter(({ type }) => type !== 'charge.dispute.funds_withdrawn');
    for (const event of told.filter((one) => !isOfPair(one))) await left.deliver(event);
    await left.inbox.worker.settled();
    const [first, second] = pair.map((type) => told.find((event) => event.type === type));
    let other: Promise<unknown> = Promise.resolve();
    await project(left, databases[0], first, async () => {
      other = project(right, databases[1], second, async () => {});
      await Promise.race([other, untilSomebodyWaits()]);
    });
    await other;
    expect((await left.outcome(payments.reference)).holds).toEqual(['dispute suspend']);
  });

  /** Projects one event, and does something more before that is committed. */
  async function project(
    house: ReturnType<typeof createHouseBehindInbox>,
    database: OpenedDatabase | undefined,
    event: SimulatedEvent | undefined,
    before: () => Promise<void>,
  ): Promise<void> {
    if (event === undefined || database === undefined) throw new Error('There is nothing to project.');
    const observation = observe(event.type, new Date(event.created * 1_000), event);
    if (typeof observation === 'string') throw new Error(observation);
    await database.transaction({ actor: { type: 'stripe', id: null } }, async (transaction) => {
      expect(await house.projector.projectEvents(transaction, [observation])).toEqual([]);
      await before();
    });
  }

  async function untilSomebodyWaits(): Promise<void> {
    for (let asked = 0; asked < 1_000; asked += 1) {
      const waiting = await sql`
        SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      `.execute(test.database.connection);
      if (waiting.rows.length > 0) return;
    }
    throw new Error('Nobody waits, and nobody is done.');
  }
});
