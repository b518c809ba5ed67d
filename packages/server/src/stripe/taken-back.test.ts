import type { Catalog, WithdrawalPolicy } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { loadExampleCatalog } from '../../test/support/licensing.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { LoadedCatalog } from '../catalog/load.ts';
import { createHouseBehindInbox } from './test/house.ts';
import { createSimulatedPayments, type InvoiceShape, type SimulatedPayments } from './test/simulated-payments.ts';
import { createSimulatedStripe, type SimulatedEvent, type SimulatedStripe } from './test/simulated-stripe.ts';

const ports = createTestPorts();
let test: TestDatabase;
let loaded: LoadedCatalog;
beforeAll(async () => {
  test = await createTestDatabase();
  loaded = await loadExampleCatalog();
});
afterAll(() => test.close());

const DEFAULT: WithdrawalPolicy = { onRefund: 'revoke', onDispute: 'suspend' };

function withPolicy(withdrawal: WithdrawalPolicy): Catalog {
  return { products: loaded.catalog.products.map((product) => ({ ...product, withdrawal })) };
}

/** The same shuffle for the same seed. */
function shuffled<T>(all: readonly T[], seed: number): T[] {
  let state = seed * 2_654_435_761 + 1;
  const random = () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) | 0;
    return (state >>> 0) / 2 ** 32;
  };
  const order = [...all];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

interface Scenario {
  name: string;
  happens(payments: SimulatedPayments): void;
  /** Cause and effect of the holds that stand in the end, whatever the order. */
  holds: string[];
  /** Letters that say the licence was revoked; left out where it depends on what was heard first. */
  revoked?: number;
  policy?: WithdrawalPolicy;
  shape?: InvoiceShape;
  /** What is told at all; left out: everything. */
  isTold?: (event: SimulatedEvent) => boolean;
}

const isNoRefundEvent = ({ type }: SimulatedEvent): boolean => !type.startsWith('refund.');

const paid = (payments: SimulatedPayments): string => {
  payments.subscribe();
  const id = payments.pay(1);
  payments.wait(3_600);
  return id;
};

