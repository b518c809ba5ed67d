import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CALLS = fileURLToPath(new URL('../../../../../examples/investment-system/calls.sh', import.meta.url));
const WEBHOOK_SECRET = 'whsec_of_the_tests_of_an_api_by_subscription';
const ALERTS = 'alerts@investments.example';

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET, ALERT_EMAIL: ALERTS });
});
afterAll(() => shop?.close());

async function someone() {
  count += 1;
  const name = `holder${count}`;
  const token = await shop.tokenOf(name);
  const call = (method: string, path: string, body?: unknown) => shop.call(method, path, token, body);
  return {
    email: `${name}@example.com`,
    get: (path: string) => call('GET', path),
    post: (path: string, body?: unknown) => call('POST', path, body),
    subscribe: async (tier: string) =>
      (await call('POST', '/billing/subscribe', { tier, payment_method_id: 'pm_card_visa' })).body as Wire,
    status: async () => (await call('GET', '/billing/status')).body as Wire,
  };
}
const stats = async (): Promise<Wire> => (await shop.vendor('GET', '/billing/admin/stats')).body;
const subjects = async (to: string): Promise<string[]> =>
  (await shop.vendor('GET', `/sandbox/mail?to=${encodeURIComponent(to)}`)).body.map(({ subject }: Wire) => subject);

/** An event as Stripe delivers it. */
async function deliver(body: string, secret: string) {
  const at = Math.floor(shop.server.app.clock.wall().getTime() / 1_000);
  const signature = createHmac('sha256', secret).update(`${at}.${body}`).digest('hex');
  const response = await fetch(`${shop.server.url}/webhooks/stripe`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'stripe-signature': `t=${at},v1=${signature}` },
    body,
  });
  return { status: response.status, body: await response.json() };
}

describe('GET /billing/admin/stats', () => {
  it('is this product’s MRR, ARR, tiers, churn and what a customer is worth, and nobody else’s [V1] [V11]', async () => {
    expect(await stats()).toMatchObject({
      currency: 'usd',
      mrr: 0,
      arr: 0,
      clv: null,
      churn_rate: null,
      overage_revenue: 0,
    });
    const [one, other] = [await someone(), await someone()];
    await one.subscribe('pro');
    await other.subscribe('starter');
    await shop.buy({ product: 'infinite-server26', email: 'elsewhere@example.com' });
    await shop.settle();
    expect(await stats()).toMatchObject({
      mrr: 128,
      mrr_cents: 12_800,
      arr: 1_536,
      arr_cents: 153_600,
      clv: null,
      churn_rate: 0,
      active_subscriptions: 2,
      by_tier: {
        free: { subscriptions: 0, mrr: 0 },
        starter: { subscriptions: 1, mrr: 29 },
        pro: { subscriptions: 1, mrr: 99, mrr_cents: 9_900 },
        enterprise: { subscriptions: 0 },
      },
    });
    await other.post('/billing/cancel', { at_period_end: false });
    // One of two left: half a month's loss, so that a customer is worth two months.
    expect(await stats()).toMatchObject({ mrr: 99, churn_rate: 0.5, clv: 198, active_subscriptions: 1 });
  });
});

describe('POST /webhooks/stripe', () => {
  const event = JSON.stringify({
    id: 'evt_unheard',
    object: 'event',
    type: 'customer.unheard',
    created: 1_767_225_600,
    data: { object: { id: 'cus_unheard', object: 'unheard' } },
  });

  it('200: stores what Stripe signed, however often it comes [V1]', async () => {
    for (const _time of [1, 2]) {
      expect(await deliver(event, WEBHOOK_SECRET)).toEqual({ status: 200, body: { received: true } });
    }
    const { body } = await shop.vendor('GET', '/v1/inbox');
    expect(body.data.filter(({ event_id }: Wire) => event_id === 'evt_unheard')).toHaveLength(1);
  });

  it('400: refuses what somebody else signed, and what is no event [V1]', async () => {
    expect(await deliver(event, 'whsec_of_somebody_else')).toEqual({
      status: 400,
      body: { error: 'Invalid signature' },
    });
    expect(await deliver('[]', WEBHOOK_SECRET)).toEqual({ status: 400, body: { error: 'Invalid payload' } });
  });
});

