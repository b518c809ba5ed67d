import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const MASTER_KEY = 'your-master-key-from-licenseauthority';
const ORIGIN = 'http://localhost:5173';
const DAY_MS = 86_400_000;
const CENTURY_MS = 100 * 365 * DAY_MS;

let shop: Shop;
beforeAll(async () => {
  shop = await openShop({ MASTER_KEY, ALLOWED_ORIGINS: `${ORIGIN},http://localhost:5174` });
});
afterAll(() => shop?.close());

const order = (more: object = {}) => ({ userId: 'user_123', userEmail: 'user@example.com', tier: 'pro', ...more });
const generate = (body: unknown) => shop.vendor('POST', '/api/generate', body);
const verify = (body: unknown) => shop.call('POST', '/api/verify', null, body);
async function keyFor(more: object = {}): Promise<string> {
  const { status, body } = await generate(order(more));
  expect(status, JSON.stringify(body)).toBe(200);
  return body.license;
}

async function licenseOf(key: string): Promise<Wire> {
  const { body } = await shop.call('POST', '/v1/licenses/validate', null, { key });
  return body.license;
}

const FEATURES = {
  free: ['basic_dashboard', 'manual_trading', 'basic_analytics', 'community_readonly'],
  pro: [
    'all_free_features',
    'ai_agents_3',
    'advanced_analytics',
    'strategy_marketplace',
    'copy_trading',
    'priority_support',
  ],
  elite: [
    'all_pro_features',
    'unlimited_agents',
    'market_intelligence',
    'custom_builder',
    'api_access',
    'whale_tracking',
    'premium_community',
  ],
  lifetime: [
    'all_elite_features',
    'lifetime_updates',
    'vip_support',
    'beta_access',
    'custom_integrations',
    'white_label',
  ],
};

describe('POST /api/generate', () => {
  it('answers a key that recomputes from user, tier and second, with what it unlocks [Q1] [Q2]', async () => {
    const { status, body } = await generate(order({ duration: 30, paymentIntentId: 'pi_1' }));
    expect(status).toBe(200);
    const [prefix, tier, signature, second] = body.license.split('-');
    const hmac = createHmac('sha256', MASTER_KEY).update(`user_123:pro:${second}`).digest('hex');
    expect([prefix, tier, signature]).toEqual(['QF', 'PRO', hmac.slice(0, 12)]);
    expect(body).toEqual({
      success: true,
      license: body.license,
      tier: 'pro',
      userId: 'user_123',
      userEmail: 'user@example.com',
      generatedAt: Number(second) * 1_000,
      expiresAt: Number(second) * 1_000 + 30 * DAY_MS,
      paymentIntentId: 'pi_1',
      features: [...FEATURES.pro, ...FEATURES.free],
    });
  });

  it('gives each of two keys of one user and tier in one second a second of its own, and both recompute [Q1]', async () => {
    const twins = await Promise.all(Array.from({ length: 5 }, () => keyFor({ userId: 'user_twin', tier: 'elite' })));
    expect(new Set(twins).size).toBe(5);
    for (const key of twins) {
      const [, , signature, second] = key.split('-');
      const hmac = createHmac('sha256', MASTER_KEY).update(`user_twin:elite:${second}`).digest('hex');
      expect(signature).toBe(hmac.slice(0, 12));
    }
  });

  it.each(['free', 'pro', 'elite', 'lifetime'] as const)(
    'gives the tier %s its own features first, then those of the tiers below [Q3]',
    async (tier) => {
      const order = ['lifetime', 'elite', 'pro', 'free'] as const;
      const expected = order.slice(order.indexOf(tier)).flatMap((each) => FEATURES[each]);
      const { body } = await generate({ userId: `user_${tier}`, tier });
      expect(body.features).toEqual(expected);
      expect((await verify({ license: body.license })).body).toMatchObject({ tier, features: expected });
    },
  );

  it.each([
    ['a number of days', { duration: 7 }, 7 * DAY_MS],
    ['thirty days where none are named', {}, 30 * DAY_MS],
    ['a hundred years for -1', { duration: -1 }, CENTURY_MS],
    ['a hundred years for the tier for life', { tier: 'lifetime' }, CENTURY_MS],
  ])('ends after %s [Q3]', async (_, more, lasts) => {
    const { body } = await generate(order({ userId: 'user_terms', ...more }));
    expect(body.expiresAt - body.generatedAt).toBe(lasts);
    expect((await verify({ license: body.license })).body.expiresAt).toBe(body.expiresAt);
  });

  it.each([
    ['no user', { userId: undefined }],
    ['no tier', { tier: undefined }],
    ['a null user', { userId: null }],
    ['an empty tier', { tier: '' }],
  ])('refuses %s in the documented words [Q2]', async (_, more) => {
    const { status, body } = await generate(order(more));
    expect({ status, error: body.error }).toEqual({ status: 400, error: 'Missing required fields' });
  });

  it.each([
    ['an unknown tier', { tier: 'platinum' }],
    ['a duration of zero', { duration: 0 }],
    ['a negative duration', { duration: -2 }],
    ['half a day', { duration: 0.5 }],
    ['a duration beyond a century', { duration: 36_501 }],
    ['a duration as text', { duration: '30' }],
    ['an address that is none', { userEmail: 'nobody' }],
    ['a user that is a list', { userId: ['user_123'] }],
  ])('refuses %s, and says why as {error} [Q2]', async (_, more) => {
    const { status, body } = await generate(order(more));
    expect(status).toBe(400);
    expect(Object.keys(body).sort()).toEqual(['code', 'error']);
    expect(body.error).not.toMatch(/ at |\.ts/);
  });

  it('is the vendor’s: without a token nobody gets a key', async () => {
    const { status, body } = await shop.call('POST', '/api/generate', null, order());
    expect({ status, code: body.code }).toEqual({ status: 401, code: 'unauthorized' });
    expect(await shop.call('POST', '/api/generate', await shop.tokenOf('ada'), order())).toMatchObject({ status: 403 });
  });
});

