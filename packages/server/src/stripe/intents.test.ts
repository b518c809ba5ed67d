import { LatchkeyError } from '@latchkey/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts, type TestPorts } from '../../test/support/ports.ts';
import { silentLog } from '../observability/log.ts';
import { createStripeClient, type StripeClient } from './client/index.ts';
import { createIntents, type Intent, type IntentPlanner, type Intents } from './intents.ts';

let test: TestDatabase;
let sandbox: TestSandbox;
let client: StripeClient;
let ports: TestPorts;
let intents: Intents;
let planner: IntentPlanner<{ email: string }, { id: string }>;
let recorded: string[];
let rejected: string[];

beforeAll(async () => {
  test = await createTestDatabase();
  sandbox = await startTestSandbox();
  const resilience = { retries: 0, failuresToOpen: 1_000 };
  client = createStripeClient({ secretKey: 'sk_test_intents', apiUrl: sandbox.url, log: silentLog, resilience });
});

afterAll(async () => {
  await intents?.worker.stop();
  await test?.close();
  await sandbox?.close();
});

beforeEach(async () => {
  await intents?.worker.stop();
  ports = createTestPorts({ seed: String(Math.random()), startAt: new Date() });
  openIntents();
});

function openIntents(): void {
  const { clock, ids, log } = ports;
  recorded = [];
  rejected = [];
  intents = createIntents({ database: test.database, clock, ids, client, log, crashPoint: () => {} });
  planner = intents.register<{ email: string }, { id: string }>('test.customer', {
    async call(stripe, { email }, key) {
      if (email === 'refused@example.com') throw new LatchkeyError('stripe_declined', 'no');
      const { object } = await stripe.createCustomer({ email }, key);
      return { id: object.id };
    },
    record: async (_transaction, _intent, response) => void recorded.push(response.id),
    reject: async (_transaction, { request }) => void rejected.push(request.email),
  });
}

function plan(email: string): Promise<Intent<{ email: string }>> {
  return test.database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) =>
    planner.plan(transaction, 'subject', { email }),
  );
}

async function row(id: string) {
  return test.database.connection.selectFrom('intents').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

async function customersNamed(email: string): Promise<number> {
  const answer = await fetch(`${sandbox.url}/v1/customers?email=${encodeURIComponent(email)}`, {
    headers: { authorization: 'Bearer sk_test_intents' },
  });
  return ((await answer.json()) as { data: unknown[] }).data.length;
}

describe('an intent', () => {
  it('is carried out and recorded once', async () => {
    const intent = await plan('once@example.com');
    const { id } = await planner.carryOut(intent);
    expect(recorded).toEqual([id]);
    expect(await row(intent.id)).toMatchObject({ status: 'done', response: { id }, attempts: 1 });
  });

  it('whose process died before the call is carried out by another when the lease has passed, and not before', async () => {
    const intent = await plan('before@example.com');
    await intents.worker.settled();
    expect(await customersNamed('before@example.com')).toBe(0);
    ports.clock.pass(61_000);
    await intents.worker.settled();
    expect(await row(intent.id)).toMatchObject({ status: 'done' });
    expect(await customersNamed('before@example.com')).toBe(1);
    expect(recorded).toHaveLength(1);
  });

  it('whose process died after the call is recorded later, and Stripe has done it once', async () => {
    const intent = await plan('after@example.com');
    await client.createCustomer({ email: 'after@example.com' }, intent.id);
    ports.clock.pass(61_000);
    await intents.worker.settled();
    expect(await customersNamed('after@example.com')).toBe(1);
    expect(recorded).toHaveLength(1);
  });

  it('carried out by two at the same time is done and recorded once', async () => {
    const intent = await plan('twice@example.com');
    await Promise.allSettled([planner.carryOut(intent), planner.carryOut(intent)]);
    expect(await customersNamed('twice@example.com')).toBe(1);
    expect(recorded).toHaveLength(1);
  });

  it('that Stripe refuses for good ends as failed, with what Stripe said', async () => {
    const intent = await plan('refused@example.com');
    await expect(planner.carryOut(intent)).rejects.toMatchObject({ code: 'stripe_declined' });
    expect(await row(intent.id)).toMatchObject({ status: 'failed', last_error: 'no' });
    expect(rejected).toEqual(['refused@example.com']);
    ports.clock.pass(3_600_000);
    await intents.worker.settled();
    expect(rejected).toHaveLength(1);
  });

  it('that finds Stripe away stays open and is carried out when Stripe is back', async () => {
    await fetch(`${sandbox.url}/_sandbox/fail`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sandbox.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ requests: 1, status: 500 }),
    });
    const intent = await plan('away@example.com');
    await expect(planner.carryOut(intent)).rejects.toMatchObject({ code: 'stripe_unavailable' });
    expect(await row(intent.id)).toMatchObject({ status: 'planned' });
    ports.clock.pass(2_000);
    await intents.worker.settled();
    expect(await row(intent.id)).toMatchObject({ status: 'done', attempts: 2 });
    expect(recorded).toHaveLength(1);
  });
});