describe('a life of a subscription', () => {
  it('is subscribed, goes up, renews, is canceled and falls back to the free tier, without a Stripe account [V1] [V9]', async () => {
    const { email, subscribe, post, status } = await someone();
    expect(await subscribe('starter')).toMatchObject({ status: 'active' });
    await shop.settle();
    expect(await subjects(email)).toHaveLength(1);
    await post('/billing/upgrade', { tier: 'pro' });
    const before = await status();
    await shop.vendor('POST', '/sandbox/time/advance', { days: 32 });
    const renewed = await status();
    expect(renewed).toMatchObject({ has_subscription: true, tier: 'pro', status: 'active' });
    expect(Date.parse(renewed.expires_at)).toBeGreaterThan(Date.parse(before.expires_at));
    await post('/billing/cancel');
    await shop.vendor('POST', '/sandbox/time/advance', { days: 32 });
    expect(await status()).toMatchObject({ has_subscription: false, tier: 'free', status: 'free' });
    const { body } = await shop.vendor('GET', `/v1/licenses?email=${email}`);
    expect(body.data).toMatchObject([{ plan: 'pro', status: 'revoked' }]);
  });

  it('that is not paid any more is told to the customer and to the vendor [V10]', async () => {
    const { email, subscribe, status } = await someone();
    await subscribe('pro');
    const { data } = await shop.stripe('GET', `/v1/customers?email=${email}`);
    const method = { payment_method: 'pm_card_chargeCustomerFail' };
    await shop.control(`/customers/${data[0].id}/payment_method`, method);
    await shop.vendor('POST', '/sandbox/time/advance', { days: 32 });
    expect(await status()).toMatchObject({ has_subscription: true, tier: 'pro', status: 'past_due' });
    expect((await subjects(email)).length).toBeGreaterThan(1);
    expect((await subjects(ALERTS)).length).toBeGreaterThan(0);
  });

  it('that Stripe changed unheard is found by a comparison, and mended [V10]', async () => {
    const { subscribe, status } = await someone();
    const { subscription_id } = await subscribe('pro');
    await shop.settle();
    await shop.control('/webhooks', { mode: 'drop' });
    await shop.stripe('DELETE', `/v1/subscriptions/${subscription_id}`);
    await shop.settle();
    await shop.control('/webhooks', { mode: 'normal' });
    expect(await status()).toMatchObject({ has_subscription: true });
    let { body: run } = await shop.vendor('POST', '/v1/reconciliations', { fix: true });
    while (run.status === 'running') run = (await shop.vendor('GET', `/v1/reconciliations/${run.id}`)).body;
    expect(run.found).toBe(run.fixed);
    const found = run.differences.filter(({ type }: Wire) => type === 'subscription');
    expect(found).toMatchObject([{ id: subscription_id, problem: 'gone', fixed: true }]);
    expect(await status()).toMatchObject({ has_subscription: false, tier: 'free' });
  });

  it('is in the audit with everything that was asked for [V13]', async () => {
    const { subscribe, post, get } = await someone();
    await subscribe('starter');
    await post('/billing/upgrade', { tier: 'pro' });
    await get('/billing/portal');
    await post('/billing/cancel');
    await shop.settle();
    const me = (await get('/v1/customers/me')).body.id;
    const own = (await shop.vendor('GET', `/v1/audit?subject_id=${me}&limit=100`)).body.data;
    const { body } = await shop.vendor('GET', `/v1/subscriptions?customer=${me}`);
    const paid = (await shop.vendor('GET', `/v1/audit?subject_id=${body.data[0].id}&limit=100`)).body.data;
    const asked = [...own, ...paid].filter(({ actor }: Wire) => actor.id === me).map(({ action }: Wire) => action);
    expect(asked).toEqual(
      expect.arrayContaining([
        'subscription.asked',
        'payment_method.attach_asked',
        'subscription.change_asked',
        'portal.opened',
        'subscription.cancel_asked',
      ]),
    );
    expect(paid.map(({ action }: Wire) => action)).toContain('subscription.created');
  });
});