const scenarios: Scenario[] = [
  { name: 'a payment and nothing else', happens: (all) => void paid(all), holds: [], revoked: 0 },
  {
    name: 'a dispute that is open',
    happens: (all) => void all.dispute(paid(all)),
    holds: ['dispute suspend'],
    revoked: 0,
  },
  {
    name: 'a dispute that was won, seconds after it began',
    happens: (all) => all.disputeCloses(all.dispute(paid(all)), 'won'),
    holds: [],
  },
  {
    name: 'a dispute that was answered and lost',
    happens(all) {
      const dispute = all.dispute(paid(all));
      all.wait(60);
      all.disputeTurns(dispute, 'under_review');
      all.wait(60);
      all.disputeCloses(dispute, 'lost');
    },
    holds: ['dispute suspend'],
    revoked: 0,
  },
  {
    name: 'a won dispute where disputes revoke',
    happens(all) {
      const dispute = all.dispute(paid(all));
      all.wait(60);
      all.disputeCloses(dispute, 'won');
    },
    holds: [],
    policy: { onRefund: 'keep', onDispute: 'revoke' },
  },
  {
    name: 'an inquiry that became a dispute',
    happens(all) {
      const dispute = all.dispute(paid(all), 'warning_needs_response');
      all.disputeTurns(dispute, 'needs_response');
      all.disputeTurns(dispute, 'needs_response', 'funds_withdrawn');
    },
    holds: ['dispute suspend'],
  },
  {
    name: 'an inquiry that came to nothing',
    happens: (all) => all.disputeCloses(all.dispute(paid(all), 'warning_needs_response'), 'warning_closed'),
    holds: [],
    revoked: 0,
  },
  { name: 'a refund of a part', happens: (all) => void all.refund(paid(all), 2_499), holds: [], revoked: 0 },
  {
    name: 'a refund of all',
    happens: (all) => void all.refund(paid(all), 2_500),
    holds: ['refund revoke'],
    revoked: 1,
  },
  {
    name: 'a refund of all, told in the older shape',
    happens: (all) => void all.refund(paid(all), 2_500),
    holds: ['refund revoke'],
    revoked: 1,
    shape: 'older',
  },
  {
    name: 'a refund of all, told by the charge alone',
    happens: (all) => void all.refund(paid(all), 2_500),
    holds: ['refund revoke'],
    revoked: 1,
    isTold: isNoRefundEvent,
  },
  {
    name: 'a refund that came back, told by the charge alone',
    happens(all) {
      const refund = all.refund(paid(all), 2_500);
      all.wait(60);
      all.refundFails(refund, 'charge.updated');
    },
    holds: [],
    isTold: isNoRefundEvent,
  },
  {
    name: 'a refund in two parts',
    happens(all) {
      const id = paid(all);
      all.refund(id, 1_000);
      all.wait(60);
      all.refund(id, 1_500);
    },
    holds: ['refund revoke'],
    revoked: 1,
  },
  {
    name: 'a refund that was pending',
    happens(all) {
      const refund = all.refund(paid(all), 2_500, 'pending');
      all.wait(60);
      all.refundSucceeds(refund);
    },
    holds: ['refund revoke'],
    revoked: 1,
  },
  {
    name: 'a refund that came back',
    happens(all) {
      const refund = all.refund(paid(all), 2_500);
      all.wait(60);
      all.refundFails(refund);
    },
    holds: [],
  },
  {
    name: 'a refund that came back, and another that did not',
    happens(all) {
      const id = paid(all);
      all.refundFails(all.refund(id, 1_000));
      all.wait(60);
      all.refund(id, 2_500);
    },
    holds: ['refund revoke'],
  },
  {
    name: 'a refund where refunds keep',
    happens: (all) => void all.refund(paid(all), 2_500),
    holds: [],
    revoked: 0,
    policy: { onRefund: 'keep', onDispute: 'keep' },
  },
  {
    name: 'a refund of the month before',
    happens(all) {
      const id = paid(all);
      all.pay(2);
      all.wait(60);
      all.refund(id, 2_500);
    },
    holds: [],
  },
  {
    name: 'a refund of this month, and a dispute of the month before that was lost',
    happens(all) {
      const id = paid(all);
      const second = all.pay(2);
      all.disputeCloses(all.dispute(id), 'lost');
      all.refund(second, 2_500);
    },
    holds: ['dispute suspend', 'refund revoke'],
  },
];

/** The first as it happened, the others shuffled; every scenario on both engines. */
const ORDERS = process.env.LATCHKEY_TEST_LONG === '1' ? 60 : 6;

describe('whatever the order in which it is told, and however often', () => {
  it.each(scenarios)('$name: $holds', async (scenario) => {
    const { name, happens, holds, revoked, policy = DEFAULT, shape, isTold = () => true } = scenario;
    const wrong: string[] = [];
    for (let seed = 0; seed < ORDERS; seed += 1) {
      const stripe = createSimulatedStripe();
      const payments = createSimulatedPayments(stripe, `${name.replace(/\W+/g, '_')}_${seed}`, shape);
      const catalog = withPolicy(policy);
      const house = createHouseBehindInbox({ database: test.database, ports, loaded, catalog, fetch: stripe.fetch });
      happens(payments);
      // The first is told as it happened; every other one in another order, and each event twice from the middle on.
      const events = payments.events.filter(isTold);
      const once = seed === 0 ? events : shuffled(events, seed);
      const told = seed < ORDERS / 2 ? once : shuffled([...once, ...once], seed);
      await tell(house, told, seed % 3);
      const outcome = await house.outcome(payments.reference);
      const letters = outcome.letters.filter((letter) => letter.startsWith('revoked-by')).length;
      const right = outcome.holds.join() === holds.join() && outcome.licenses.length === 1;
      if (!right || (revoked !== undefined && letters !== revoked)) {
        wrong.push(
          `${seed}: ${outcome.holds.join()}, letters ${outcome.letters.join()}: ${told.map(nameOf).join(' ')}`,
        );
      }
    }
    expect(wrong).toEqual([]);
  });
});

