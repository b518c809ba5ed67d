import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { sealedKeys, sealedType } from '@latchkey/core';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startProcess } from '../../../../../test/support/processes.ts';
import type { Wire } from '../../../../../test/support/wire.ts';
import { type Answer, openShop, type Shop } from '../../../test/support/shop.ts';
import { nodeCryptography } from '../../security/cryptography.ts';

/** The calls of the document, each as it shows them, against a server that sells this product alone. */
const CATALOG = fileURLToPath(new URL('../../../../../examples/crypto-orchestrator/catalog.yaml', import.meta.url));
const LICENSE_SECRET_KEY = '5ec7'.repeat(16);
const STRIPE_WEBHOOK_SECRET = 'whsec_of_the_trading_software';
const KEY = /^CO(-[0-9A-HJKMNP-TV-Z]{8}){4}$/;
const KEY_IN_TEXT = /CO(-[0-9A-HJKMNP-TV-Z]{8}){4}/;

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({
    CATALOG,
    LICENSE_SECRET_KEY,
    STRIPE_WEBHOOK_SECRET,
    STRIPE_PUBLISHABLE_KEY: 'pk_test_of_the_trading_software',
  });
});
afterAll(() => shop?.close());

/** A user whose token says who they are: `sub` and a proven address. */
async function someone() {
  count += 1;
  const name = `trader${count}`;
  return { name, email: `${name}@example.com`, token: await shop.tokenOf(name) };
}
const subscribe = (token: string | null, body: object) => shop.call('POST', '/api/payments/subscriptions', token, body);
const generate = async (body: object): Promise<Wire> => {
  const answer = await shop.vendor('POST', '/api/licensing/generate', { expires_at: null, ...body });
  expect(answer.status).toBe(201);
  return answer.body;
};
const activate = (license_key: string, machine_id: string) =>
  shop.call('POST', '/api/licensing/activate', null, { license_key, machine_id });
const validate = (token: string | null, query = '') => shop.call('GET', `/api/licensing/validate${query}`, token);
const features = (token: string | null) => shop.call('GET', '/api/licensing/features', token);
const lettersTo = async (email: string): Promise<Wire[]> =>
  (await shop.vendor('GET', `/sandbox/mail?to=${email}`)).body;

/** An error of these paths: its status, its code, and no more than `{error, code}`. */
function expectError({ status, body }: Answer, expected: number, code: string): void {
  expect({ status, code: body.code }).toEqual({ status: expected, code });
  expect(Object.keys(body).sort()).toEqual(['code', 'error']);
  expect(body.error).toEqual(expect.any(String));
  expect(JSON.stringify(body)).not.toMatch(/ at .*\.ts|node_modules|stack/);
}

describe('the price page', () => {
  it('shows four tiers at 0, 4900, 9900 and 29900 cents a month with what each has [C1]', async () => {
    const { body } = await shop.call('GET', '/v1/products/crypto-orchestrator', null);
    const priced = body.plans.filter(({ price }: Wire) => price !== null);
    expect(
      priced.map(({ id, price, highlights }: Wire) => [id, price.amount_cents, price.interval, highlights]),
    ).toEqual([
      ['free', 0, 'month', ['Basic trading', 'Paper trading', '5 bots max']],
      ['basic', 4_900, 'month', ['All Free features', 'Live trading', '20 bots max']],
      ['pro', 9_900, 'month', ['All Basic features', 'Unlimited bots', 'Advanced ML', 'API access']],
      ['enterprise', 29_900, 'month', ['All Pro features', 'Dedicated support', 'Custom integrations']],
    ]);
  });
});

describe('POST /api/payments/customers', () => {
  const customers = (body: object, token = shop.server.app.adminToken.token as string | null) =>
    shop.call('POST', '/api/payments/customers', token, body);

  it('makes a customer known, at Stripe too, once for each address [C2]', async () => {
    const body = { email: 'user@example.com', name: 'John Doe' };
    const first = await customers(body);
    expect(first.status).toBe(201);
    expect(first.body).toEqual({ customer_id: expect.stringMatching(/^cus_/), ...body });
    expect(await shop.stripe('GET', `/v1/customers/${first.body.customer_id}`)).toMatchObject(body);
    expect((await customers({ ...body, plan: 'ignored' })).body).toEqual(first.body);
  });

  it('is the vendor’s, and says what is wrong with a body', async () => {
    const { token } = await someone();
    expectError(await customers({ email: 'user@example.com' }, null), 401, 'unauthorized');
    expectError(await customers({ email: 'user@example.com' }, token), 403, 'forbidden');
    expectError(await customers({ email: 'nobody' }), 400, 'invalid_request');
    expectError(await customers({}), 400, 'invalid_request');
  });
});

