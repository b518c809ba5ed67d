import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts, type TestPorts } from '../../test/support/ports.ts';
import type { SubscriptionCommands } from '../modules/subscriptions/index.ts';
import { silentLog } from '../observability/log.ts';
import { createStripeClient, type StripeClient } from './client/index.ts';
import { createIntents, type Intents } from './intents.ts';
import { mirror } from './mirror.ts';
import { createProjector, type Projector } from './project.ts';
import { createSubscriptionChanges } from './subscription-changes.ts';
import { createSubscriptionCommands } from './subscription-commands.ts';

let test: TestDatabase;
let sandbox: TestSandbox;
let client: StripeClient;
let ports: TestPorts;
let intents: Intents;
let projector: Projector;
let commands: SubscriptionCommands;
let priceId: string;
let reference: string;
let count = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  sandbox = await startTestSandbox();
  const resilience = { retries: 0, failuresToOpen: 1_000 };
  client = createStripeClient({ secretKey: 'sk_test_commands', apiUrl: sandbox.url, log: silentLog, resilience });
  const named = { metadata: {}, idempotencyKey: 'commands' };
  const product = await client.findOrCreateProduct({ id: 'commands', name: 'Commands', description: null, ...named });
  const price = await client.findOrCreatePrice({
    productId: product.id,
    lookupKey: 'commands',
    nickname: 'commands',
    amountCents: 2500,
    currency: 'usd',
    interval: 'month',
    intervalCount: 1,
    metadata: {},
    idempotencyKey: 'commands-price',
  });
  priceId = price.id;
});

afterAll(async () => {
  await test?.close();
  await sandbox?.close();
});

beforeEach(async () => {
  count += 1;
  ports = createTestPorts({ seed: `commands ${count}`, startAt: new Date() });
  const { clock, ids, log } = ports;
  const { database } = test;
  intents = createIntents({ database, clock, ids, client, log, crashPoint: () => {} });
  const fetch = client.fetch.bind(client);
  projector = createProjector({ database, clock, fetch, handlers: {}, log });
  commands = createSubscriptionCommands({ database, client, intents, projector });
  const customer = await client.createCustomer({ email: `c${count}@example.com` }, `customer-${count}`);
  const { object } = await client.createSubscription(
    { customerId: customer.object.id, priceId, trialDays: 30, metadata: {} },
    `subscription-${count}`,
  );
  reference = object.id;
});

afterEach(() => intents.worker.stop());

async function awayFor(requests: number): Promise<void> {
  await fetch(`${sandbox.url}/_sandbox/fail`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ requests, status: 500 }),
  });
}

async function workLeftOpen(): Promise<void> {
  ports.clock.pass(60_000);
  await intents.worker.settled();
}

const atStripe = async () => (await client.fetch('subscription', reference))?.object;
const here = () => mirror.subscription(test.database.connection, reference);

describe('what is asked of a subscription', () => {
  it('is done at Stripe and known here when the call returns', async () => {
    await commands.cancel(reference, { atPeriodEnd: true });
    expect(await atStripe()).toMatchObject({ cancel_at_period_end: true, status: 'trialing' });
    expect(await here()).toMatchObject({ cancel_at_period_end: true, status: 'trialing' });
    await commands.update(reference, { cancelAtPeriodEnd: false, metadata: { seat: '4' } });
    expect(await here()).toMatchObject({ cancel_at_period_end: false, metadata: { seat: '4' } });
    await commands.cancel(reference, { atPeriodEnd: false });
    expect(await here()).toMatchObject({ status: 'canceled' });
  });

  it('while Stripe was away is carried out when it is back', async () => {
    await awayFor(1);
    await expect(commands.cancel(reference, { atPeriodEnd: true })).rejects.toMatchObject({
      code: 'stripe_unavailable',
    });
    await workLeftOpen();
    expect(await atStripe()).toMatchObject({ cancel_at_period_end: true });
  });

  it.each([true, false])(
    'and taken back later is not done after all (at the period’s end: %s)',
    async (atPeriodEnd) => {
      await awayFor(1);
      await commands.cancel(reference, { atPeriodEnd }).catch(() => {});
      await commands.update(reference, { cancelAtPeriodEnd: false });
      await workLeftOpen();
      expect(await atStripe()).toMatchObject({ cancel_at_period_end: false, status: 'trialing' });
    },
  );

  it('is kept when something else is asked before it was done', async () => {
    await awayFor(1);
    await commands.cancel(reference, { atPeriodEnd: true }).catch(() => {});
    await commands.update(reference, { metadata: { seat: '5' } });
    await workLeftOpen();
    expect(await atStripe()).toMatchObject({ cancel_at_period_end: true, metadata: { seat: '5' } });
  });

  it('of the same detail twice ends as it was asked last', async () => {
    await awayFor(1);
    await commands.update(reference, { metadata: { seat: 'old', desk: 'kept' } }).catch(() => {});
    await commands.update(reference, { metadata: { seat: 'new' } });
    await workLeftOpen();
    expect(await atStripe()).toMatchObject({ metadata: { seat: 'new', desk: 'kept' } });
  });
});

describe('a change of plan that Stripe could not be told of', () => {
  async function changeWhileAway(): Promise<void> {
    const changes = createSubscriptionChanges({ database: test.database, client, intents, projector });
    const item = await changes.look(reference);
    if (item === null) throw new Error('There is no subscription.');
    const planned = await test.database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) =>
      changes.plan(transaction, {
        reference,
        way: 'change',
        itemId: item.itemId,
        priceId: item.priceId,
        quantity: 7,
        interval: 'month',
        intervalCount: 1,
        proration: 'none',
        prorationDate: null,
        releases: null,
        note: '',
      }),
    );
    await awayFor(1);
    await expect(changes.carryOut(planned, item)).rejects.toMatchObject({ code: 'stripe_unavailable' });
  }

  it('is carried out when Stripe is back', async () => {
    await changeWhileAway();
    await workLeftOpen();
    expect(await atStripe()).toMatchObject({ items: { data: [{ quantity: 7 }] } });
  });

  it.each([true, false])('is not, once it was cancelled (at the period’s end: %s)', async (atPeriodEnd) => {
    await changeWhileAway();
    await commands.cancel(reference, { atPeriodEnd });
    await workLeftOpen();
    expect(await atStripe()).toMatchObject({ items: { data: [{ quantity: 1 }] } });
  });
});

describe('a refresh', () => {
  it('takes over the subscription and its invoices', async () => {
    await commands.refresh(reference);
    expect(await here()).toMatchObject({ id: reference, status: 'trialing' });
    expect(await mirror.invoicesOf(test.database.connection, reference)).toHaveLength(1);
  });

  it('of a subscription that Stripe does not know is no error, so that the next one has its turn', async () => {
    await expect(commands.refresh('sub_none')).resolves.toBeUndefined();
  });
});
