import { dayMs, hourMs } from '@latchkey/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import { createSubscribing } from '../../../test/support/subscribing.ts';
import type { SourceInvoice, SourceSubscription } from './index.ts';

let test: TestDatabase;
let ports: TestPorts;
let house: ReturnType<typeof createSubscribing>;
let reference: string;
let start: number;
let customers = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  house = createSubscribing(test.database, ports, await loadExampleCatalog());
});

afterAll(async () => {
  await test?.close();
});

beforeEach(async () => {
  customers += 1;
  reference = `sub_${customers}`;
  start = ports.clock.now().getTime();
  await write((transaction) =>
    house.customers.ensure(transaction, { stripeCustomerId: `cus_${customers}`, email: `c${customers}@example.com` }),
  );
});

const MONTH = 30 * dayMs;

function write<T>(work: Parameters<typeof test.database.transaction<T>>[1]): Promise<T> {
  return test.database.transaction({ actor: { type: 'stripe', id: null } }, work);
}

function invoice(period: number, fields: Partial<SourceInvoice>): SourceInvoice {
  const begins = start + period * MONTH;
  return {
    id: `in_${customers}_${period}`,
    status: 'paid',
    created: begins,
    finalizedAt: period === 0 ? begins : begins + hourMs,
    attemptCount: 1,
    nextAttemptAt: null,
    paysUntil: begins + MONTH,
    amountDueCents: 2500,
    currency: 'usd',
    payUrl: null,
    ...fields,
  };
}

function source(period: number, status: string, invoices: SourceInvoice[]): SourceSubscription {
  return {
    source: 'stripe',
    reference,
    status,
    startedAt: start,
    currentPeriodStart: start + period * MONTH,
    currentPeriodEnd: start + (period + 1) * MONTH,
    trialEnd: null,
    cancelAt: null,
    canceledAt: null,
    endedAt: status === 'canceled' ? ports.clock.now().getTime() : null,
    stripeCustomerId: `cus_${customers}`,
    product: 'infinite-server26',
    plan: 'license',
    amountCents: 2500,
    currency: 'usd',
    interval: 'month',
    intervalCount: 1,
    quantity: 1,
    metadata: {},
    invoices,
  };
}

async function hear(state: SourceSubscription): Promise<void> {
  house.stripe.subscriptions.set(reference, state);
  await write((transaction) => house.subscriptions.follow(transaction, reference));
}

async function letters(): Promise<string[]> {
  const rows = await test.database.connection
    .selectFrom('outbox')
    .select(['payload'])
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows
    .map((row) => row.payload as { template: string; to: string })
    .filter(({ to }) => to === `c${customers}@example.com`)
    .map(({ template }) => template);
}

async function license() {
  const found = await house.reader.findByOrigin(test.database.connection, `subscription:${reference}`);
  if (found === null) throw new Error('there is no licence');
  return { ...found, status: house.reader.status(found) };
}

const owed = (attempts: number) => invoice(1, { status: 'open', attemptCount: attempts, paysUntil: start + 2 * MONTH });

describe('a subscription that is paid for the first time', () => {
  it('brings one licence, paid through the period, and one letter, however often it is heard of', async () => {
    await hear(source(0, 'incomplete', []));
    expect(await house.reader.findByOrigin(test.database.connection, `subscription:${reference}`)).toBeNull();
    const paid = source(0, 'active', [invoice(0, {})]);
    for (let times = 0; times < 3; times += 1) await hear(paid);
    expect(await license()).toMatchObject({ status: 'active', expiresAt: start + MONTH });
    expect(await letters()).toEqual(['license-issued']);
  });

  it('is not given a licence when it has ended before it was ever paid', async () => {
    await hear(source(0, 'incomplete_expired', []));
    expect(await house.reader.findByOrigin(test.database.connection, `subscription:${reference}`)).toBeNull();
    expect(await letters()).toEqual([]);
  });

  it('asks Stripe who the customer is when there is nobody to write to, and writes once that is known', async () => {
    customers += 1;
    reference = `sub_${customers}`;
    await hear(source(0, 'active', [invoice(0, {})]));
    expect(house.stripe.askedFor).toContain(`cus_${customers}`);
    expect(await letters()).toEqual([]);
    const known = { id: `cus_${customers}`, email: `c${customers}@example.com`, name: null, deleted: false };
    await write((transaction) => house.customers.followStripe(transaction, known));
    await hear(source(0, 'active', [invoice(0, {})]));
    expect(await letters()).toEqual(['license-issued']);
  });
});

