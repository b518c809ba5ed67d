import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../test/support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
  await shop.buy({ product: 'infinite-server26', email: 'health@example.com' });
});

afterAll(async () => {
  await shop?.close();
});

const ask = async (headers: Record<string, string>) => {
  const response = await fetch(`${shop.server.url}/health/billing`, { headers });
  return { status: response.status, body: await response.json() };
};

describe('GET /health/billing', () => {
  it('200: the admin sees figures and reasons', async () => {
    const { status, body } = await ask({
      'x-forwarded-for': '203.0.113.7',
      authorization: `Bearer ${shop.server.app.adminToken.token}`,
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'healthy',
      because: [],
      stripe: { status: 'healthy', circuit: 'closed' },
      database: 'healthy',
      webhooks: { status: 'healthy', pending: 0, failed: 0, oldest_s: 0 },
      subscriptions: { current: 1 },
    });
  });

  it('200: anyone else sees how it stands, and no figure', async () => {
    const { status, body } = await ask({ 'x-forwarded-for': '203.0.113.7' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'healthy', webhooks: { status: 'healthy' }, subscriptions: {} });
    expect(JSON.stringify(body)).not.toMatch(/\d/);
    expect(body).not.toHaveProperty('because');
  });

  it('200 and degraded: an event was given up, and it is said', async () => {
    const { database, clock } = shop.server.app;
    const event = await database.connection.selectFrom('inbox').select('id').limit(1).executeTakeFirstOrThrow();
    const fail = (status: 'failed' | 'processed') =>
      database.connection
        .updateTable('inbox')
        .set({ status, finished_at: clock.wall() })
        .where('id', '=', event.id)
        .execute();
    await fail('failed');
    const { status, body } = await ask({});
    await fail('processed');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 'degraded',
      because: [{ part: 'webhooks', status: 'degraded' }],
      webhooks: { status: 'degraded', failed: 1 },
    });
  });
});

describe('the figures for Prometheus', () => {
  it('tell of webhooks, calls to Stripe, the circuit and subscriptions, by labels of few values', async () => {
    const response = await fetch(`${shop.server.url}/metrics`);
    const text = await response.text();
    expect(text).toMatch(/^latchkey_webhooks_total\{outcome="stored"\} [1-9]/m);
    expect(text).toMatch(/^latchkey_webhooks_total\{outcome="taken"\} [1-9]/m);
    expect(text).toMatch(/^latchkey_stripe_call_duration_seconds_count\{call="[a-z_.]+",outcome="done"\} [1-9]/m);
    expect(text).toContain('latchkey_stripe_circuit{state="closed"} 1');
    expect(text).toContain('latchkey_subscriptions{standing="current"} 1');
    expect(text).toMatch(/^latchkey_intents_oldest_seconds 0/m);
    expect(text).not.toMatch(/(cus|sub|in|cs|pi|evt)_[A-Za-z0-9]{8}/);
  });
});
