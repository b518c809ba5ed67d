import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../test/support/shop.ts';

// A server that has neither a key of Stripe's nor the sandbox.
let shop: Shop;
let token: string;
beforeAll(async () => {
  shop = await openShop({
    SANDBOX: 'off',
    CATALOG: fileURLToPath(new URL('../../../../../examples/investment-system', import.meta.url)),
    ADMIN_TOKEN: 'lka_the_admin_token_of_a_server_without_stripe',
  });
  token = await shop.tokenOf('waiting');
});
afterAll(() => shop?.close());

describe('without Stripe', () => {
  it.each([
    ['POST', '/billing/subscribe', { tier: 'pro', payment_method_id: 'pm_card_visa' }],
    ['GET', '/billing/portal', undefined],
  ])('%s %s answers 503, and says what is missing [V1]', async (method, path, body) => {
    const answer = await shop.call(method, path, token, body);
    expect(answer).toMatchObject({ status: 503, body: { error: expect.any(String), code: 'stripe_not_configured' } });
  });

  it('prices, the free tier and its calls go on, and health says so [V1]', async () => {
    expect((await shop.call('GET', '/pricing', null)).body.tiers).toHaveLength(4);
    expect((await shop.call('GET', '/billing/payment-methods', token)).body).toEqual({ payment_methods: [] });
    const me = (await shop.call('GET', '/v1/customers/me', token)).body.id;
    const use = { id: 'one', meter: 'calls', product: 'investment-system', customer_id: me, quantity: 3 };
    expect((await shop.vendor('POST', '/v1/usage', use)).body).toMatchObject({ accepted: 1 });
    expect((await shop.call('GET', '/billing/status', token)).body).toMatchObject({
      has_subscription: false,
      tier: 'free',
      usage: { current: 3, remaining: 97 },
    });
    expect((await shop.call('GET', '/health/billing', null)).body.stripe.circuit).toBe('not_configured');
  });
});