describe('a renewal', () => {
  it('extends the licence when it is paid and not before, without interrupting it in between', async () => {
    await hear(source(0, 'active', [invoice(0, {})]));
    ports.clock.advance(MONTH + 1);
    await hear(source(1, 'active', [invoice(0, {}), invoice(1, { status: 'draft', attemptCount: 0 })]));
    expect(await license()).toMatchObject({ status: 'active', expiresAt: start + MONTH });
    await hear(source(1, 'active', [invoice(0, {}), invoice(1, {})]));
    expect(await license()).toMatchObject({ status: 'active', expiresAt: start + 2 * MONTH });
    expect(await letters()).toEqual(['license-issued', 'subscription-renewed']);
  });

  it('keeps nothing alive beyond the grace time when Stripe falls silent', async () => {
    await hear(source(0, 'active', [invoice(0, {})]));
    ports.clock.advance(MONTH + 3 * dayMs - 1);
    expect((await license()).status).toBe('active');
    ports.clock.advance(1);
    expect((await license()).status).toBe('expired');
  });
});

describe('a payment that fails', () => {
  it('leads through grace and suspension to revocation, with a letter at each step', async () => {
    await hear(source(0, 'active', [invoice(0, {})]));
    ports.clock.advance(MONTH + hourMs);
    await hear(source(1, 'past_due', [invoice(0, {}), owed(1)]));
    expect((await license()).status).toBe('grace');
    ports.clock.advance(3 * dayMs);
    expect((await license()).status).toBe('suspended');
    await house.subscriptions.monitor();
    await hear(source(1, 'past_due', [invoice(0, {}), owed(2)]));
    expect((await license()).status).toBe('suspended');
    ports.clock.advance(5 * dayMs);
    await hear(source(1, 'past_due', [invoice(0, {}), owed(3)]));
    expect((await license()).status).toBe('revoked');
    expect(await letters()).toEqual([
      'license-issued',
      'payment-failed',
      'subscription-suspended',
      'payment-failed',
      'license-revoked',
    ]);
  });

  it('gives everything back at once when it is paid after all, and only what the payment took', async () => {
    await hear(source(0, 'active', [invoice(0, {})]));
    ports.clock.advance(MONTH + 9 * dayMs);
    await hear(source(1, 'past_due', [invoice(0, {}), owed(3)]));
    expect((await license()).status).toBe('revoked');
    await hear(source(1, 'active', [invoice(0, {}), invoice(1, { attemptCount: 4 })]));
    expect(await license()).toMatchObject({ status: 'active', expiresAt: start + 2 * MONTH, holds: [] });
  });

  it('ends the same whichever of the states in between were heard of', async () => {
    const states = [
      () => source(1, 'past_due', [invoice(0, {}), owed(1)]),
      () => source(1, 'past_due', [invoice(0, {}), owed(2)]),
      () => source(1, 'active', [invoice(0, {}), invoice(1, { attemptCount: 3 })]),
    ];
    for (let heard = 0; heard < 8; heard += 1) {
      customers += 1;
      reference = `sub_${customers}`;
      await hear(source(0, 'active', [invoice(0, {})]));
      for (const [index, state] of states.entries()) if ((heard >> index) & 1) await hear(state());
      await hear(source(1, 'active', [invoice(0, {}), invoice(1, { attemptCount: 3 })]));
      expect(await license(), `heard ${heard.toString(2)}`).toMatchObject({
        status: 'active',
        expiresAt: start + 2 * MONTH,
        holds: [],
      });
    }
  });
});

describe('a cancellation', () => {
  it('revokes the licence and says so once', async () => {
    await hear(source(0, 'active', [invoice(0, {})]));
    await hear(source(0, 'canceled', [invoice(0, {})]));
    await hear(source(0, 'canceled', [invoice(0, {})]));
    expect((await license()).status).toBe('revoked');
    expect(await letters()).toEqual(['license-issued', 'subscription-canceled']);
  });
});

