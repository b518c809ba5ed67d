import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts, type TestPorts } from '../../test/support/ports.ts';
import type { Transaction } from '../db/database.ts';
import { createAudit } from '../modules/audit/index.ts';
import {
  type CustomerIntents,
  type CustomerService,
  type CustomersAtStripe,
  createCustomerService,
  createCustomersAtStripe,
} from '../modules/customers/index.ts';
import { silentLog } from '../observability/log.ts';
import { createStripeClient, type StripeClient } from './client/index.ts';
import { createCustomerIntents } from './customer-intents.ts';
import { createProjectionHandlers } from './follow.ts';
import { createIntents, type Intents } from './intents.ts';
import { createProjector, type Projector } from './project.ts';

let test: TestDatabase;
let sandbox: TestSandbox;
let client: StripeClient;
let ports: TestPorts;
let intents: Intents;
let projector: Projector;
let customers: CustomerService;
let planner: CustomerIntents;
let atStripe: CustomersAtStripe;
let count = 0;
let email: string;
let id: string;

beforeAll(async () => {
  test = await createTestDatabase();
  sandbox = await startTestSandbox();
  const resilience = { retries: 0, failuresToOpen: 1_000 };
  client = createStripeClient({ secretKey: 'sk_test_customers', apiUrl: sandbox.url, log: silentLog, resilience });
});

afterAll(async () => {
  await test?.close();
  await sandbox?.close();
});

beforeEach(async () => {
  count += 1;
  email = `customer-${count}@example.com`;
  ports = createTestPorts({ seed: `customers ${count}`, startAt: new Date() });
  const { clock, ids, log } = ports;
  const { database } = test;
  const audit = createAudit({ ids, clock });
  customers = createCustomerService({ database, clock, ids, audit });
  intents = createIntents({ database, clock, ids, client, log, crashPoint: () => {} });
  const notHere = () => {
    throw new Error('No subscription is part of this test.');
  };
  const { customer } = createProjectionHandlers({
    subscriptions: () => ({ referencesOf: async () => [] }) as never,
    customers,
    checkouts: notHere,
    takenBack: { ofSubscription: notHere, ofCheckout: notHere },
  });
  const handlers = customer === undefined ? {} : { customer };
  projector = createProjector({ database, clock, fetch: client.fetch.bind(client), handlers, log });
  planner = createCustomerIntents({ intents, customers, projector });
  atStripe = createCustomersAtStripe({ database, clock, audit, intents: planner });
  id = (await write((transaction) => customers.ensure(transaction, { email, name: 'Ada' }))).id;
});

afterEach(() => intents.worker.stop());

const write = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> =>
  test.database.transaction({ actor: { type: 'system', id: 'test' } }, work);

const plan = () =>
  write((transaction) => planner.planCreation(transaction, { customerId: id, email, name: 'Ada', metadata: {} }));

/** Lets the leases of a process that is gone end, and has another carry on. */
async function later(): Promise<void> {
  ports.clock.pass(61_000);
  await intents.worker.settled();
}

async function atStripeNow(): Promise<{ id: string; name: string | null; metadata: Record<string, string> }[]> {
  const answer = await fetch(`${sandbox.url}/v1/customers?email=${encodeURIComponent(email)}`, {
    headers: { authorization: 'Bearer sk_test_customers' },
  });
  return ((await answer.json()) as { data: Awaited<ReturnType<typeof atStripeNow>> }).data;
}

async function fail(how: object): Promise<void> {
  await fetch(`${sandbox.url}/_sandbox/fail`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(how),
  });
}

async function here(): Promise<{ id: string; stripe: string | null }[]> {
  const rows = await test.database.connection
    .selectFrom('customers')
    .select(['id', 'stripe_customer_id as stripe'])
    .where('email', '=', email)
    .execute();
  return rows;
}

