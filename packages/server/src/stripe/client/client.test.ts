import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../../test/support/sandbox.ts';
import { silentLog } from '../../observability/log.ts';
import { createStripeClient, type StripeClient } from './index.ts';

let sandbox: TestSandbox;
let client: StripeClient;

/** Short enough for a test, long enough to tell the steps apart. */
const resilience = { timeoutMs: 500, retries: 2, retryDelayMs: 5, failuresToOpen: 6, openMs: 150 };

beforeEach(async () => {
  sandbox = await startTestSandbox();
  client = createStripeClient({ secretKey: 'sk_test_client', apiUrl: sandbox.url, log: silentLog, resilience });
});

afterEach(() => sandbox.close());

async function fail(plan: { requests: number; status: number | 'timeout' | 'reset'; when?: 'after' }): Promise<void> {
  const answer = await fetch(`${sandbox.url}/_sandbox/fail`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify(plan),
  });
  expect(answer.status).toBe(200);
}

describe('a Stripe that falters', () => {
  it.each([500, 429, 'reset'] as const)('is asked again after %s, and the caller notices nothing', async (status) => {
    await fail({ requests: 2, status });
    const customer = await client.createCustomer({ email: 'again@example.com' }, 'key-again');
    expect(customer.object.email).toBe('again@example.com');
  });

  it('that does not answer in time is asked again', async () => {
    await fail({ requests: 1, status: 'timeout' });
    expect(await client.accountId()).toMatch(/^acct_/);
  });

  it('that did the work and lost the answer does it once, under the same key', async () => {
    await fail({ requests: 1, status: 'reset', when: 'after' });
    const first = await client.createCustomer({ email: 'once@example.com' }, 'key-once');
    const again = await client.createCustomer({ email: 'once@example.com' }, 'key-once');
    expect(again.object.id).toBe(first.object.id);
    // Kept by Stripe from before, it must not pass for the state of today.
    expect(again.asOf.getTime()).toBe(0);
  });

  it('that stays down is an error of ours with a time to wait, and opens the circuit', async () => {
    await fail({ requests: 50, status: 500 });
    await expect(client.accountId()).rejects.toMatchObject({ code: 'stripe_unavailable', retryAfterSeconds: 1 });
    await expect(client.accountId()).rejects.toMatchObject({ code: 'stripe_unavailable' });
    expect(client.circuit).toBe('open');
    await fail({ requests: 0, status: 500 });
    await expect(client.accountId()).rejects.toMatchObject({ code: 'stripe_unavailable' });
  });

  it('is tried again when the circuit has been open for its time, and one success closes it', async () => {
    await fail({ requests: 6, status: 500 });
    await client.accountId().catch(() => {});
    await client.accountId().catch(() => {});
    expect(client.circuit).toBe('open');
    await expect.poll(() => client.accountId().catch(() => 'refused'), { timeout: 5_000 }).toMatch(/^acct_/);
    expect(client.circuit).toBe('closed');
  });
});

describe('a no of Stripe’s', () => {
  it('is not asked for again, and says what Stripe said', async () => {
    const asked = client.createSubscription({ customerId: 'cus_none', priceId: 'price_none', metadata: {} }, 'key-no');
    await expect(asked).rejects.toMatchObject({ code: expect.stringMatching(/^(stripe_rejected|resource_missing)$/) });
    expect(client.circuit).toBe('closed');
  });

  it('is null where the question was whether an object exists', async () => {
    expect(await client.fetch('subscription', 'sub_none')).toBeNull();
    expect(await client.retrievePrice('price_none')).toBeNull();
  });
});

describe('an answer', () => {
  it('is dated by Stripe’s own clock, in whole seconds', async () => {
    const later = new Date(Date.now() + 40 * 86_400_000);
    await fetch(`${sandbox.url}/_sandbox/clock`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sandbox.adminToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({ to: later.toISOString() }),
    });
    const { asOf, object } = await client.createCustomer({ email: 'dated@example.com' }, 'key-dated');
    expect(Math.abs(asOf.getTime() - later.getTime())).toBeLessThan(5_000);
    expect(asOf.getTime() % 1_000).toBe(0);
    expect(object.created).toBe(asOf.getTime() / 1_000);
  });

  it('is plain JSON, as an event would bring it', async () => {
    const product = await client.findOrCreateProduct({
      id: 'latchkey_plain',
      name: 'Plain',
      description: null,
      metadata: {},
      idempotencyKey: 'plain-product',
    });
    const price = await client.findOrCreatePrice({
      productId: product.id,
      lookupKey: 'plain',
      nickname: 'plain',
      amountCents: 2500,
      currency: 'usd',
      interval: 'month',
      intervalCount: 1,
      metadata: {},
      idempotencyKey: 'plain-price',
    });
    const fetched = await client.fetch('price', price.id);
    expect(fetched?.object).toMatchObject({ unit_amount: 2500, unit_amount_decimal: '2500' });
    expect(JSON.parse(JSON.stringify(fetched?.object))).toEqual(fetched?.object);
  });
});