describe('POST /api/payments/subscriptions', () => {
  it.each(['basic', 'pro', 'enterprise'])('charges for %s and answers the key [C2]', async (tier) => {
    const { email, token } = await someone();
    const { status, body } = await subscribe(token, { tier, payment_method_id: 'pm_card_visa' });
    expect(status).toBe(201);
    expect(body).toEqual({
      subscription_id: expect.stringMatching(/^sub_/),
      status: 'active',
      tier,
      license_key: expect.stringMatching(KEY),
    });
    await shop.settle();
    expect((await lettersTo(email)).filter(({ text }) => text.includes(body.license_key))).toHaveLength(1);
  });

  it('gives the free tier without Stripe, the same one however often', async () => {
    const { token } = await someone();
    const first = await subscribe(token, { tier: 'free' });
    expect(first).toMatchObject({ status: 201, body: { subscription_id: null, status: 'active', tier: 'free' } });
    expect((await subscribe(token, { tier: 'free' })).body).toEqual(first.body);
    const { license_id, ...now } = (await validate(token)).body;
    expect(now).toMatchObject({ valid: true, license_type: 'free', max_bots: 5 });
    await shop.vendor('POST', `/v1/licenses/${license_id}/revoke`);
    expect((await subscribe(token, { tier: 'free' })).body).toEqual({ ...first.body, status: 'revoked' });
  });

  it('answers a declined card with 402, and charges nothing', async () => {
    const { token } = await someone();
    const declined = await subscribe(token, { tier: 'pro', payment_method_id: 'pm_card_chargeDeclined' });
    expectError(declined, 402, 'stripe_declined');
    expect((await validate(token)).body).toMatchObject({ valid: false, demo_mode: true });
  });

  it.each([
    ['a card whose bank asks', { payment_method_id: 'pm_card_threeDSecure2Required' }],
    ['no card', {}],
  ])('with %s waits for the customer, and the key comes once it is paid [C2]', async (_what, card) => {
    const { email, token } = await someone();
    const { status, body } = await subscribe(token, { tier: 'pro', ...card });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      subscription_id: expect.stringMatching(/^sub_/),
      status: 'incomplete',
      requires_action: true,
      client_secret: expect.stringMatching(/^pi_\w+_secret_/),
      publishable_key: 'pk_test_of_the_trading_software',
      license_key: null,
    });
    expect((await validate(token)).body.valid).toBe(false);
    const [intent] = body.client_secret.split('_secret_');
    await shop.stripe('POST', `/v1/payment_intents/${intent}/confirm`, { payment_method: 'pm_card_visa' });
    await shop.settle();
    expect((await validate(token)).body).toMatchObject({ valid: true, license_type: 'pro' });
    expect((await lettersTo(email))[0]?.text).toMatch(KEY_IN_TEXT);
  });

  it('refuses what cannot be subscribed to, whoever has one, and whoever is nobody', async () => {
    const { token } = await someone();
    const card = { payment_method_id: 'pm_card_visa' };
    expectError(await subscribe(token, { tier: 'gold', ...card }), 400, 'plan_unknown');
    expectError(await subscribe(token, { tier: 'trial', ...card }), 400, 'invalid_request');
    expectError(await subscribe(token, card), 400, 'invalid_request');
    expectError(await subscribe(token, { tier: 'pro', payment_method_id: 'pm_nobodys' }), 400, 'invalid_request');
    expectError(await subscribe(null, { tier: 'pro', ...card }), 401, 'unauthorized');
    expectError(await subscribe('not-a-token', { tier: 'pro', ...card }), 401, 'unauthorized');
    expect((await subscribe(token, { tier: 'basic', ...card })).status).toBe(201);
    expectError(await subscribe(token, { tier: 'pro', ...card }), 409, 'already_subscribed');
  });

  it('is for a customer of the vendor’s where the vendor names them, and for nobody else’s', async () => {
    const { token } = await someone();
    const made = await shop.vendor('POST', '/api/payments/customers', { email: 'named@example.com', name: 'Named' });
    const wish = { tier: 'basic', payment_method_id: 'pm_card_visa', customer_id: made.body.customer_id };
    expectError(await subscribe(token, wish), 404, 'resource_missing');
    const admin = shop.server.app.adminToken.token;
    expectError(await subscribe(admin, { ...wish, customer_id: undefined }), 400, 'invalid_request');
    expect(await subscribe(admin, wish)).toMatchObject({
      status: 201,
      body: { license_key: expect.stringMatching(KEY) },
    });
  });
});

