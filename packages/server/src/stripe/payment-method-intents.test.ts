import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts, type TestPorts } from '../../test/support/ports.ts';
import type { Transaction } from '../db/database.ts';
import type { PaymentMethodIntents } from '../modules/payments/index.ts';
import { silentLog } from '../observability/log.ts';
import { createStripeClient, type StripeClient } from './client/index.ts';
import { createIntents, type Intents } from './intents.ts';
import { createPaymentMethodIntents } from './payment-method-intents.ts';
import { createProjector } from './project.ts';

let test: TestDatabase;
let sandbox: TestSandbox;
let client: StripeClient;
let ports: TestPorts;
let intents: Intents;
let methods: PaymentMethodIntents;
let customer: string;
let first: string;
let second: string;
let count = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  sandbox = await startTestSandbox();
  const resilience = { retries: 0, failuresToOpen: 1_000 };
  client = createStripeClient({ secretKey: 'sk_test_cards', apiUrl: sandbox.url, log: silentLog, resilience });
});

afterAll(async () => {
  await test?.close();
  await sandbox?.close();
});

beforeEach(async () => {
  count += 1;
  ports = createTestPorts({ seed: `cards ${count}`, startAt: new Date() });
  const { clock, ids, log } = ports;
  const { database } = test;
  intents = createIntents({ database, clock, ids, client, log, crashPoint: () => {} });
  const projector = createProjector({ database, clock, fetch: client.fetch.bind(client), handlers: {}, log });
  methods = createPaymentMethodIntents({ intents, projector });
  customer = (await client.createCustomer({ email: 'ada@example.com' }, `customer-${count}`)).object.id;
  first = (await client.attachPaymentMethod('pm_card_visa', customer, `first-${count}`)).id;
  second = (await client.attachPaymentMethod('pm_card_mastercard', customer, `second-${count}`)).id;
});

afterEach(() => intents.worker.stop());

const write = <T>(work: (transaction: Transaction) => Promise<T>): Promise<T> =>
  test.database.transaction({ actor: { type: 'system', id: 'test' } }, work);

const planDefault = (paymentMethod: string) =>
  write((tx) => methods.makeDefault.plan(tx, { paymentMethod, stripeCustomerId: customer, subscriptions: [] }));
const planDetach = (paymentMethod: string) =>
  write((tx) => methods.detach.plan(tx, { paymentMethod, stripeCustomerId: customer }));
const planAttach = (paymentMethod: string) =>
  write((tx) => methods.attach.plan(tx, { paymentMethod, stripeCustomerId: customer }));

/** Lets the leases of a process that is gone end, and has another carry on. */
async function later(): Promise<void> {
  ports.clock.pass(61_000);
  await intents.worker.settled();
}

async function fail(how: object): Promise<void> {
  await fetch(`${sandbox.url}/_sandbox/fail`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(how),
  });
}

describe('what is asked of a card', () => {
  it('by a process that dies is done by another', async () => {
    await planDefault(second);
    await planDetach(first);
    await later();
    expect(await client.defaultPaymentMethodOf(customer)).toBe(second);
    expect((await client.paymentMethodsOf(customer)).map(({ id }) => id)).toEqual([second]);
  });

  it('is done once when the answer is lost', async () => {
    const planned = await planAttach('pm_card_amex');
    await fail({ requests: 1, status: 'reset', when: 'after' });
    await methods.attach.carryOut(planned).catch(() => {});
    await later();
    expect(await client.paymentMethodsOf(customer)).toHaveLength(3);
  });

  it('does not undo, when it waited, what was asked after it', async () => {
    await planDefault(first);
    await planDetach(second);
    await methods.makeDefault.carryOut(await planDefault(second));
    await later();
    expect(await client.defaultPaymentMethodOf(customer)).toBe(second);
    expect(await client.paymentMethodsOf(customer)).toHaveLength(2);
  });

  it('waits for Stripe where Stripe is away', async () => {
    const planned = await planDefault(first);
    await fail({ requests: 1, status: 500 });
    await expect(methods.makeDefault.carryOut(planned)).rejects.toMatchObject({ code: 'stripe_unavailable' });
    expect(await client.defaultPaymentMethodOf(customer)).toBeNull();
    await later();
    expect(await client.defaultPaymentMethodOf(customer)).toBe(first);
  });
});
