import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const MASTER_KEY = 'the master key of a shop that sells at Stripe';
const DAY_MS = 86_400_000;

let shop: Shop;
let monthly: string;
let users = 0;

beforeAll(async () => {
  shop = await openShop({ MASTER_KEY });
  // The vendor's own price, which no catalog knows.
  const { id: product } = await shop.stripe('POST', '/v1/products', { name: 'Falcon, sold elsewhere' });
  const price = await shop.stripe('POST', '/v1/prices', {
    product,
    currency: 'usd',
    unit_amount: '2900',
    'recurring[interval]': 'month',
  });
  monthly = price.id;
});
afterAll(() => shop?.close());

const form = (metadata: Record<string, string>) =>
  Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`metadata[${name}]`, value]));

/** A session that the vendor's back end makes at Stripe, without us, paid by a person. */
async function sell(mode: 'payment' | 'subscription', metadata: Record<string, string>): Promise<Wire> {
  const line: Record<string, string> =
    mode === 'subscription'
      ? { 'line_items[0][price]': monthly }
      : {
          'line_items[0][price_data][currency]': 'usd',
          'line_items[0][price_data][unit_amount]': '149900',
          'line_items[0][price_data][product_data][name]': 'Falcon',
        };
  const session = await shop.stripe('POST', '/v1/checkout/sessions', {
    mode,
    success_url: 'https://falcon.example/thanks',
    customer_email: `${metadata.userId ?? 'nobody'}@example.com`,
    'line_items[0][quantity]': '1',
    ...line,
    ...form(metadata),
  });
  const paid = await shop.control(`/checkout/sessions/${session.id}/complete`, { payment_method: 'pm_card_visa' });
  await shop.settle();
  return paid;
}

const nextUser = () => {
  users += 1;
  return `user-${users}`;
};

async function licensesOf(user: string): Promise<Wire[]> {
  const { body } = await shop.vendor('GET', `/v1/licenses?email=${user}@example.com`);
  return body.data;
}

async function onlyLicense(user: string): Promise<Wire> {
  const all = await licensesOf(user);
  expect(all).toHaveLength(1);
  return all[0];
}

async function keyOf(user: string): Promise<string> {
  const { id } = await onlyLicense(user);
  return (await shop.vendor('GET', `/v1/licenses/${id}/key`)).body.key;
}

const verify = async (license: string) => shop.call('POST', '/api/verify', null, { license });

async function letters(user: string): Promise<string[]> {
  const { body } = await shop.vendor('GET', `/sandbox/mail?to=${user}@example.com`);
  return (body as Wire[]).map(({ subject }) => subject);
}

async function entryOf(session: string): Promise<Wire> {
  const { body } = await shop.vendor('GET', '/v1/inbox?type=checkout.session.completed&limit=100');
  for (const { id } of body.data) {
    const { body: entry } = await shop.vendor('GET', `/v1/inbox/${id}`);
    if (JSON.stringify(entry).includes(session)) return entry;
  }
  throw new Error(`nothing was delivered of ${session}`);
}

describe('a checkout that the vendor made at Stripe', () => {
  it('brings a key under its user and tier, mailed to whoever paid [Q4] [Q1]', async () => {
    const user = nextUser();
    const session = await sell('payment', { userId: user, tier: 'pro' });
    const key = await keyOf(user);
    const [, tier, signature, second] = key.split('-');
    const hmac = createHmac('sha256', MASTER_KEY).update(`${user}:pro:${second}`).digest('hex');
    expect([tier, signature]).toEqual(['PRO', hmac.slice(0, 12)]);
    const { status, body } = await verify(key);
    expect(status).toBe(200);
    expect(body).toMatchObject({ valid: true, tier: 'pro', userId: user });
    expect(Math.abs(body.expiresAt - (Date.now() + 30 * DAY_MS))).toBeLessThan(120_000);
    expect(await letters(user)).toHaveLength(1);
    expect(await entryOf(session.id)).toMatchObject({ status: 'processed', reason: null });
  });

  it('brings one key, however often and by whichever path Stripe tells of it [Q4]', async () => {
    const user = nextUser();
    await shop.control('/webhooks', { mode: 'duplicate' });
    try {
      await sell('payment', { userId: user, tier: 'lifetime' });
    } finally {
      await shop.control('/webhooks', { mode: 'normal' });
    }
    const { expires_at } = await onlyLicense(user);
    expect(expires_at).toBeNull();
    expect(await letters(user)).toHaveLength(1);
  });

  it('and its money given back, takes the key back', async () => {
    const user = nextUser();
    const { payment_intent } = await sell('payment', { userId: user, tier: 'elite' });
    const key = await keyOf(user);
    await shop.stripe('POST', '/v1/refunds', { payment_intent });
    await shop.settle();
    expect(await verify(key)).toMatchObject({ status: 401, body: { valid: false, error: 'License revoked' } });
  });

  it.each<[string, Record<string, string>, string]>([
    ['no metadata', {}, 'name no userId and tier'],
    ['no tier', { userId: 'user-without-tier' }, 'name no userId and tier'],
    [
      'a tier that there is not',
      { userId: 'user-of-platinum', tier: 'platinum' },
      'a tier that quantum-falcon does not have',
    ],
  ])('with %s brings nothing, and the inbox says why [Q4]', async (_, metadata, reason) => {
    const session = await sell('payment', metadata);
    expect(await licensesOf(metadata.userId ?? 'nobody')).toEqual([]);
    const entry = await entryOf(session.id);
    expect(entry.status).toBe('ignored');
    expect(entry.reason).toContain(reason);
    expect(entry.reason).toContain('Nothing is issued for it.');
  });

  it('that only saves a card is no sale that failed', async () => {
    const { id: customer } = await shop.stripe('POST', '/v1/customers', { email: 'card@example.com' });
    const session = await shop.stripe('POST', '/v1/checkout/sessions', {
      mode: 'setup',
      currency: 'usd',
      customer,
      success_url: 'https://falcon.example/thanks',
    });
    await shop.control(`/checkout/sessions/${session.id}/complete`, { payment_method: 'pm_card_visa' });
    await shop.settle();
    expect(await entryOf(session.id)).toMatchObject({ status: 'processed', reason: null });
  });
});