describe('POST /api/payments/webhook', () => {
  const payload = (id: string) =>
    JSON.stringify({
      id,
      object: 'event',
      type: 'customer.created',
      api_version: '2026-10-28.endive',
      created: Math.floor(Date.now() / 1_000),
      livemode: false,
      data: { object: { id: 'cus_hook', object: 'customer', email: null, name: null, metadata: {}, created: 1 } },
    });
  const sign = (text: string, secret = STRIPE_WEBHOOK_SECRET) =>
    new Stripe('sk_test_x').webhooks.generateTestHeaderString({ payload: text, secret });
  async function deliver(body: string, headers: Record<string, string>) {
    const answer = await fetch(`${shop.server.url}/api/payments/webhook`, { method: 'POST', headers, body });
    return { status: answer.status, body: await answer.json() };
  }

  it.each(['stripe-signature', 'x-stripe-signature'])('takes what is signed in %s [C2]', async (header) => {
    const body = payload(`evt_in_${header.replaceAll('-', '_')}`);
    expect(await deliver(body, { [header]: sign(body) })).toEqual({ status: 200, body: { received: true } });
    expect(await deliver(body, { [header]: sign(body) })).toEqual({ status: 200, body: { received: true } });
  });

  it('refuses what is not signed by Stripe', async () => {
    const body = payload('evt_refused');
    const refused = { status: 400, body: { error: 'Invalid signature', code: 'invalid_signature' } };
    expect(await deliver(body, {})).toEqual(refused);
    expect(await deliver(body, { 'x-stripe-signature': sign(body, 'whsec_another') })).toEqual(refused);
    expect(await deliver(`${body} `, { 'stripe-signature': sign(body) })).toEqual(refused);
    expect(await deliver('[]', { 'stripe-signature': sign('[]') })).toMatchObject({
      status: 400,
      body: { error: 'Invalid payload' },
    });
  });
});

describe('POST /api/licensing/generate', () => {
  const everything = ['paper_trading', 'live_trading', 'all_strategies', 'advanced_ml'];
  it.each([
    ['basic', 10, ['paper_trading', 'live_trading', 'basic_strategies']],
    ['pro', 100, everything],
    ['enterprise', -1, ['all_features']],
  ])('makes a licence of type %s that does not end, for %i bots [C3] [C6]', async (license_type, max_bots, has) => {
    const body = await generate({ user_id: '123', license_type });
    expect(body).toEqual({
      license_key: expect.stringMatching(KEY),
      license_type,
      expires_at: null,
      max_bots,
      features: expect.arrayContaining(has),
    });
  });

  it('gives a trial 14 days and 3 bots, and any type the end that is named [C3]', async () => {
    const now = Date.parse((await shop.vendor('GET', '/sandbox/time')).body.now);
    const trial = await generate({ user_id: '123', license_type: 'trial' });
    expect(trial).toMatchObject({ max_bots: 3, features: ['paper_trading', 'basic_strategies'] });
    expect((Date.parse(trial.expires_at) - now) / 86_400_000).toBeCloseTo(14, 2);
    const ends = await generate({ user_id: '123', license_type: 'pro', expires_at: '2031-05-01T12:00:00' });
    expect(ends.expires_at).toBe('2031-05-01T12:00:00.000Z');
  });

  it('makes keys whose payload is sealed: only the secret opens it [C4]', async () => {
    const scheme = sealedKeys('CO');
    const { license_key } = await generate({ user_id: 'user_sealed', license_type: 'pro' });
    const secret = { id: 'now', bytes: Buffer.from(LICENSE_SECRET_KEY, 'hex') };
    const other = { id: 'other', bytes: Buffer.alloc(32, 7) };
    const key = scheme.parse(license_key) ?? '';
    expect(scheme.open(key, [secret], nodeCryptography)?.type).toBe(sealedType('pro', nodeCryptography));
    expect(scheme.open(key, [other], nodeCryptography)).toBeNull();
    const forged = license_key.slice(0, -1) + (license_key.endsWith('0') ? '1' : '0');
    expect((await shop.call('POST', '/v1/licenses/validate', null, { key: forged })).body.code).toBe('FORGED');
    expect(await activate(forged, 'machine')).toMatchObject({
      status: 404,
      body: { activated: false, code: 'FORGED' },
    });
  });

  it('is an admin’s, and says what is wrong with a body [C6]', async () => {
    const { token } = await someone();
    const body = { user_id: '123', license_type: 'pro', expires_at: null };
    const call = (as: string | null, wrong: object) =>
      shop.call('POST', '/api/licensing/generate', as, { ...body, ...wrong });
    expectError(await call(null, {}), 401, 'unauthorized');
    expectError(await call(token, {}), 403, 'forbidden');
    const admin = shop.server.app.adminToken.token;
    expectError(await call(admin, { license_type: 'gold' }), 400, 'plan_unknown');
    expectError(await call(admin, { user_id: undefined }), 400, 'invalid_request');
    expectError(await call(admin, { expires_at: 'soon' }), 400, 'invalid_request');
  });
});

