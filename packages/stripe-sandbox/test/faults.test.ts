import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sdk, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
beforeEach(async () => {
  test = await startTestStripe();
});
afterEach(() => test.close());

const left = async () => (await test.control<{ left: number }>('GET', '/fail')).left;

describe('a planned fault', () => {
  it('with a match meets only those requests, and waits for them', async () => {
    const { stripe } = test;
    await test.control('POST', '/fail', { requests: 1, match: { method: 'POST', path: '/v1/customers' } });
    await stripe.products.create({ name: 'Licence' });
    await stripe.customers.list();
    expect(await left()).toBe(1);
    expect((await stripeError(stripe.customers.create())).statusCode).toBe(500);
    expect(await left()).toBe(0);
    const customer = await stripe.customers.create();
    await test.control('POST', '/fail', { requests: 1, match: { path: '/v1/customers' } });
    expect((await stripeError(stripe.customers.retrieve(customer.id))).statusCode).toBe(500);
  });

  it('does not take a path that only begins with the same letters', async () => {
    const { stripe } = test;
    await test.control('POST', '/fail', { requests: 1, match: { path: '/v1/invoice' } });
    await stripe.invoices.list();
    expect(await left()).toBe(1);
  });

  it.each([429, 409] as const)('of %i with lock_timeout is how Stripe refuses what is locked', async (status) => {
    const { stripe } = test;
    const customer = await stripe.customers.create({ name: 'Ada' });
    const lock = { requests: 1, status, code: 'lock_timeout', match: { method: 'POST' } };
    await test.control('POST', '/fail', lock);
    const refused = await stripeError(stripe.customers.update(customer.id, { name: 'Grace' }));
    expect(refused).toMatchObject({ statusCode: status, code: 'lock_timeout', rawType: 'invalid_request_error' });
    expect(refused.headers?.['stripe-should-retry']).toBe('true');
    expect((await stripe.customers.retrieve(customer.id)) as { name: string }).toMatchObject({ name: 'Ada' });
  });

  it('of a lock is overcome by the SDK’s own retry, which a rate limit is not', async () => {
    const patient = sdk(test.port, { maxNetworkRetries: 1 });
    await test.control('POST', '/fail', { requests: 1, status: 429, code: 'lock_timeout' });
    expect((await patient.customers.create({ name: 'Ada' })).name).toBe('Ada');
    await test.control('POST', '/fail', { requests: 1, status: 429 });
    expect(await stripeError(patient.customers.create())).toMatchObject({ statusCode: 429, code: 'rate_limit' });
  });

  it('that makes no sense is refused', async () => {
    const refused = [
      { status: 500, code: 'lock_timeout' },
      { status: 429, code: 'tired' },
      { match: { verb: 'POST' } },
      { match: { method: 'PATCH' } },
      { match: { path: 'customers' } },
      { when: 'during' },
    ];
    for (const body of refused) await expect(test.control('POST', '/fail', body)).rejects.toThrow(/400/);
  });
});