describe('what was paid for once', () => {
  it('is withdrawn by its refund and its dispute in all 24 orders', async () => {
    const wrong: string[] = [];
    for (let order = 0; order < 24; order += 1) {
      const stripe = createSimulatedStripe();
      const house = createHouseBehindInbox({ database: test.database, ports, loaded, fetch: stripe.fetch });
      const session = `cs_once_${order}`;
      await insertCheckout(`chk_once_${order}`, session);
      const events = paidOnce(stripe, session, `once_${order}`);
      // The order's digits say which of those that are left comes next.
      for (let left = events.length, rest = order; left > 0; rest = Math.floor(rest / left), left -= 1) {
        const [event] = events.splice(rest % left, 1);
        await house.deliver(event ?? {});
        await house.inbox.worker.settled();
      }
      const license = await house.licenseReader.findByOrigin(test.database.connection, `checkout:${session}`);
      const holds = license?.holds.map(({ cause, effect }) => `${cause} ${effect}`).join();
      if (holds !== 'dispute suspend,refund revoke') wrong.push(`${order}: ${holds}`);
    }
    expect(wrong).toEqual([]);
  });

  const insertCheckout = (id: string, session: string) =>
    test.database.connection
      .insertInto('checkouts')
      .values({
        id,
        intent_id: `int_of_${id}`,
        stripe_session_id: session,
        product: 'quantum-falcon',
        plan: 'lifetime',
        status: 'open',
        created_at: ports.clock.now(),
        updated_at: ports.clock.now(),
      })
      .execute();

  function paidOnce(stripe: SimulatedStripe, session: string, name: string): SimulatedEvent[] {
    const about = { currency: 'usd', charge: `ch_${name}`, payment_intent: `pi_${name}`, reason: null };
    const charge = {
      id: `ch_${name}`,
      object: 'charge',
      status: 'succeeded',
      amount: 149_900,
      amount_refunded: 0,
      customer: `cus_${name}`,
      payment_intent: `pi_${name}`,
    };
    const paid = [
      stripe.change('charge.succeeded', charge),
      stripe.change('checkout.session.completed', {
        id: session,
        object: 'checkout.session',
        mode: 'payment',
        status: 'complete',
        payment_status: 'paid',
        subscription: null,
        payment_intent: `pi_${name}`,
        customer: `cus_${name}`,
        customer_details: { email: `${name}@example.com`, name: 'Ada' },
        metadata: {},
      }),
    ];
    stripe.nowMs += 60_000;
    return [
      ...paid,
      stripe.change('refund.created', {
        id: `re_${name}`,
        object: 'refund',
        status: 'succeeded',
        amount: 149_900,
        ...about,
      }),
      stripe.change('charge.dispute.created', {
        id: `du_${name}`,
        object: 'dispute',
        status: 'needs_response',
        amount: 149_900,
        ...about,
      }),
    ];
  }
});

/** One by one, all at once, or in twos: what is projected together must come to the same. */
async function tell(
  house: ReturnType<typeof createHouseBehindInbox>,
  events: readonly SimulatedEvent[],
  grouping: number,
): Promise<void> {
  const size = [1, events.length, 2][grouping] ?? 1;
  for (const [index, event] of events.entries()) {
    await house.deliver(event);
    if ((index + 1) % size === 0) await house.inbox.worker.settled();
  }
  await house.inbox.worker.settled();
}

function nameOf({ type, data }: SimulatedEvent): string {
  return `${type}(${String(data.object.status ?? '')})`;
}