describe('POST /api/licensing/activate', () => {
  it('binds a licence to a machine, the same again, and refuses another until an admin approves [C5] [C6]', async () => {
    const { name, email, token } = await someone();
    const { license_key, ...terms } = await generate({ user_id: name, license_type: 'pro' });
    // Their address is known from their token.
    expect((await validate(token)).body).toMatchObject({ valid: true, machine_bound: false });
    const first = await activate(license_key, 'desk');
    expect(first).toMatchObject({ status: 200, body: { activated: true, ...terms } });
    expect(await activate(license_key, 'desk')).toMatchObject({ status: 200, body: { activated: true } });

    const refused = await activate(license_key, 'laptop');
    expect(refused).toMatchObject({ status: 409, body: { activated: false, code: 'MACHINE_LIMIT' } });
    const { reactivation_request_id: id } = refused.body;
    expect((await validate(token, '?machine_id=laptop')).body).toMatchObject({ valid: false, machine_bound: true });

    const path = `/api/licensing/reactivations/${id}/approve`;
    expectError(await shop.call('POST', path, token), 403, 'forbidden');
    expectError(await shop.call('POST', path, null), 401, 'unauthorized');
    expect(await shop.vendor('POST', path)).toMatchObject({
      status: 200,
      body: { reactivation_request_id: id, status: 'approved', machine_id: 'laptop', released_machines: ['desk'] },
    });
    expectError(await shop.vendor('POST', path), 409, 'license_state_conflict');
    expect(await activate(license_key, 'laptop')).toMatchObject({ status: 200, body: { activated: true } });
    expect((await activate(license_key, 'desk')).status).toBe(409);
    expect((await validate(token, '?machine_id=laptop')).body.valid).toBe(true);
    await shop.settle();
    expect((await lettersTo(email)).length).toBeGreaterThan(0);

    const { license_id } = (await validate(token)).body;
    const log = await shop.vendor('GET', `/v1/audit?subject_type=license&subject_id=${license_id}`);
    expect(log.body.data.map(({ action }: Wire) => action).toReversed()).toEqual([
      'license.issued',
      'license.activated',
      'license.activation_refused',
      'license.reactivation_approved',
      'license.activation_refused',
    ]);
  });

  it('answers an unknown key with 404, one out of force with 403, and what is no request with 400', async () => {
    const { license_key } = await generate({ user_id: '123', license_type: 'basic' });
    expect(await activate('CO-nonsense', 'm')).toMatchObject({
      status: 404,
      body: { activated: false, code: 'MALFORMED' },
    });
    const ended = await generate({ user_id: '123', license_type: 'pro', expires_at: '2020-01-01' });
    expect(await activate(ended.license_key, 'm')).toMatchObject({ status: 403, body: { code: 'EXPIRED' } });
    const [{ id }] = (await shop.vendor('GET', '/v1/licenses?limit=2')).body.data.filter(
      ({ plan }: Wire) => plan === 'basic',
    );
    await shop.vendor('POST', `/v1/licenses/${id}/revoke`);
    expect(await activate(license_key, 'm')).toMatchObject({
      status: 403,
      body: { activated: false, code: 'REVOKED' },
    });
    expectError(await activate(license_key, ' '), 400, 'invalid_request');
    expectError(await shop.call('POST', '/api/licensing/activate', null, { machine_id: 'm' }), 400, 'invalid_request');
    expectError(await shop.vendor('POST', '/api/licensing/reactivations/rea_none/approve'), 404, 'resource_missing');
  });
});

