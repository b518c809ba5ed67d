import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

// Alone: nothing that this contract names may hang on another product being sold beside it.
const CATALOG = fileURLToPath(new URL('../../../../../examples/investment-system', import.meta.url));

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ CATALOG, STRIPE_PUBLISHABLE_KEY: 'pk_test_of_the_tests' });
});
afterAll(() => shop?.close());

/** A customer of their own, with what they can say. */
async function someone() {
  count += 1;
  const name = `investor${count}`;
  const token = await shop.tokenOf(name);
  const call = (method: string, path: string, body?: unknown) => shop.call(method, path, token, body);
  return {
    email: `${name}@example.com`,
    get: (path: string) => call('GET', path),
    post: (path: string, body?: unknown) => call('POST', path, body),
    subscribe: (tier: string, payment_method_id = 'pm_card_visa') =>
      call('POST', '/billing/subscribe', { tier, payment_method_id }),
  };
}

/** What Stripe took from them, the newest first, in cents. */
async function charges(email: string): Promise<number[]> {
  const { data: customers } = await shop.stripe('GET', `/v1/customers?email=${email}`);
  const { data } = await shop.stripe('GET', `/v1/invoices?customer=${customers[0].id}`);
  return data.map(({ amount_paid }: Wire) => amount_paid);
}

describe('GET /pricing', () => {
  it('tells anyone the four tiers with their prices, calls and the price of one more [V1] [V2]', async () => {
    const { status, body } = await shop.call('GET', '/pricing', null);
    expect(status).toBe(200);
    const told = body.tiers.map((tier: Wire) => [
      tier.id,
      tier.name,
      tier.price,
      tier.currency,
      tier.interval,
      tier.included_calls,
      tier.overage_price,
    ]);
    expect(told).toEqual([
      ['free', 'Free', 0, 'usd', 'month', 100, null],
      ['starter', 'Starter', 29, 'usd', 'month', 1_000, 0.03],
      ['pro', 'Pro', 99, 'usd', 'month', 10_000, 0.02],
      ['enterprise', 'Enterprise', 499, 'usd', 'month', 100_000, 0.01],
    ]);
    for (const { features } of body.tiers) expect(features.length).toBeGreaterThan(0);
  });
});

describe('POST /billing/subscribe', () => {
  it('201: charges the card once and subscribes [V1] [V9]', async () => {
    const { email, subscribe } = await someone();
    const { status, body } = await subscribe('pro');
    expect({ status, body }).toEqual({
      status: 201,
      body: {
        subscription_id: expect.stringMatching(/^sub_/),
        tier: 'pro',
        status: 'active',
        requires_action: false,
      },
    });
    expect(await charges(email)).toEqual([9_900]);
  });

  it('takes tiers in capitals and leaves unknown fields alone', async () => {
    const { post } = await someone();
    const body = { tier: 'PRO', payment_method_id: 'pm_card_visa', campaign: 'spring' };
    expect(await post('/billing/subscribe', body)).toMatchObject({ status: 201, body: { tier: 'pro' } });
  });

  it('402: a card that is declined leaves nothing [V1]', async () => {
    const { subscribe, get } = await someone();
    const { status, body } = await subscribe('pro', 'pm_card_chargeDeclined');
    expect({ status, body }).toEqual({ status: 402, body: { error: expect.any(String), code: 'stripe_declined' } });
    expect((await get('/billing/status')).body).toMatchObject({ has_subscription: false, tier: 'free' });
  });

  it('200: a card whose bank asks answers what the page needs, and subscribes once that is done [V1]', async () => {
    const { subscribe, get } = await someone();
    const { status, body } = await subscribe('starter', 'pm_card_threeDSecure2Required');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { tier: 'starter', status: 'incomplete', requires_action: true, publishable_key: 'pk_test_of_the_tests' },
    });
    expect(body.client_secret).toMatch(/^pi_\w+_secret_/);
    expect((await get('/billing/status')).body.has_subscription).toBe(false);
    const [intent] = body.client_secret.split('_secret_');
    await shop.control(`/payment_intents/${intent}/authenticate`, { outcome: 'succeed' });
    await shop.settle();
    expect((await get('/billing/status')).body).toMatchObject({ has_subscription: true, tier: 'starter' });
  });

  it('409: a second subscription [V1]', async () => {
    const { subscribe, email } = await someone();
    await subscribe('starter');
    const { status, body } = await subscribe('pro');
    expect({ status, body }).toEqual({ status: 409, body: { error: expect.any(String), code: 'already_subscribed' } });
    expect(await charges(email)).toEqual([2_900]);
  });

  it.each<[string, object, string]>([
    ['the free tier', { tier: 'free', payment_method_id: 'pm_card_visa' }, 'invalid_request'],
    ['an unknown tier', { tier: 'gold', payment_method_id: 'pm_card_visa' }, 'plan_unknown'],
    ['no tier', { payment_method_id: 'pm_card_visa' }, 'invalid_request'],
    ['no payment method', { tier: 'pro' }, 'invalid_request'],
    ['a payment method that is none', { tier: 'pro', payment_method_id: 'pm card' }, 'invalid_request'],
  ])('400: %s [V1]', async (_name, body, code) => {
    const { post } = await someone();
    const answer = await post('/billing/subscribe', body);
    expect({ ...answer, headers: null }).toEqual({
      status: 400,
      headers: null,
      body: { error: expect.any(String), code },
    });
  });
});

