import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts, type TestPorts } from '../../test/support/ports.ts';
import type { RefundIntents, RefundRequest } from '../modules/payments/index.ts';
import { silentLog } from '../observability/log.ts';
import { createStripeClient, type StripeClient } from './client/index.ts';
import { createIntents, type Intents } from './intents.ts';
import { findPayment } from './mirrored-payments.ts';
import { createPaymentFetch } from './payment-question.ts';
import { createProjector } from './project.ts';
import { createRefundIntents } from './refund-intents.ts';

let test: TestDatabase;
let sandbox: TestSandbox;
let client: StripeClient;
let ports: TestPorts;
let intents: Intents;
let refunds: RefundIntents;
let payment: string;
let count = 0;

beforeAll(async () => {
  test = await createTestDatabase();
  sandbox = await startTestSandbox();
  const resilience = { retries: 0, failuresToOpen: 1_000 };
  client = createStripeClient({ secretKey: 'sk_test_refunds', apiUrl: sandbox.url, log: silentLog, resilience });
});

afterAll(async () => {
  await test?.close();
  await sandbox?.close();
});

beforeEach(async () => {
  count += 1;
  ports = createTestPorts({ seed: `refunds ${count}`, startAt: new Date() });
  const { clock, ids, log } = ports;
  const { database } = test;
  intents = createIntents({ database, clock, ids, client, log, crashPoint: () => {} });
  const projector = createProjector({ database, clock, fetch: client.fetch.bind(client), handlers: {}, log });
  const fetchPayment = createPaymentFetch({ database, client, projector });
  refunds = createRefundIntents({ database, client, intents, projector, fetchPayment });
  const paid = await atStripe('/v1/payment_intents', {
    authorization: 'Bearer sk_test_refunds',
    body: new URLSearchParams({ amount: '2500', currency: 'usd', payment_method: 'pm_card_visa', confirm: 'true' }),
  });
  payment = String(paid.id);
});

afterEach(() => intents.worker.stop());

async function atStripe(
  path: string,
  { authorization, body }: { authorization: string; body: URLSearchParams | string },
): Promise<Record<string, unknown>> {
  const answer = await fetch(`${sandbox.url}${path}`, { method: 'POST', headers: { authorization }, body });
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

const plan = (amountCents: number): Promise<{ id: string }> =>
  test.database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) => {
    const request: RefundRequest = { payment, amountCents };
    return refunds.plan(transaction, request);
  });

const openCents = () => refunds.openCents(test.database.connection, payment);
const here = () => findPayment(test.database.connection, payment);

const fail = (how: object) =>
  atStripe('/_sandbox/fail', { authorization: `Bearer ${sandbox.adminToken}`, body: JSON.stringify(how) });

async function refundedAtStripe(): Promise<unknown> {
  const intent = await client.fetch('payment_intent', payment);
  const charge = await client.fetch('charge', String(intent?.object.latest_charge));
  return charge?.object.amount_refunded;
}

describe('a refund', () => {
  it('is at Stripe and known here when the call returns', async () => {
    const made = await refunds.carryOut(await plan(700));
    expect(made).toEqual({ id: expect.stringMatching(/^re_/), status: 'succeeded', amountCents: 700, currency: 'usd' });
    const { charges, refunds: known } = await here();
    expect(known.map(({ id }) => id)).toEqual([made.id]);
    expect(charges).toMatchObject([{ amount_refunded: 700, refunded: false }]);
    expect(await openCents()).toBe(0);
  });

  it('that Stripe did not take is made when it answers again, and counts as given back until then', async () => {
    const planned = await plan(2_500);
    await fail({ requests: 1, status: 500 });
    await expect(refunds.carryOut(planned)).rejects.toMatchObject({ code: 'stripe_unavailable' });
    expect(await refundedAtStripe()).toBe(0);
    expect(await openCents()).toBe(2_500);
    ports.clock.pass(60_000);
    await intents.worker.settled();
    expect(await refundedAtStripe()).toBe(2_500);
    expect(await openCents()).toBe(0);
  });

  it('whose answer was lost on the way is made once', async () => {
    const planned = await plan(1_000);
    await fail({ requests: 1, status: 'reset', when: 'after' });
    await refunds.carryOut(planned).catch(() => {});
    ports.clock.pass(60_000);
    await intents.worker.settled();
    expect(await refundedAtStripe()).toBe(1_000);
    expect(await openCents()).toBe(0);
  });

  it('that Stripe refuses is over: it is not tried again, and counts no more', async () => {
    await refunds.carryOut(await plan(2_500));
    const refused = refunds.carryOut(await plan(1));
    await expect(refused).rejects.toMatchObject({
      code: 'stripe_rejected',
      meta: { stripe_code: 'charge_already_refunded' },
    });
    expect(await openCents()).toBe(0);
  });
});