describe('POST /api/verify', () => {
  it('answers what a valid key unlocks, to whoever holds it [Q2]', async () => {
    const { body: made } = await generate(order({ userId: 'user_holder', duration: 30 }));
    const { status, body } = await verify({ license: made.license });
    expect(status).toBe(200);
    expect(body).toEqual({
      valid: true,
      tier: 'pro',
      expiresAt: made.expiresAt,
      userId: 'user_holder',
      features: made.features,
      code: 'VALID',
    });
  });

  it('is decided by what is stored: the shape of a key proves nothing [Q2]', async () => {
    const key = await keyFor({ userId: 'user_shape' });
    const raised = key.replace('-PRO-', '-LIFETIME-');
    for (const forged of [raised, 'QF-PRO-0123456789ab-1704067200']) {
      expect(await verify({ license: forged })).toMatchObject({
        status: 401,
        body: { valid: false, error: 'License not found' },
      });
    }
    const { id } = await licenseOf(key);
    await shop.vendor('POST', `/v1/licenses/${id}/revoke`);
    expect(await verify({ license: key })).toMatchObject({
      status: 401,
      body: { valid: false, error: 'License revoked', code: 'REVOKED' },
    });
  });

  it('says that a key has expired', async () => {
    const key = await keyFor({ userId: 'user_late', duration: 1 });
    const { id } = await licenseOf(key);
    await shop.vendor('PATCH', `/v1/licenses/${id}`, { expires_at: '2020-01-01T00:00:00Z' });
    expect(await verify({ license: key })).toMatchObject({
      status: 401,
      body: { valid: false, error: 'License expired', code: 'EXPIRED' },
    });
  });

  it('knows no key of another product', async () => {
    const { body } = await shop.vendor('POST', '/v1/licenses', { product: 'redline2' });
    expect(await verify({ license: body.key })).toMatchObject({ status: 401, body: { error: 'License not found' } });
  });

  it.each([
    ['nothing', undefined],
    ['an empty body', {}],
    ['an empty key', { license: '' }],
    ['null', { license: null }],
  ])('asks for the key where it is sent %s [Q2]', async (_, sent) => {
    const { status, body } = await verify(sent);
    expect({ status, valid: body.valid, error: body.error }).toEqual({
      status: 400,
      valid: false,
      error: 'No license provided',
    });
  });

  it('answers 401 to what is no key of any kind, and 400 to what is no text [Q2]', async () => {
    expect(await verify({ license: 'hello' })).toMatchObject({ status: 401, body: { error: 'Invalid format' } });
    expect(await verify({ license: 12 })).toMatchObject({ status: 400, body: { valid: false } });
  });

  it('compares the clock it is told with its own', async () => {
    const license = await keyFor({ userId: 'user_clock' });
    const now = Date.now();
    const right = await verify({ license, timestamp: now });
    expect(Math.abs(right.body.serverTime - now)).toBeLessThan(60_000);
    expect(right.body).not.toHaveProperty('clockSkewMs');
    const wrong = await verify({ license, timestamp: now - 600_000 });
    expect(wrong.status).toBe(200);
    expect(wrong.body.clockSkewMs).toBeLessThan(-590_000);
  });

  it('ignores fields that it does not know', async () => {
    const license = await keyFor({ userId: 'user_extra', color: 'blue' });
    expect((await verify({ license, nonsense: { deep: [1] } })).status).toBe(200);
  });

  it('tells the user of a licence that was issued without one by what is known of them', async () => {
    const { body: license } = await shop.vendor('POST', '/v1/licenses', { product: 'quantum-falcon', plan: 'pro' });
    expect((await verify({ license: license.key })).body.userId).toBe('unknown');
  });
});