describe('GET /billing/status', () => {
  it('without a subscription is that of the free tier [V1] [V2]', async () => {
    const { get } = await someone();
    expect((await get('/billing/status')).body).toMatchObject({
      has_subscription: false,
      tier: 'free',
      status: 'free',
      usage: { current: 0, included: 100, remaining: 100, usage_percentage: 0, overage: 0, overage_cost: 0 },
      expires_at: null,
    });
  });

  it('with one tells tier, status, usage and the end of the period [V1]', async () => {
    const { get, subscribe } = await someone();
    await subscribe('pro');
    const { status, body } = await get('/billing/status');
    expect({ status, body }).toMatchObject({
      status: 200,
      body: {
        has_subscription: true,
        tier: 'pro',
        status: 'active',
        usage: { current: 0, included: 10_000, remaining: 10_000, usage_percentage: 0, overage: 0 },
        cancel_at: null,
      },
    });
    expect(body.expires_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const days = (Date.parse(body.expires_at) - shop.server.app.clock.now().getTime()) / 86_400_000;
    expect(days).toBeGreaterThan(27);
    expect(days).toBeLessThan(32);
  });
});

describe('POST /billing/upgrade', () => {
  it('shows with preview what is then charged, to the cent [V1] [V4]', async () => {
    const { email, post, get, subscribe } = await someone();
    await subscribe('starter');
    await shop.vendor('POST', '/sandbox/time/advance', { days: 10 });
    const preview = await post('/billing/upgrade', { tier: 'enterprise', preview: true });
    expect(preview).toMatchObject({
      status: 200,
      body: { tier: 'enterprise', current_tier: 'starter', status: 'active', preview: true, requires_action: false },
    });
    expect(preview.body.proration.lines.length).toBeGreaterThan(1);
    expect((await get('/billing/status')).body.tier).toBe('starter');
    const { as_of, proration } = preview.body;
    const made = await post('/billing/upgrade', { tier: 'enterprise', as_of });
    expect(made).toMatchObject({ status: 200, body: { tier: 'enterprise', current_tier: 'enterprise', proration } });
    expect(proration.currency).toBe('usd');
    expect(await charges(email)).toEqual([proration.amount_due, 2_900]);
    expect((await get('/billing/status')).body).toMatchObject({
      tier: 'enterprise',
      usage: { included: 100_000 },
    });
  });

  it('goes down when the period ends, or at once with a credit for the rest of it [V4]', async () => {
    const { post, get, subscribe } = await someone();
    await subscribe('pro');
    const later = await post('/billing/upgrade', { tier: 'starter' });
    expect(later.body).toMatchObject({ tier: 'starter', current_tier: 'pro', proration: { amount_due: 0 } });
    const { expires_at } = (await get('/billing/status')).body;
    expect(later.body.effective_at).toBe(expires_at);
    const shown = await post('/billing/upgrade', { tier: 'starter', when: 'now', preview: true });
    const made = await post('/billing/upgrade', { tier: 'starter', when: 'now', as_of: shown.body.as_of });
    expect(made.body).toMatchObject({ current_tier: 'starter', proration: shown.body.proration });
    expect(made.body.proration.total).toBeLessThan(0);
  });

  it.each<[string, object, number, string]>([
    ['an unknown tier', { tier: 'gold' }, 400, 'plan_unknown'],
    ['the same tier', { tier: 'starter' }, 400, 'invalid_request'],
    ['no tier', {}, 400, 'invalid_request'],
  ])('refuses %s [V1]', async (_name, body, status, code) => {
    const { post, subscribe } = await someone();
    await subscribe('starter');
    const answer = await post('/billing/upgrade', body);
    expect(answer).toMatchObject({ status, body: { error: expect.any(String), code } });
  });

  it('404: without a subscription [V1]', async () => {
    const { post } = await someone();
    const answer = await post('/billing/upgrade', { tier: 'pro' });
    expect(answer).toMatchObject({ status: 404, body: { error: expect.any(String), code: 'resource_missing' } });
  });
});

describe('POST /billing/cancel', () => {
  it('ends it with the period, and leaves the free tier [V1]', async () => {
    const { post, get, subscribe } = await someone();
    await subscribe('pro');
    const { expires_at } = (await get('/billing/status')).body;
    const { status, body } = await post('/billing/cancel');
    expect({ status, body }).toEqual({ status: 200, body: { tier: 'pro', status: 'active', cancel_at: expires_at } });
    expect((await get('/billing/status')).body).toMatchObject({ has_subscription: true, cancel_at: expires_at });
    await shop.vendor('POST', '/sandbox/time/advance', { days: 33 });
    expect((await get('/billing/status')).body).toMatchObject({
      has_subscription: false,
      tier: 'free',
      status: 'free',
      usage: { current: 0, included: 100 },
    });
  });

  it('ends it at once when asked to [V1]', async () => {
    const { post, get, subscribe } = await someone();
    await subscribe('pro');
    const { status, body } = await post('/billing/cancel', { at_period_end: false });
    expect({ status, body }).toMatchObject({ status: 200, body: { status: 'canceled' } });
    expect(body.cancel_at).toMatch(/Z$/);
    expect((await get('/billing/status')).body.has_subscription).toBe(false);
  });

  it('404: without a subscription [V1]', async () => {
    const { post } = await someone();
    expect(await post('/billing/cancel')).toMatchObject({ status: 404, body: { code: 'resource_missing' } });
  });
});

describe('GET /billing/payment-methods', () => {
  it('lists the cards, without a number [V1] [V5]', async () => {
    const { get, subscribe } = await someone();
    expect((await get('/billing/payment-methods')).body).toEqual({ payment_methods: [] });
    await subscribe('starter');
    const { body } = await get('/billing/payment-methods');
    expect(body.payment_methods).toMatchObject([
      { id: expect.stringMatching(/^pm_/), type: 'card', brand: 'visa', last4: '4242', exp_month: expect.any(Number) },
    ]);
  });
});

describe('the cards of a customer', () => {
  it('are attached, made the default and detached with the customer’s own token [V5]', async () => {
    const { get, post } = await someone();
    const first = await post('/v1/payment-methods', { payment_method: 'pm_card_visa', make_default: true });
    const second = await post('/v1/payment-methods', { payment_method: 'pm_card_mastercard' });
    expect([first.status, second.status]).toEqual([201, 201]);
    await post(`/v1/payment-methods/${second.body.id}/default`);
    const listed = async () =>
      (await get('/billing/payment-methods')).body.payment_methods.map(({ brand, is_default }: Wire) => [
        brand,
        is_default,
      ]);
    expect((await listed()).sort()).toEqual([
      ['mastercard', true],
      ['visa', false],
    ]);
    await post(`/v1/payment-methods/${first.body.id}/detach`);
    expect(await listed()).toEqual([['mastercard', true]]);
  });
});

describe('GET /billing/portal', () => {
  it('answers the address of Stripe’s page for them [V1]', async () => {
    const { get } = await someone();
    const { status, body } = await get('/billing/portal');
    expect({ status, body }).toEqual({ status: 200, body: { url: expect.stringMatching(/^http/) } });
    expect((await fetch(body.url)).status).toBe(200);
  });
});

describe('POST /webhooks/stripe', () => {
  it('400: is there, and believes nobody but Stripe [V1]', async () => {
    const { status, body } = await shop.call('POST', '/webhooks/stripe', null, {});
    expect({ status, body }).toEqual({ status: 400, body: { error: 'Invalid signature' } });
  });
});

describe('who may call', () => {
  it.each([
    ['GET', '/billing/status'],
    ['GET', '/billing/payment-methods'],
    ['GET', '/billing/portal'],
    ['GET', '/billing/admin/stats'],
    ['POST', '/billing/subscribe'],
    ['POST', '/billing/upgrade'],
    ['POST', '/billing/cancel'],
  ])('401: %s %s without a token, or with one that is nobody’s [V1]', async (method, path) => {
    for (const token of [null, 'nobody']) {
      const { status, body } = await shop.call(method, path, token, method === 'POST' ? {} : undefined);
      expect({ status, body }).toEqual({ status: 401, body: { error: expect.any(String), code: 'unauthorized' } });
    }
  });

  it('403: customers may not see the statistics, and the vendor is nobody’s customer [V1]', async () => {
    const { get } = await someone();
    expect(await get('/billing/admin/stats')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    expect(await shop.vendor('GET', '/billing/status')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
  });

  it.each([
    ['no JSON', '{"tier":', 400, 'invalid_json'],
    ['a list', '[]', 400, 'invalid_request'],
    ['a number', '7', 400, 'invalid_request'],
  ])('400: a body that is %s, without a word of the inside [V1]', async (_name, body, status, code) => {
    const token = await shop.tokenOf('careless');
    const response = await fetch(`${shop.server.url}/billing/subscribe`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body,
    });
    const answer = await response.text();
    expect(response.status).toBe(status);
    expect(JSON.parse(answer)).toEqual({ error: expect.any(String), code });
    expect(answer).not.toMatch(/\bat \S+:\d+|node_modules|\.ts\b/);
  });

  it('answers a wrong path and a wrong method in the same shape [V1]', async () => {
    const { get } = await someone();
    expect(await get('/billing/plans')).toMatchObject({ status: 404, body: { code: 'not_found' } });
    const { status, headers, body } = await get('/billing/subscribe');
    expect({ status, body }).toEqual({ status: 405, body: { error: expect.any(String), code: 'method_not_allowed' } });
    expect(headers.get('allow')).toBe('POST');
  });
});