describe('a subscription that the vendor began at Stripe', () => {
  it('brings a key; renewals extend it, and its end leaves the free tier when the paid time is over [Q4]', async () => {
    const user = nextUser();
    const { subscription } = await sell('subscription', { userId: user, tier: 'pro' });
    const key = await keyOf(user);
    const first = await verify(key);
    expect(first).toMatchObject({ status: 200, body: { tier: 'pro', userId: user } });

    await shop.vendor('POST', '/sandbox/time/advance', { days: 33 });
    const renewed = await verify(key);
    expect(renewed.status).toBe(200);
    expect(renewed.body.expiresAt - first.body.expiresAt).toBeGreaterThan(27 * DAY_MS);
    expect(await onlyLicense(user)).toMatchObject({ plan: 'pro' });

    await shop.stripe('DELETE', `/v1/subscriptions/${subscription}`);
    await shop.settle();
    expect((await verify(key)).body).toMatchObject({ valid: true, tier: 'pro' });
    await shop.vendor('POST', '/sandbox/time/advance', { days: 33 });
    const left = await verify(key);
    expect(left.body).toMatchObject({ valid: true, tier: 'free', userId: user });
    expect(left.body.features).not.toContain('copy_trading');
  });

  it('is found also where Stripe tells of the session alone [Q4]', async () => {
    const user = nextUser();
    await shop.control('/webhooks', { mode: 'hold' });
    let session: Wire;
    try {
      session = await sell('subscription', { userId: user, tier: 'elite' });
    } finally {
      await shop.control('/webhooks', { mode: 'drop' });
    }
    const event = (await shop.stripe('GET', '/v1/events?type=checkout.session.completed&limit=1')).data[0];
    expect(event.data.object.id).toBe(session.id);
    await deliver(event);
    await shop.server.app.settle();
    await shop.control('/webhooks', { mode: 'normal' });
    expect(await verify(await keyOf(user))).toMatchObject({ status: 200, body: { tier: 'elite', userId: user } });
  });
});

async function deliver(event: Wire): Promise<void> {
  const payload = JSON.stringify(event);
  const t = Math.floor(Date.now() / 1_000);
  const secret = shop.server.app.webhookSecrets[0] ?? '';
  const v1 = createHmac('sha256', secret).update(`${t}.${payload}`).digest('hex');
  const send = (signature: string, body: string) =>
    fetch(`${shop.server.url}/webhooks/stripe`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'stripe-signature': signature },
      body,
    });
  const answer = await send(`t=${t},v1=${v1}`, payload);
  expect({ status: answer.status, body: await answer.json() }).toEqual({ status: 200, body: { received: true } });
}

describe('POST /webhooks/stripe', () => {
  const send = (headers: Record<string, string>, body: string) =>
    fetch(`${shop.server.url}/webhooks/stripe`, { method: 'POST', headers, body });
  const signed = (payload: string) => {
    const t = Math.floor(Date.now() / 1_000);
    const secret = shop.server.app.webhookSecrets[0] ?? '';
    return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${payload}`).digest('hex')}`;
  };

  it('refuses what Stripe did not sign, and what is signed and no event [Q4]', async () => {
    const forged = await send({ 'stripe-signature': 't=1,v1=00' }, '{}');
    expect({ status: forged.status, body: await forged.json() }).toEqual({
      status: 400,
      body: { error: 'Invalid signature' },
    });
    const unsigned = await send({}, '{}');
    expect({ status: unsigned.status, body: await unsigned.json() }).toEqual({
      status: 400,
      body: { error: 'Invalid signature' },
    });
    const nonsense = await send({ 'stripe-signature': signed('no event') }, 'no event');
    expect({ status: nonsense.status, body: await nonsense.json() }).toEqual({
      status: 400,
      body: { error: 'Invalid payload' },
    });
  });
});