describe('errors below its paths', () => {
  const raw = (path: string, init: RequestInit) => fetch(`${shop.server.url}${path}`, init);
  const json = { 'content-type': 'application/json' };

  it('have the shape that callers know, without anything from inside', async () => {
    const broken = await raw('/api/verify', { method: 'POST', headers: json, body: '{"license":' });
    expect(broken.status).toBe(400);
    expect(await broken.json()).toMatchObject({ valid: false, error: expect.any(String) });
    const form = await raw('/api/verify', { method: 'POST', body: new URLSearchParams({ license: 'x' }) });
    expect(form.status).toBe(415);
    const method = await raw('/api/generate', { method: 'GET' });
    expect(method.status).toBe(405);
    expect(method.headers.get('allow')).toContain('POST');
    expect(Object.keys((await method.json()) as object).sort()).toEqual(['code', 'error']);
    expect((await raw('/api/generate/more', { method: 'POST' })).status).toBe(404);
  });
});

describe('pages of other origins', () => {
  const preflight = (origin: string) =>
    fetch(`${shop.server.url}/api/verify`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });

  it('may call /api/* where they are allowed to, and nothing else [Q5]', async () => {
    const allowed = await preflight(ORIGIN);
    expect(allowed.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    expect(allowed.headers.get('access-control-allow-methods')).toContain('POST');
    expect((await preflight('http://evil.example')).headers.get('access-control-allow-origin')).toBeNull();
    const answer = await fetch(`${shop.server.url}/api/verify`, {
      method: 'POST',
      headers: { origin: ORIGIN, 'content-type': 'application/json' },
      body: JSON.stringify({ license: await keyFor({ userId: 'user_origin' }) }),
    });
    expect(answer.headers.get('access-control-allow-origin')).toBe(ORIGIN);
    const outside = await fetch(`${shop.server.url}/v1/products`, { headers: { origin: ORIGIN } });
    expect(outside.headers.get('access-control-allow-origin')).toBeNull();
  });

  it('and whoever watches the server asks for its health [Q5]', async () => {
    const { status, body } = await shop.call('GET', '/health', null);
    expect(status).toBe(200);
    expect(body).toMatchObject({ status: 'healthy', service: 'license-generation' });
  });
});

describe('the API reference', () => {
  it('lists its calls', async () => {
    const { body } = await shop.call('GET', '/openapi.json', null);
    for (const path of ['/api/generate', '/api/verify', '/webhooks/stripe']) expect(body.paths).toHaveProperty([path]);
  });
});