describe('a subscription kept by hand', () => {
  async function byHand() {
    const { license: issued, key } = await write((transaction) =>
      house.licenses.issue(transaction, {
        product: 'infinite-server26',
        plan: 'license',
        origin: `subscription:${reference}`,
        keyCustomer: 'own-1',
        keySubscription: reference,
        customerId: null,
        subscriptionId: null,
      }),
    );
    const customer = await write((transaction) =>
      house.customers.ensure(transaction, { email: `c${customers}@example.com` }),
    );
    const added = { reference, licenseId: issued.id, customerId: customer.id };
    await write((transaction) => house.subscriptions.add(transaction, added));
    return key;
  }

  it('counts failures, suspends after grace, revokes at the third, and a renewal gives all of it back', async () => {
    await byHand();
    ports.clock.advance(MONTH);
    expect((await house.subscriptions.paymentFailed(reference, write)).standing).toBe('grace');
    expect((await license()).status).toBe('grace');
    await house.subscriptions.paymentFailed(reference, write);
    const third = await house.subscriptions.paymentFailed(reference, write);
    expect(third).toMatchObject({ standing: 'revoked', failed_payments: 3 });
    expect((await license()).status).toBe('revoked');
    expect(await letters()).toContain('license-revoked');
    const renewed = await house.subscriptions.renew(reference, write);
    expect(renewed).toMatchObject({ standing: 'current', failed_payments: 0 });
    expect(await license()).toMatchObject({ status: 'active', expiresAt: start + 2 * MONTH });
  });

  it('ends at the end of its period when that was asked for', async () => {
    await byHand();
    await house.subscriptions.cancel(reference, { atPeriodEnd: true, write });
    expect((await license()).status).toBe('active');
    ports.clock.advance(MONTH);
    await house.subscriptions.monitor();
    expect((await house.subscriptions.get(reference)).standing).toBe('ended');
    expect((await license()).status).toBe('revoked');
  });
});

describe('statistics', () => {
  it('add up what comes in a month and count every subscription once', async () => {
    const before = await house.subscriptions.statistics();
    await hear(source(0, 'active', [invoice(0, {})]));
    const after = await house.subscriptions.statistics();
    expect(after.totalSubscriptions).toBe(before.totalSubscriptions + 1);
    expect(after.active).toBe(before.active + 1);
    expect(after.monthlyRevenueCents.usd).toBe((before.monthlyRevenueCents.usd ?? 0) + 2500);
    await hear(source(0, 'canceled', [invoice(0, {})]));
    const canceled = await house.subscriptions.statistics();
    expect(canceled.canceled).toBe(before.canceled + 1);
    expect(canceled.monthlyRevenueCents.usd ?? 0).toBe(before.monthlyRevenueCents.usd ?? 0);
  });
});

describe('a licence that was imported for a subscription', () => {
  it('is taken over by it: its key stays, it follows what is paid, and no second one is issued or mailed', async () => {
    const { license: imported } = await write((transaction) =>
      house.licenses.issue(transaction, {
        product: 'infinite-server26',
        plan: 'license',
        origin: `import:${reference}`,
        key: `a key from the system before ${reference}`,
        keyCustomer: 'imported',
        keySubscription: 'imported',
        customerId: null,
        subscriptionId: null,
        expiresAt: new Date(start + dayMs),
        metadata: { stripe_subscription_id: reference },
      }),
    );
    await hear(source(0, 'active', [invoice(0, {})]));
    const all = await house.reader.list({}, { limit: 100, after: null });
    const ofReference = all.filter(({ origin }) => origin.endsWith(reference));
    expect(ofReference).toMatchObject([{ id: imported.id, coverage: 'renewing', expiresAt: start + MONTH }]);
    expect(await letters()).toEqual([]);
    await hear(source(0, 'canceled', [invoice(0, {})]));
    expect(house.reader.status(await house.reader.get(imported.id))).toBe('revoked');
  });
});

