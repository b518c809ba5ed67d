import { SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Wire } from '../../../test/support/wire.ts';
import { openShop, type Shop } from '../test/support/shop.ts';
import type { Server } from './server.ts';

/** Every route that an owner may call, against everybody who may try. */
const JWT_SECRET = 'the secret that signs customers of this test';

let shop: Shop;
let server: Server;
/** Somebody with two licences and a subscription, and somebody else with one of each. */
let ada: {
  token: string;
  id: string;
  license: string;
  key: string;
  subscription: string;
  card: string;
  invoice: string;
};
let bob: typeof ada;

beforeAll(async () => {
  shop = await openShop({ JWT_SECRET });
  server = shop.server;
  ada = await makeOwner('ada');
  bob = await makeOwner('bob');
});

afterAll(() => shop?.close());

interface Answer {
  status: number;
  body: Wire;
}

async function call(method: string, path: string, token: string | null, body?: unknown): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

const adminToken = () => server.app.adminToken.token;
const tokenOf = (name: string) =>
  new SignJWT({ email: `${name}@example.com`, email_verified: true })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(name)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT_SECRET));

async function makeOwner(name: string): Promise<typeof ada> {
  const email = `${name}@example.com`;
  const metadata = { note: 'what the vendor thinks of them' };
  const issued = await call('POST', '/v1/licenses', adminToken(), { product: 'infinite-server26', email, metadata });
  const checkout = await call('POST', '/v1/checkouts', null, { product: 'investment-system', plan: 'starter', email });
  await fetch(`${server.app.localStripe?.url}/_sandbox/checkout/sessions/${checkout.body.id}/complete`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken()}`, 'content-type': 'application/json' },
    body: '{"payment_method":"pm_card_visa"}',
  });
  const subscriptions = async () => (await call('GET', `/v1/subscriptions?email=${email}`, adminToken())).body.data;
  await vi.waitFor(async () => expect(await subscriptions()).toHaveLength(1), { timeout: 10_000, interval: 50 });
  await server.app.settle();
  const token = await tokenOf(name);
  const me = await call('GET', '/v1/customers/me', token);
  const [subscription] = await subscriptions();
  const [card] = (await call('GET', '/v1/payment-methods', token)).body.data;
  const [invoice] = (await call('GET', '/v1/invoices', token)).body.data;
  return {
    token,
    id: me.body.id,
    license: issued.body.id,
    key: issued.body.key,
    subscription: subscription.id,
    card: card.id,
    invoice: invoice.id,
  };
}

/** The routes, with the scope that opens each to an API key: null where none does. */
const routes: [method: string, path: (owner: typeof ada) => string, scope: string | null][] = [
  ['GET', () => '/v1/customers/me', null],
  ['GET', () => '/v1/licenses', 'licenses:read'],
  ['GET', ({ license }) => `/v1/licenses/${license}`, 'licenses:read'],
  ['GET', ({ license }) => `/v1/licenses/${license}/key`, null],
  ['GET', () => '/v1/subscriptions', 'subscriptions:read'],
  ['GET', ({ subscription }) => `/v1/subscriptions/${subscription}`, 'subscriptions:read'],
  ['POST', ({ subscription }) => `/v1/subscriptions/${subscription}/cancel`, 'subscriptions:write'],
  ['POST', ({ subscription }) => `/v1/subscriptions/${subscription}/resume`, 'subscriptions:write'],
  ['POST', ({ subscription }) => `/v1/subscriptions/${subscription}/change`, 'subscriptions:write'],
  ['GET', ({ id }) => `/v1/payment-methods?customer_id=${id}`, 'payments:read'],
  ['POST', ({ card }) => `/v1/payment-methods/${card}/default`, 'payments:write'],
  ['GET', () => '/v1/invoices', 'payments:read'],
  ['GET', ({ invoice }) => `/v1/invoices/${invoice}`, 'payments:read'],
  ['GET', () => '/v1/payments', 'payments:read'],
];
const NAMES = { id: ':id', license: ':id', subscription: ':id', card: ':id', invoice: ':id' } as typeof ada;
const named = routes.map(([method, path, scope]) => [`${method} ${path(NAMES)}`, method, path, scope] as const);
const bodyOf = (method: string) =>
  method === 'POST' ? { at_period_end: true, plan: 'pro', preview: true } : undefined;

async function keyWith(scope: string): Promise<string> {
  return (await call('POST', '/v1/api-keys', adminToken(), { name: 'test', scopes: [scope] })).body.key;
}

describe.each(named)('%s', (name, method, path, scope) => {
  it('lets nobody in without a token, nor with one that is not a customer’s', async () => {
    const forged = `${(await tokenOf('ada')).slice(0, -4)}AAAA`;
    for (const token of [null, forged, 'not-a-token']) {
      const answer = await call(method, path(ada), token, bodyOf(method));
      expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    }
  });

  it('lets the owner in, for what is theirs', async () => {
    const answer = await call(method, path(ada), ada.token, bodyOf(method));
    expect(answer.status).toBe(200);
    const shown = JSON.stringify(answer.body);
    const { id, license, subscription, key, invoice, card } = bob;
    for (const secret of [id, license, subscription, key, invoice, card, 'what the vendor thinks']) {
      expect(shown).not.toContain(secret);
    }
  });

  it.runIf(name.includes(':id'))('answers another customer as if it were not there', async () => {
    const real = await call(method, path(ada), bob.token, bodyOf(method));
    const none = {
      id: 'cust_none',
      license: 'lic_none',
      subscription: 'subs_none',
      card: 'pm_none',
      invoice: 'in_none',
    } as typeof ada;
    const missing = await call(method, path(none), bob.token, bodyOf(method));
    const same = ({ body }: Answer) => ({
      ...body,
      request_id: '',
      detail: body.detail.replace(/(cust|lic|subs|pm|in)_\w+/, 'it'),
    });
    expect(real.status).toBe(404);
    expect(same(real)).toEqual(same(missing));
  });

  it('lets an API key in by its scope alone', async () => {
    const other = await keyWith('events:read');
    expect(await call(method, path(ada), other, bodyOf(method))).toMatchObject({ status: 403 });
    for (const one of scope === null ? ['licenses:read', 'customers:read'] : [scope]) {
      const answer = await call(method, path(ada), await keyWith(one), bodyOf(method));
      expect(answer.status).toBe(scope === null ? 403 : 200);
    }
  });

  it('lets the admin in', async () => {
    const answer = await call(method, path(ada), adminToken(), bodyOf(method));
    expect(answer.status).toBe(path(ada) === '/v1/customers/me' ? 404 : 200);
  });
});

describe('an owner', () => {
  const ids = (answer: Answer) => answer.body.data.map(({ id }: { id: string }) => id);

  it('sees everything that was bought with their address, and the vendor everything', async () => {
    const mine = await call('GET', '/v1/licenses', ada.token);
    expect(ids(mine)).toHaveLength(2);
    expect(ids(mine)).toContain(ada.license);
    expect(ids(await call('GET', '/v1/subscriptions', ada.token))).toEqual([ada.subscription]);
    expect(ids(await call('GET', '/v1/licenses', adminToken()))).toEqual(expect.arrayContaining([bob.license]));
  });

  it('cannot widen a list by asking for somebody else’s', async () => {
    for (const query of [`customer=${bob.id}`, 'email=bob@example.com']) {
      expect(ids(await call('GET', `/v1/licenses?${query}`, ada.token))).toEqual([]);
      expect(ids(await call('GET', `/v1/subscriptions?${query}`, ada.token))).toEqual([]);
    }
    expect(ids(await call('GET', `/v1/licenses?customer=${ada.id}`, ada.token))).toContain(ada.license);
  });

  it('is shown their key again, and the audit log tells of it', async () => {
    const shown = await call('GET', `/v1/licenses/${ada.license}/key`, ada.token);
    expect(shown.body).toEqual({ id: ada.license, object: 'license_key', key: ada.key });
    const { body } = await call('GET', `/v1/audit?subject_type=license&subject_id=${ada.license}`, adminToken());
    expect(JSON.stringify(body)).not.toContain(ada.key);
    expect(body.data).toContainEqual(
      expect.objectContaining({ action: 'license.key_shown', actor: { type: 'customer', id: ada.id } }),
    );
  });

  it('that could not see it leaves no trace of a key that was shown', async () => {
    await call('GET', `/v1/licenses/${bob.license}/key`, ada.token);
    const { body } = await call('GET', `/v1/audit?subject_type=license&subject_id=${bob.license}`, adminToken());
    expect(body.data).not.toContainEqual(expect.objectContaining({ actor: { type: 'customer', id: ada.id } }));
  });

  it('is told what they may use, and of another customer nothing', async () => {
    const mine = await call('GET', '/v1/entitlements?product=infinite-server26', ada.token);
    expect(mine.body).toMatchObject({ code: 'VALID', license_ids: [ada.license] });
    const other = await call('GET', `/v1/entitlements?product=infinite-server26&customer_id=${bob.id}`, ada.token);
    expect(other).toMatchObject({ status: 404, body: { code: 'resource_missing' } });
    const nobody = await call('GET', '/v1/entitlements?product=infinite-server26', await tokenOf('carol'));
    expect(nobody.body).toMatchObject({ code: 'NOT_FOUND', license_ids: [] });
    // A session that ended is no reason to fall back to demo mode without a word.
    expect((await call('GET', '/v1/entitlements?product=infinite-server26', 'ended')).status).toBe(401);
  });

  it('cannot call what is the vendor’s', async () => {
    const vendors: [string, string][] = [
      ['GET', '/v1/customers'],
      ['GET', `/v1/customers/${ada.id}`],
      ['GET', '/v1/licenses/statistics'],
      ['GET', '/v1/licenses/export'],
      ['POST', '/v1/licenses'],
      ['PATCH', `/v1/licenses/${ada.license}`],
      ['POST', `/v1/licenses/${ada.license}/renew`],
      ['POST', `/v1/licenses/${ada.license}/reinstate`],
      ['POST', `/v1/licenses/${ada.license}/transfer`],
      ['GET', '/v1/subscriptions/statistics'],
      ['GET', '/v1/audit'],
      ['GET', '/v1/api-keys'],
      ['GET', '/sandbox/mail'],
      ['POST', '/sandbox/time/advance'],
    ];
    for (const [method, path] of vendors) {
      const answer = await call(method, path, ada.token, method === 'GET' ? undefined : {});
      expect(answer, `${method} ${path}`).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    }
  });

  it('cancels and resumes their own subscription', async () => {
    const canceled = await call('POST', `/v1/subscriptions/${ada.subscription}/cancel`, ada.token, {
      at_period_end: true,
    });
    expect(canceled.body.cancel_at).not.toBeNull();
    const resumed = await call('POST', `/v1/subscriptions/${ada.subscription}/resume`, ada.token);
    expect(resumed.body.cancel_at).toBeNull();
  });
});