describe('a customer at Stripe', () => {
  it('is made there when first needed, once, and known here by both ids', async () => {
    const stripeId = await atStripe.ensure(id, write);
    expect(await atStripe.ensure(id, write)).toBe(stripeId);
    expect(await atStripeNow()).toMatchObject([{ id: stripeId, name: 'Ada', metadata: { latchkey_customer: id } }]);
    expect(await here()).toEqual([{ id, stripe: stripeId }]);
  });

  it('needed by two at the same moment is one there', async () => {
    const [one, other] = await Promise.all([atStripe.ensure(id, write), atStripe.ensure(id, write)]);
    expect(one).toBe(other);
    expect(await atStripeNow()).toHaveLength(1);
  });

  it('that was planned by a process that died is made once, by whoever needs it next', async () => {
    await plan();
    const stripeId = await atStripe.ensure(id, write);
    await later();
    expect(await atStripeNow()).toMatchObject([{ id: stripeId }]);
  });

  it('of whom Stripe tells before our own call was recorded stays one customer', async () => {
    const planned = await plan();
    const notes = { latchkey_customer: id };
    const made = await client.createCustomer({ email, name: 'Ada', metadata: notes }, planned.id);
    await projector.projectFetched('customer', made.object, made.asOf);
    expect(await here()).toEqual([{ id, stripe: made.object.id }]);
    await later();
    expect(await here()).toEqual([{ id, stripe: made.object.id }]);
    expect(await atStripeNow()).toHaveLength(1);
  });

  it('whose answer was lost on the way is made once', async () => {
    await fail({ requests: 1, status: 'reset', when: 'after' });
    // A client of HTTP may try a connection that broke again by itself.
    await atStripe.ensure(id, write).catch(() => {});
    await later();
    expect(await here()).toEqual([{ id, stripe: (await atStripeNow())[0]?.id }]);
    expect(await atStripeNow()).toHaveLength(1);
  });

  it('that Stripe deleted is not used again', async () => {
    const stripeId = await atStripe.ensure(id, write);
    await fetch(`${sandbox.url}/v1/customers/${stripeId}`, {
      method: 'DELETE',
      headers: { authorization: 'Bearer sk_test_customers' },
    });
    await projector.fetchAndProject('customer', stripeId);
    await expect(atStripe.ensure(id, write)).rejects.toMatchObject({ code: 'resource_missing' });
  });
});

describe('a change of a customer', () => {
  it('reaches Stripe, and takes away what is taken away', async () => {
    await atStripe.ensure(id, write);
    await atStripe.update(id, { metadata: { tax: 'DE1', note: 'x' } }, write);
    const changed = await atStripe.update(id, { name: null, metadata: { note: null } }, write);
    expect(changed).toMatchObject({ name: null, metadata: { tax: 'DE1' } });
    expect(await atStripeNow()).toMatchObject([{ name: null, metadata: { latchkey_customer: id, tax: 'DE1' } }]);
    expect((await atStripeNow())[0]?.metadata).not.toHaveProperty('note');
  });

  it('makes nobody at Stripe who is not there', async () => {
    await atStripe.update(id, { name: 'Ada Lovelace' }, write);
    expect(await atStripeNow()).toEqual([]);
    await atStripe.ensure(id, write);
    expect(await atStripeNow()).toMatchObject([{ name: 'Ada Lovelace' }]);
  });

  it('that Stripe could not be told stands here, and is told later', async () => {
    await atStripe.ensure(id, write);
    await fail({ requests: 1, status: 500 });
    expect(await atStripe.update(id, { name: 'Countess' }, write)).toMatchObject({ name: 'Countess' });
    expect(await atStripeNow()).toMatchObject([{ name: 'Ada' }]);
    await later();
    expect(await atStripeNow()).toMatchObject([{ name: 'Countess' }]);
  });

  it('that waits does not undo a newer one', async () => {
    await atStripe.ensure(id, write);
    await fail({ requests: 1, status: 500 });
    await atStripe.update(id, { name: 'Old', metadata: { kept: 'yes' } }, write);
    await atStripe.update(id, { name: 'New' }, write);
    await later();
    expect(await atStripeNow()).toMatchObject([{ name: 'New', metadata: { kept: 'yes' } }]);
  });

  it('that Stripe refuses does not stay here', async () => {
    await atStripe.ensure(id, write);
    const refused = atStripe.update(id, { name: 'x'.repeat(300) }, write);
    await expect(refused).rejects.toMatchObject({ code: 'stripe_rejected' });
    expect(await customers.get(id)).toMatchObject({ name: 'Ada' });
  });

  it('gives the vendor’s id once, and to one alone', async () => {
    const other = await write((tx) => customers.ensure(tx, { email: `other-${email}`, externalId: `taken-${count}` }));
    await expect(atStripe.update(id, { externalId: `taken-${count}` }, write)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await atStripe.update(id, { externalId: `mine-${count}` }, write)).toMatchObject({
      external_id: `mine-${count}`,
    });
    expect(await atStripe.update(id, { externalId: `mine-${count}` }, write)).toMatchObject({ id });
    await expect(atStripe.update(other.id, { externalId: `new-${count}` }, write)).rejects.toMatchObject({
      code: 'conflict',
    });
  });
});