describe('a subscription of a product with several plans', () => {
  const falcon = (plan: string, status = 'active', change: Partial<SourceSubscription> = {}) => ({
    ...source(0, status, [invoice(0, {})]),
    product: 'quantum-falcon',
    plan,
    ...change,
  });

  it('takes its licence along to another plan, and the key stays', async () => {
    await hear(falcon('pro'));
    const before = await license();
    await hear(falcon('elite'));
    const after = await license();
    expect(after).toMatchObject({ id: before.id, plan: 'elite', status: 'active', keyHint: before.keyHint });
    expect(house.reader.granted(after).entitlements).toContain('whale_tracking');
    await hear(falcon('pro'));
    expect(house.reader.granted(await license()).entitlements).not.toContain('whale_tracking');
  });

  it('ends with the shorter period where a longer one was given back, but never before an end that the vendor gave', async () => {
    const yearEnd = start + 12 * MONTH;
    const yearly = { currentPeriodEnd: yearEnd, invoices: [invoice(0, { paysUntil: yearEnd })] };
    await hear(falcon('elite', 'active', yearly));
    expect(await license()).toMatchObject({ expiresAt: yearEnd });
    await hear(falcon('pro', 'active', { invoices: yearly.invoices }));
    expect(await license()).toMatchObject({ expiresAt: start + MONTH });

    await hear(falcon('elite', 'active', yearly));
    const given = yearEnd + MONTH;
    const { id } = await license();
    await write((transaction) => house.licenses.renew(transaction, id, new Date(given)));
    await hear(falcon('pro', 'active', { invoices: yearly.invoices }));
    expect(await license()).toMatchObject({ expiresAt: given });
  });

  it('leaves its licence on the free plan, for good, when what was paid is used up, and not a moment before', async () => {
    await hear(falcon('elite'));
    const paid = await license();
    await hear(falcon('elite', 'canceled'));
    ports.clock.advance(MONTH - 1);
    await house.subscriptions.monitor();
    expect(await license()).toMatchObject({ plan: 'elite', status: 'active' });
    ports.clock.advance(1);
    expect(await house.subscriptions.nextDueAt()).toEqual(new Date(start + MONTH));
    await house.subscriptions.monitor();
    const free = await license();
    expect(free).toMatchObject({ id: paid.id, plan: 'free', status: 'active', expiresAt: null });
    expect(house.reader.granted(free).entitlements).not.toContain('whale_tracking');
    ports.clock.advance(400 * dayMs);
    await hear(falcon('elite', 'canceled'));
    expect(await license()).toMatchObject({ plan: 'free', status: 'active', version: free.version });
  });
});

describe('what comes in each month', () => {
  const movements = () =>
    test.database.connection
      .selectFrom('revenue_movements')
      .innerJoin('subscriptions', 'subscriptions.id', 'revenue_movements.subscription_id')
      .select(['kind', 'delta_cents'])
      .where('reference', '=', reference)
      .orderBy('revenue_movements.at')
      .orderBy('revenue_movements.id')
      .execute();
  const now = (status: string, amountCents = 2500) => ({ ...source(0, status, [invoice(0, {})]), amountCents });

  it('is written down as it moves, once for each change, and by its kind', async () => {
    await hear(now('trialing'));
    expect(await movements()).toEqual([]);
    for (const state of [
      now('active'),
      now('active'),
      now('active', 9900),
      now('past_due', 9900),
      now('active', 4900),
    ]) {
      await hear(state);
    }
    await hear(now('unpaid', 4900));
    await hear(now('active', 4900));
    await hear(now('canceled', 4900));
    expect(await movements()).toEqual([
      { kind: 'new', delta_cents: 2500 },
      { kind: 'expansion', delta_cents: 7400 },
      { kind: 'contraction', delta_cents: -5000 },
      { kind: 'churn', delta_cents: -4900 },
      { kind: 'reactivation', delta_cents: 4900 },
      { kind: 'churn', delta_cents: -4900 },
    ]);
  });

  it('is the sum of all movements there ever were', async () => {
    const { connection } = test.database;
    const { sum } = connection.fn;
    const moved = await connection
      .selectFrom('revenue_movements')
      .select(sum<string>('delta_cents').as('total'))
      .executeTakeFirstOrThrow();
    const stands = await connection
      .selectFrom('subscriptions')
      .select(sum<string>('mrr_cents').as('total'))
      .executeTakeFirstOrThrow();
    expect(Number(moved.total)).toBeGreaterThan(0);
    expect(Number(moved.total)).toBe(Number(stands.total));
  });
});