describe('calls beyond the tier', () => {
  const use = async (customer_id: string, id: string, quantity: number) =>
    (
      await shop.vendor('POST', '/v1/usage', {
        id,
        meter: 'calls',
        product: 'investment-system',
        customer_id,
        quantity,
      })
    ).body;

  it('are in the status with their price at once, and on the next invoice once, to the cent [V6] [V11]', async () => {
    const { email, subscribe, get, status } = await someone();
    const { subscription_id } = await subscribe('starter');
    await shop.settle();
    const me = (await get('/v1/customers/me')).body.id;
    expect(await use(me, 'first', 990)).toMatchObject({ accepted: 1 });
    expect((await status()).usage).toMatchObject({ current: 990, remaining: 10, usage_percentage: 99, overage: 0 });
    await use(me, 'second', 40);
    expect(await use(me, 'second', 40)).toMatchObject({ accepted: 0, duplicates: 1 });
    expect((await status()).usage).toMatchObject({
      current: 1_030,
      included: 1_000,
      remaining: 0,
      usage_percentage: 103,
      overage: 30,
      overage_cost: 0.9,
    });
    await shop.vendor('POST', '/sandbox/time/advance', { days: 32 });
    expect((await status()).usage).toMatchObject({ current: 0, remaining: 1_000, overage: 0, overage_cost: 0 });
    await shop.vendor('POST', '/sandbox/time/advance', { days: 31 });
    const { data: customers } = await shop.stripe('GET', `/v1/customers?email=${email}`);
    const { data } = await shop.stripe('GET', `/v1/invoices?customer=${customers[0].id}`);
    const paid = data.filter(({ subscription, parent }: Wire) =>
      [subscription, parent?.subscription_details?.subscription].includes(subscription_id),
    );
    expect(paid.map(({ amount_paid }: Wire) => amount_paid)).toEqual([2_900, 2_990, 2_900]);
    expect(await stats()).toMatchObject({
      overage_revenue: 0.9,
      overage_revenue_cents: 90,
      overage_by_month: [{ month: expect.stringMatching(/^\d{4}-\d\d-01$/), amount: 0.9, amount_cents: 90 }],
    });
  });

  it('are refused on the free tier, and none of it is counted [V2]', async () => {
    const { get, status } = await someone();
    const me = (await get('/v1/customers/me')).body.id;
    await use(me, 'within', 95);
    expect(await use(me, 'beyond', 6)).toMatchObject({ accepted: 0, rejected: [{ code: 'limit_reached' }] });
    expect((await status()).usage).toMatchObject({ current: 95, remaining: 5, overage: 0, overage_cost: 0 });
  });
});

describe('examples/investment-system/calls.sh', () => {
  it('makes every call of the document and gets what it says, as often as it runs [V1]', async () => {
    const env = {
      PATH: process.env.PATH ?? '',
      BASE: shop.server.url,
      ADMIN_TOKEN: shop.server.app.adminToken.token,
      JWT_TOKEN: await shop.tokenOf('reader'),
    };
    for (const _run of [1, 2]) {
      const { stdout } = await promisify(execFile)('bash', [CALLS], { env });
      expect(stdout.trim().split('\n')).toHaveLength(16);
    }
  });
});

describe('when Stripe stumbles', () => {
  it('a call that fails once is tried again; while Stripe is away billing says so, and the rest goes on [V8]', async () => {
    const one = await someone();
    await shop.control('/fail', { requests: 1, status: 500 });
    expect(await one.subscribe('starter')).toMatchObject({ status: 'active' });
    const other = await someone();
    await shop.control('/fail', { requests: 60, status: 500 });
    let answer = await other.post('/billing/subscribe', { tier: 'pro', payment_method_id: 'pm_card_visa' });
    expect(answer).toMatchObject({ status: 503, body: { error: expect.any(String), code: 'stripe_unavailable' } });
    answer = await one.get('/billing/portal');
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    const health = await fetch(`${shop.server.url}/health/billing`);
    expect(await health.json()).toMatchObject({ status: 'degraded', stripe: { circuit: 'open' } });
    expect(await one.status()).toMatchObject({ has_subscription: true, tier: 'starter' });
    expect((await shop.call('GET', '/pricing', null)).status).toBe(200);
    await shop.control('/fail', { requests: 0, status: 500 });
  });
});

describe('GET /health/billing', () => {
  it('tells the vendor how Stripe, the database, the webhooks and the subscriptions are [V1]', async () => {
    const { status, body } = await shop.vendor('GET', '/health/billing');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: expect.any(String),
      stripe: { circuit: expect.any(String) },
      database: 'healthy',
      webhooks: { pending: expect.any(Number), failed: 0, oldest_s: expect.any(Number) },
      subscriptions: { current: expect.any(Number) },
    });
  });
});

describe('limits', () => {
  it('429: whoever calls too often is told when to come back; the vendor is not held up [V13]', async () => {
    const { get } = await someone();
    let answer = await get('/billing/status');
    for (let calls = 1; answer.status === 200 && calls < 200; calls += 1) answer = await get('/billing/status');
    expect(answer).toMatchObject({ status: 429, body: { error: expect.any(String), code: 'rate_limited' } });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(answer.headers.get('ratelimit')).toMatch(/^"billing";r=0;/);
    expect((await stats()).mrr).toBeGreaterThan(0);
  });
});