describe('GET /api/licensing/validate', () => {
  it('says what the caller’s licence gives, by token or by key [C6]', async () => {
    const { name, token } = await someone();
    const { license_key, ...terms } = await generate({ user_id: name, license_type: 'enterprise' });
    expect(await validate(token)).toMatchObject({ status: 200, body: { valid: true, ...terms, machine_bound: false } });
    expect((await validate(token)).body).not.toHaveProperty('reason');
    const byKey = await fetch(`${shop.server.url}/api/licensing/validate`, {
      headers: { 'x-license-key': license_key },
    });
    expect(await byKey.json()).toMatchObject({ valid: true, license_type: 'enterprise' });
    expect((await validate(null, `?license_key=${license_key}`)).body).toMatchObject({ valid: true });
  });

  it('looks at the machine that asks, in the query or X-Machine-Id', async () => {
    const { name, token } = await someone();
    const { license_key } = await generate({ user_id: name, license_type: 'basic' });
    expect((await validate(token, '?machine_id=here')).body).toMatchObject({
      valid: false,
      code: 'MACHINE_NOT_ACTIVATED',
    });
    await activate(license_key, 'here');
    expect((await validate(token, '?machine_id=here')).body).toMatchObject({ valid: true, machine_bound: true });
    const elsewhere = await fetch(`${shop.server.url}/api/licensing/validate`, {
      headers: { authorization: `Bearer ${token}`, 'x-machine-id': 'there' },
    });
    expect(await elsewhere.json()).toMatchObject({
      valid: false,
      code: 'MACHINE_MISMATCH',
      reason: expect.any(String),
    });
    expect((await validate(token)).body.valid).toBe(true);
  });

  it('says why a licence is out of force, and answers the better one of two', async () => {
    const { name, token } = await someone();
    await generate({ user_id: name, license_type: 'enterprise', expires_at: '2020-01-01T00:00:00Z' });
    expect((await validate(token)).body).toMatchObject({
      valid: false,
      license_type: 'enterprise',
      expires_at: '2020-01-01T00:00:00.000Z',
      code: 'EXPIRED',
      reason: expect.stringMatching(/expired/i),
      demo_mode: true,
      max_bots: 3,
    });
    await generate({ user_id: name, license_type: 'pro' });
    await generate({ user_id: name, license_type: 'basic' });
    expect((await validate(token)).body).toMatchObject({ valid: true, license_type: 'pro', max_bots: 100 });
  });

  it('wants to know who asks', async () => {
    expectError(await validate(null), 401, 'unauthorized');
    expectError(await validate('an-old-token'), 401, 'unauthorized');
    expect((await validate(null, '?license_key=CO-nonsense')).body).toMatchObject({ valid: false, code: 'MALFORMED' });
  });
});

describe('demo mode', () => {
  const flags = {
    live_trading: { enabled: false, message: 'Upgrade to Basic' },
    advanced_ml: { enabled: false, message: 'Upgrade to Pro' },
    api_access: { enabled: false, message: 'Upgrade to Pro' },
    unlimited_bots: { enabled: false, message: 'Upgrade to Pro' },
  };

  it('is what runs without a licence: 3 bots, and what to say of everything else [C6] [C7]', async () => {
    const { name, token } = await someone();
    for (const caller of [token, null]) {
      expect(await features(caller)).toEqual({
        status: 200,
        headers: expect.anything(),
        body: { features: [], flags, max_bots: 3, demo_mode: true },
      });
    }
    expect((await validate(token)).body).toMatchObject({
      valid: false,
      demo_mode: true,
      max_bots: 3,
      license_type: null,
    });
    await generate({ user_id: name, license_type: 'pro' });
    expect((await features(token)).body).toMatchObject({
      max_bots: 100,
      demo_mode: false,
      flags: { live_trading: { enabled: true }, advanced_ml: { enabled: true }, api_access: { enabled: true } },
    });
    expectError(await features('an-old-token'), 401, 'unauthorized');
  });
});

