import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

// A server that has neither a key of Stripe's nor the sandbox.
let shop: Shop;
let key: string;
beforeAll(async () => {
  shop = await openShop({
    SANDBOX: 'off',
    CATALOG: new URL('../../../../../examples/redline2/catalog.yaml', import.meta.url).pathname,
    ADMIN_TOKEN: 'lka_the_admin_token_of_a_server_without_stripe',
    HOURS_PER_DOLLAR: '0.5',
    PAYMENT_CURRENCY: 'eur',
  });
  const { body } = await shop.vendor('POST', '/api/licenses', { email: 'test@example.com', hours: 10 });
  key = body.license_key;
});
afterAll(() => shop?.close());

describe('without Stripe', () => {
  it.each([
    ['POST', '/payments/create-checkout', { hours: 5 }],
    ['GET', '/payments/success?session_id=cs_test_1', undefined],
  ])('%s %s answers 503 and says why [R8]', async (method, path, body) => {
    const answer = await shop.call(method, path, null, body && { license_key: key, ...body });
    expect(answer).toMatchObject({
      status: 503,
      body: { error: expect.stringContaining('Payments are not set up'), code: 'stripe_not_configured' },
    });
  });

  it('the page says so, and shows balance, prices and history all the same [R8]', async () => {
    const body = new URLSearchParams({ license_key: key });
    const page = await fetch(`${shop.server.url}/payments/`, { method: 'POST', body });
    expect(page.status).toBe(200);
    const text = await page.text();
    expect(text).toContain('Payments are not set up on this server');
    expect(text).toContain('<dt>Left</dt><dd>10 h');
    expect(text).toContain('10.00 EUR');
    expect(text).toContain('Usage history');
    expect(text).not.toContain('>Buy<');
    const buy = new URLSearchParams({ license_key: key, package_id: 'small' });
    expect((await fetch(`${shop.server.url}/payments/buy`, { method: 'POST', body: buy })).status).toBe(503);
  });

  it('hours are added, used and told as ever, and keys validated [R8]', async () => {
    const path = `/api/licenses/${key}`;
    expect((await shop.vendor('POST', `${path}/hours`, { hours: 5 })).body.hours_remaining).toBe(15);
    expect((await shop.vendor('POST', `${path}/usage`, { hours: 0.5 })).body.hours_remaining).toBe(14.5);
    expect((await shop.call('GET', `/payments/balance?license_key=${key}`, null)).body.hours_remaining).toBe(14.5);
    expect((await shop.call('GET', '/payments/packages', null)).body.packages).toHaveLength(4);
    expect((await shop.call('GET', '/payments/quote?hours=2', null)).body).toMatchObject({
      amount: 4,
      currency: 'eur',
    });
    expect((await shop.call('POST', '/v1/licenses/validate', null, { key })).body.valid).toBe(true);
    await shop.vendor('POST', `${path}/usage`, { hours: 14.5 });
  });

  it('prices are those of the rate and currency that the environment names [R6]', async () => {
    const { body } = await shop.call('GET', '/payments/packages', null);
    expect(body).toMatchObject({ hours_per_dollar: 0.5, currency: 'eur' });
    expect((body.packages as Wire[]).map(({ price, currency }) => `${price} ${currency}`)).toEqual([
      '10 eur',
      '20 eur',
      '40 eur',
      '100 eur',
    ]);
  });

  it('a webhook is believed by nobody', async () => {
    const answer = await fetch(`${shop.server.url}/payments/webhook`, {
      method: 'POST',
      headers: { 'stripe-signature': 't=1,v1=00' },
      body: '{}',
    });
    expect({ status: answer.status, body: await answer.json() }).toEqual({
      status: 400,
      body: { error: 'Invalid signature' },
    });
  });
});
