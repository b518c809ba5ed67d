import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';
import type { Server } from '../../server.ts';

let shop: Shop;
let server: Server;

beforeAll(async () => {
  shop = await openShop();
  server = shop.server;
});

afterAll(() => shop?.close());

async function call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: Wire = await answer.json();
  return { status: answer.status, body: value };
}

const admin = () => ({ authorization: `Bearer ${server.app.adminToken.token}` });

async function issue(plan: string, more: object = {}): Promise<Wire> {
  const { body } = await call('POST', '/v1/licenses', { product: 'crypto-orchestrator', plan, ...more }, admin());
  return body;
}

const entitlements = async (query: string, headers: Record<string, string> = {}) =>
  (await call('GET', `/v1/entitlements?${query}`, undefined, headers)).body;
const check = async (body: object, headers: Record<string, string> = {}) =>
  (await call('POST', '/v1/entitlements/check', body, headers)).body;

describe('without a licence', () => {
  it('the software runs in demo mode, with what the catalog leaves it and what to say of the rest', async () => {
    expect(await entitlements('product=crypto-orchestrator')).toMatchObject({
      demo_mode: true,
      plan: null,
      limits: { max_bots: 3 },
      flags: { live_trading: { enabled: false, message: 'Upgrade to Basic' } },
      code: 'NOT_FOUND',
    });
  });

  it('a feature is refused with the message of its flag, and a limit is the demo’s', async () => {
    const product = 'crypto-orchestrator';
    expect(await check({ product, feature: 'advanced_ml' })).toMatchObject({
      allowed: false,
      code: 'ENTITLEMENT_MISSING',
      message: 'Upgrade to Pro',
      demo_mode: true,
    });
    expect(await check({ product, limit: 'max_bots', value: 3 })).toMatchObject({ allowed: true });
    expect(await check({ product, limit: 'max_bots', value: 4 })).toMatchObject({
      allowed: false,
      code: 'LIMIT_REACHED',
    });
  });

  it('a product without demo mode gives nothing', async () => {
    expect(await entitlements('product=quantum-falcon')).toMatchObject({ demo_mode: false, features: [], limits: {} });
  });

  it('the product has to be named, and to exist', async () => {
    expect((await call('GET', '/v1/entitlements')).body).toMatchObject({ code: 'invalid_request' });
    expect((await call('GET', '/v1/entitlements?product=none')).body).toMatchObject({ code: 'product_unknown' });
  });
});

describe('with a licence key', () => {
  it('what the plan has is given, inherited features too, and flags are on for it', async () => {
    const { key, id } = await issue('enterprise');
    const given = await entitlements('', { 'x-license-key': key });
    expect(given).toMatchObject({
      plan: 'enterprise',
      license_ids: [id],
      demo_mode: false,
      limits: { max_bots: -1 },
      flags: { live_trading: { enabled: true }, unlimited_bots: { enabled: true } },
      code: 'VALID',
    });
    expect(given.features).toEqual(expect.arrayContaining(['all_features', 'advanced_ml', 'api_access']));
    expect(await check({ license_key: key, limit: 'max_bots', value: 1_000_000 })).toMatchObject({
      allowed: true,
      limit: -1,
    });
  });

  it('what the licence says over its plan counts', async () => {
    const { key } = await issue('basic', { features: ['advanced_ml'], limits: { max_bots: 12 } });
    expect(await check({ license_key: key, feature: 'advanced_ml' })).toMatchObject({ allowed: true });
    expect(await check({ license_key: key, limit: 'max_bots', value: 12 })).toMatchObject({ allowed: true });
    expect(await check({ license_key: key, limit: 'max_bots', value: 13 })).toMatchObject({ code: 'LIMIT_REACHED' });
  });

  it('that was revoked, demo mode is what is left, and the code says why', async () => {
    const { key, id } = await issue('pro');
    await call('POST', `/v1/licenses/${id}/revoke`, undefined, admin());
    expect(await entitlements('', { 'x-license-key': key })).toMatchObject({
      demo_mode: true,
      code: 'REVOKED',
      limits: { max_bots: 3 },
    });
    expect(await check({ license_key: key, feature: 'live_trading' })).toMatchObject({ allowed: false });
  });

  it('of another product gives nothing of this one', async () => {
    const { key } = await issue('pro');
    const query = `product=quantum-falcon&license_key=${encodeURIComponent(key)}`;
    expect(await entitlements(query)).toMatchObject({
      product: 'quantum-falcon',
      code: 'PRODUCT_MISMATCH',
      features: [],
    });
  });

  it('on another machine than its own gives demo mode', async () => {
    const { key } = await issue('pro');
    await call('POST', '/v1/licenses/activate', { key, machine: { fingerprint: 'mine' } });
    const on = (fingerprint: string) => check({ license_key: key, machine: { fingerprint }, feature: 'live_trading' });
    expect(await on('mine')).toMatchObject({ allowed: true });
    expect(await on('other')).toMatchObject({ allowed: false, demo_mode: true });
  });
});

describe('of a customer', () => {
  const email = 'several@example.com';

  it('all licences in force count together, and those that are not do not', async () => {
    const basic = await issue('basic', { email });
    const pro = await issue('pro', { email });
    const gone = await issue('enterprise', { email });
    await call('POST', `/v1/licenses/${gone.id}/revoke`, undefined, admin());
    const query = `product=crypto-orchestrator&customer_id=${basic.customer_id}`;
    const given = await entitlements(query, admin());
    expect(given).toMatchObject({ plan: null, limits: { max_bots: 100 }, demo_mode: false });
    expect(new Set(given.license_ids)).toEqual(new Set([basic.id, pro.id]));
    expect(given.features).not.toContain('all_features');
  });

  it('only the vendor may ask', async () => {
    const query = 'product=crypto-orchestrator&customer_id=cust_1';
    expect((await call('GET', `/v1/entitlements?${query}`)).status).toBe(401);
  });
});