describe('the flows, in a shop without demo mode', () => {
  let flows: Shop;
  beforeAll(async () => {
    flows = await openShop({ CATALOG, LICENSE_SECRET_KEY, ENABLE_DEMO_MODE: 'false' });
  });
  afterAll(() => flows?.close());

  const ask = async (token: string, what = 'validate'): Promise<Wire> =>
    (await flows.call('GET', `/api/licensing/${what}`, token)).body;
  const lettersTo = async (email: string): Promise<Wire[]> =>
    (await flows.vendor('GET', `/sandbox/mail?to=${email}`)).body;
  /** Moves the clock to so many days after an instant. */
  async function advanceTo(instant: string, days: number): Promise<void> {
    const { now } = (await flows.vendor('GET', '/sandbox/time')).body;
    const seconds = Math.ceil((Date.parse(instant) - Date.parse(now)) / 1_000) + days * 86_400;
    expect(await flows.vendor('POST', '/sandbox/time/advance', { seconds })).toMatchObject({ body: { settled: true } });
  }

  it('lead from registration over a tier and its payment to a key on a device [C7] [C8]', async () => {
    const { name, email, token } = await someone();
    const person = { email, name: 'A Trader', user_id: name };
    expect(await flows.vendor('POST', '/api/payments/customers', person)).toMatchObject({ status: 201 });
    const nothing = { demo_mode: false, max_bots: 0, features: [] };
    expect(await ask(token)).toMatchObject({ valid: false, ...nothing });
    expect(await ask(token, 'features')).toMatchObject(nothing);

    const { body: chosen } = await flows.call('POST', '/api/payments/subscriptions', token, { tier: 'pro' });
    const [intent] = chosen.client_secret.split('_secret_');
    await flows.stripe('POST', `/v1/payment_intents/${intent}/confirm`, { payment_method: 'pm_card_visa' });
    await flows.settle();
    const deliveries = (await flows.vendor('GET', '/v1/inbox?limit=100')).body.data.map(({ type }: Wire) => type);
    expect(deliveries).toEqual(expect.arrayContaining(['customer.subscription.created', 'invoice.payment_succeeded']));
    expect((await flows.vendor('GET', `/v1/subscriptions/${chosen.subscription_id}`)).body).toMatchObject({
      status: 'active',
      plan: 'pro',
    });
    const license_key = KEY_IN_TEXT.exec((await lettersTo(email))[0]?.text)?.[0] ?? '';
    const device = { license_key, machine_id: 'device' };
    expect(await flows.call('POST', '/api/licensing/activate', null, device)).toMatchObject({
      status: 200,
      body: { license_type: 'pro', max_bots: 100 },
    });
    expect(await ask(token, 'validate?machine_id=device')).toMatchObject({ valid: true, machine_bound: true });
  });

  it('renew a licence with its subscription, hold it when a charge fails, and end it with the cancellation', async () => {
    const { email, token } = await someone();
    const wish = { tier: 'basic', payment_method_id: 'pm_card_visa' };
    const { subscription_id } = (await flows.call('POST', '/api/payments/subscriptions', token, wish)).body;
    const first = await ask(token);
    await advanceTo(first.expires_at, 1);
    const renewed = await ask(token);
    expect(renewed).toMatchObject({ valid: true, license_type: 'basic' });
    expect(Date.parse(renewed.expires_at)).toBeGreaterThan(Date.parse(first.expires_at));

    const { customer } = await flows.stripe('GET', `/v1/subscriptions/${subscription_id}`);
    const pay = (payment_method: string) => flows.control(`/customers/${customer}/payment_method`, { payment_method });
    await pay('pm_card_chargeCustomerFail');
    await advanceTo(renewed.expires_at, 1);
    expect(await ask(token)).toMatchObject({ valid: true, code: 'GRACE' });
    await advanceTo(renewed.expires_at, 4);
    expect(await ask(token)).toMatchObject({ valid: false, code: 'SUSPENDED', max_bots: 0 });
    expect((await lettersTo(email)).length).toBeGreaterThan(1);
    await pay('pm_card_visa');
    await advanceTo(renewed.expires_at, 9);
    expect(await ask(token)).toMatchObject({ valid: true, code: 'VALID' });

    await flows.stripe('DELETE', `/v1/subscriptions/${subscription_id}`);
    await flows.settle();
    expect(await ask(token)).toMatchObject({ valid: false, code: 'REVOKED' });
  });
});

const run = promisify(execFile);
const hasCurl = await run('curl', ['--version']).then(
  () => true,
  () => false,
);

describe('the example', () => {
  /** One start of the program on this machine, which remembers its key in a file. */
  async function start(file: string, ...args: string[]) {
    const started = startProcess({
      file: 'examples/crypto-orchestrator/client.ts',
      args,
      env: { LICENSE_SERVER_URL: shop.server.url, LICENSE_FILE: file },
    });
    const { code } = await started.exited;
    return { code, output: started.output() };
  }

  it('starts in demo mode, takes a key, and from then on enables what the licence gives [C5] [C9]', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-terminal-'));
    const file = join(folder, 'key');
    const demo = await start(file);
    expect(demo).toMatchObject({ code: 0, output: expect.stringContaining('Demo mode. There is no licence') });
    expect(demo.output).toMatch(/bots +3\n +live_trading +off +Upgrade to Basic/);
    const { license_key } = await generate({ user_id: 'terminal', license_type: 'pro' });
    const licensed = await start(file, license_key);
    expect(licensed).toMatchObject({ code: 0, output: expect.stringContaining('Licensed: pro, without an end') });
    expect((await start(file)).output).toMatch(/bots +100\n +live_trading +on\n +advanced_ml +on/);
    const ended = await generate({ user_id: 'terminal', license_type: 'basic', expires_at: '2020-01-01' });
    expect(await start(file, ended.license_key)).toMatchObject({
      code: 1,
      output: expect.stringMatching(/Demo mode.*xpired/),
    });
    const elsewhere = await generate({ user_id: 'terminal', license_type: 'basic' });
    await activate(elsewhere.license_key, 'another machine');
    expect(await start(file, elsewhere.license_key)).toMatchObject({
      code: 1,
      output: expect.stringContaining('rea_'),
    });
    rmSync(folder, { recursive: true });
  });

  it.skipIf(!hasCurl)('answers the calls of the document, as a shell makes them, as documented', async () => {
    const { token } = await someone();
    const script = fileURLToPath(new URL('../../../../../examples/crypto-orchestrator/calls.sh', import.meta.url));
    const env = { ...process.env, BASE: shop.server.url, TOKEN: shop.server.app.adminToken.token, USER_TOKEN: token };
    const { stdout } = await run('bash', [script], { env });
    expect(stdout.trim().split('\n')).toHaveLength(15);
  });
});

describe('a request that is wrong', () => {
  it('is answered in the one shape: unknown paths, wrong methods, bodies that are none', async () => {
    expectError(await shop.call('GET', '/api/licensing/nothing', null), 404, 'not_found');
    expectError(await shop.call('DELETE', '/api/payments/customers', null), 405, 'method_not_allowed');
    const raw = await fetch(`${shop.server.url}/api/licensing/activate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"license_key": ',
    });
    const answered: Wire = await raw.json();
    expect([raw.status, Object.keys(answered).sort()]).toEqual([400, ['code', 'error']]);
    const text = await fetch(`${shop.server.url}/api/licensing/activate`, { method: 'POST', body: 'license_key=x' });
    const refused: Wire = await text.json();
    expect([text.status, refused.code]).toEqual([415, 'unsupported_media_type']);
  });

  it('and every call is in the API reference', async () => {
    const { paths } = (await shop.call('GET', '/openapi.json', null)).body;
    expect(
      Object.keys(paths)
        .filter((path) => path.startsWith('/api/'))
        .sort(),
    ).toEqual([
      '/api/licensing/activate',
      '/api/licensing/features',
      '/api/licensing/generate',
      '/api/licensing/reactivations/{id}/approve',
      '/api/licensing/validate',
      '/api/payments/customers',
      '/api/payments/subscriptions',
      '/api/payments/webhook',
    ]);
  });
});
