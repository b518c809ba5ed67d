import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../test/support/wire.ts';
import { openShop, type Shop } from '../test/support/shop.ts';
import type { Server } from './server.ts';

let shop: Shop;
let server: Server;

beforeAll(async () => {
  shop = await openShop();
  server = shop.server;
});

afterAll(() => shop?.close());

interface Answer {
  status: number;
  type: string;
  body: Wire;
}

async function call(method: string, path: string, body?: unknown, token: string | null = null): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    redirect: 'manual',
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const type = response.headers.get('content-type') ?? '';
  return { status: response.status, type, body: type.includes('json') ? JSON.parse(text) : text };
}

const admin = (method: string, path: string, body?: unknown) => call(method, path, body, server.app.adminToken.token);

async function keyWith(...scopes: string[]): Promise<string> {
  const { body } = await admin('POST', '/v1/api-keys', { name: 'test', scopes });
  return body.key;
}

describe('who may call', () => {
  const guarded: [string, string, string | null][] = [
    ['GET', '/v1/licenses', 'licenses:read'],
    ['GET', '/v1/licenses/statistics', 'licenses:read'],
    ['GET', '/v1/licenses/lic_none', 'licenses:read'],
    ['POST', '/v1/licenses', 'licenses:write'],
    ['POST', '/v1/licenses/import', 'licenses:write'],
    ['POST', '/v1/licenses/bulk', 'licenses:write'],
    ['GET', '/v1/licenses/export', 'licenses:read'],
    ['POST', '/v1/licenses/lic_none/renew', 'licenses:write'],
    ['POST', '/v1/licenses/lic_none/suspend', 'licenses:write'],
    ['POST', '/v1/licenses/lic_none/reinstate', 'licenses:write'],
    ['POST', '/v1/licenses/lic_none/revoke', 'licenses:write'],
    ['POST', '/v1/licenses/lic_none/transfer', 'licenses:write'],
    ['POST', '/v1/licenses/lic_none/release', 'licenses:write'],
    ['PATCH', '/v1/licenses/lic_none', 'licenses:write'],
    ['GET', '/v1/reactivations', 'licenses:read'],
    ['GET', '/v1/reactivations/rea_none', 'licenses:read'],
    ['POST', '/v1/reactivations/rea_none/approve', 'licenses:write'],
    ['POST', '/v1/reactivations/rea_none/deny', 'licenses:write'],
    ['GET', '/v1/licenses/lic_none/key', null],
    ['GET', '/v1/customers/me', null],
    ['GET', '/v1/customers', 'customers:read'],
    ['GET', '/v1/customers/cust_none', 'customers:read'],
    ['POST', '/v1/customers', 'customers:write'],
    ['PATCH', '/v1/customers/cust_none', 'customers:write'],
    ['GET', '/v1/subscriptions', 'subscriptions:read'],
    ['GET', '/v1/subscriptions/statistics', 'subscriptions:read'],
    ['GET', '/v1/subscriptions/subs_none', 'subscriptions:read'],
    ['POST', '/v1/subscriptions/subs_none/cancel', 'subscriptions:write'],
    ['POST', '/v1/subscriptions/subs_none/resume', 'subscriptions:write'],
    ['POST', '/v1/subscriptions', 'subscriptions:write'],
    ['POST', '/v1/subscriptions/subs_none/change', 'subscriptions:write'],
    ['POST', '/v1/subscriptions/subs_none/change/cancel', 'subscriptions:write'],
    ['GET', '/v1/checkouts/cs_none', 'payments:read'],
    ['POST', '/v1/refunds', 'payments:write'],
    ['GET', '/v1/invoices', 'payments:read'],
    ['GET', '/v1/invoices/in_none', 'payments:read'],
    ['GET', '/v1/payments', 'payments:read'],
    ['POST', '/v1/portal-sessions', 'payments:write'],
    ['GET', '/v1/payment-methods', 'payments:read'],
    ['POST', '/v1/payment-methods', 'payments:write'],
    ['POST', '/v1/payment-methods/setup', 'payments:write'],
    ['POST', '/v1/payment-methods/pm_none/default', 'payments:write'],
    ['POST', '/v1/payment-methods/pm_none/detach', 'payments:write'],
    ['GET', '/v1/inbox', null],
    ['GET', '/v1/audit', null],
    ['GET', '/v1/api-keys', null],
    ['POST', '/v1/api-keys', null],
    ['GET', '/v1/analytics/revenue', null],
    ['GET', '/v1/analytics/usage', null],
    ['POST', '/v1/analytics/usage/proof', null],
    ['GET', '/v1/analytics/licenses', null],
    ['GET', '/v1/analytics/revenue/movements', null],
    ['POST', '/v1/reconciliations', null],
    ['GET', '/v1/reconciliations/rec_none', null],
    ['POST', '/v1/signing-keys/rotate', null],
    ['POST', '/v1/catalog/push', null],
    ['POST', '/v1/golive', null],
    ['GET', '/v1/doctor', null],
    ['POST', '/v1/admins', null],
    ['GET', '/v1/admins', null],
    ['DELETE', '/v1/admins/adm_none', null],
    ['POST', '/v1/balances/grants', 'usage:write'],
    ['POST', '/v1/balances/corrections', 'usage:write'],
    ['POST', '/v1/balances/deductions', 'usage:write'],
    ['POST', '/v1/usage/corrections', 'usage:write'],
    ['POST', '/v1/usage/allowances', 'usage:write'],
    ['GET', '/v1/ledger/proof', null],
    ['POST', '/api/payments/customers', 'customers:write'],
    ['POST', '/api/payments/subscriptions', 'subscriptions:write'],
    ['POST', '/api/licensing/generate', 'licenses:write'],
    ['POST', '/api/licensing/reactivations/rea_none/approve', 'licenses:write'],
    ['POST', '/billing/subscribe', null],
    ['GET', '/billing/status', null],
    ['POST', '/billing/upgrade', null],
    ['POST', '/billing/cancel', null],
    ['GET', '/billing/payment-methods', null],
    ['GET', '/billing/portal', null],
    ['GET', '/billing/admin/stats', null],
    ['POST', '/api/generate', 'licenses:write'],
    ['POST', '/api/licenses', 'licenses:write'],
    ['POST', '/api/licenses/rl_none/hours', 'usage:write'],
    ['POST', '/api/licenses/rl_none/usage', 'usage:write'],
    ['GET', '/sandbox/time', null],
    ['GET', '/v1/billing/overage', null],
    ['POST', '/sandbox/time/advance', null],
    ['GET', '/sandbox/mail', null],
  ];

  it.each(guarded)('%s %s wants a token, and of an API key its scope %s', async (method, path, scope) => {
    const body = method === 'GET' ? undefined : {};
    const nobody = await call(method, path, body);
    expect(nobody).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
    expect(await call(method, path, body, 'not-a-token')).toMatchObject({ status: 401 });
    const other = await keyWith(scope === 'events:read' ? 'usage:read' : 'events:read');
    expect(await call(method, path, body, other)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    if (scope === null) return;
    const allowed = await call(method, path, body, await keyWith(scope));
    expect([200, 201, 400, 404, 409]).toContain(allowed.status);
  });

  it('every route of the API is in this list or meant for anyone', async () => {
    const { body } = await call('GET', '/openapi.json');
    const open = [
      '/v1/products',
      '/v1/checkouts',
      '/v1/licenses/validate',
      '/v1/licenses/activate',
      '/v1/licenses/deactivate',
      '/v1/licenses/resend',
      '/v1/licenses/release-link',
      '/v1/entitlements',
      '/v1/entitlements/check',
      '/v1/balances',
      '/v1/usage',
      '/v1/balances/statement',
      '/v1/usage/check',
      '/v1/usage/limits',
      '/v1/reservations/{id}/finalize',
      '/v1/reservations/{id}/release',
      '/v1/usage-sessions',
      '/v1/usage-sessions/{id}',
      '/v1/usage-sessions/{id}/heartbeat',
      '/v1/usage-sessions/{id}/end',
      '/v1/signing-keys',
      '/v1/licenses/file',
      '/v1/revocations',
      '/health',
      '/health/billing',
      '/health/ready',
      '/webhook/stripe',
      '/api/verify',
      '/api/licenses/{key}',
      '/payments/',
      '/payments/balance',
      '/payments/create-checkout',
      '/payments/quote',
      '/payments/success',
      '/payments/webhook',
      '/payments/packages',
      '/v1/products/{id}',
      '/v1/products/{id}/quote',
      '/pricing',
      '/webhooks/stripe',
      '/api/payments/webhook',
      '/api/licensing/activate',
      '/api/licensing/validate',
      '/api/licensing/features',
    ];
    const known = new Set([
      ...guarded.map(
        ([method, path]) => `${method} ${path.replace('/rl_none', '/{key}').replace(/\/[a-z]+_none/, '/{id}')}`,
      ),
      ...open.flatMap((path) => [`GET ${path}`, `POST ${path}`]),
    ]);
    const rest = [
      'GET /v1/inbox/{id}',
      'POST /v1/inbox/{id}/replay',
      'DELETE /v1/api-keys/{id}',
      'POST /v1/api-keys/{id}/revoke',
      'POST /v1/signing-keys/{id}/revoke',
    ];
    const routes = Object.entries(body.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(routes.filter((route) => !known.has(route) && !rest.includes(route))).toEqual([]);
    for (const route of rest.filter((one) => routes.includes(one))) {
      const [method = '', path = ''] = route.split(' ');
      expect((await call(method, path.replace('{id}', 'none'), method === 'POST' ? {} : undefined)).status, route).toBe(
        401,
      );
    }
  });
});

describe('a request that is wrong', () => {
  const license = { product: 'infinite-server26', email: 'wrong@example.com' };
  const wrong: [string, string, unknown, number, string, string | undefined][] = [
    ['an unknown product', '/v1/checkouts', { product: 'nothing' }, 400, 'product_unknown', 'product'],
    ['an unknown plan', '/v1/checkouts', { product: 'infinite-server26', plan: 'gold' }, 400, 'plan_unknown', 'plan'],
    ['a free plan', '/v1/checkouts', { product: 'crypto-orchestrator', plan: 'free' }, 400, 'invalid_request', 'plan'],
    ['no plan of several', '/v1/checkouts', { product: 'crypto-orchestrator' }, 400, 'invalid_request', 'plan'],
    ['a pack that is not sold', '/v1/checkouts', { product: 'redline2', pack: 'huge' }, 400, 'invalid_request', 'pack'],
    ['no product', '/v1/checkouts', {}, 400, 'invalid_request', 'product'],
    [
      'a script as address',
      '/v1/checkouts',
      { product: 'infinite-server26', success_url: 'javascript:alert(1)' },
      400,
      'invalid_request',
      'success_url',
    ],
    [
      'an address that is none',
      '/v1/checkouts',
      { product: 'infinite-server26', email: 'nobody' },
      400,
      'invalid_request',
      'email',
    ],
    ['no key', '/v1/licenses/validate', {}, 400, 'invalid_request', 'key'],
    ['no machine', '/v1/licenses/activate', { key: 'x' }, 400, 'invalid_request', 'machine'],
    [
      'an empty fingerprint',
      '/v1/licenses/activate',
      { key: 'x', machine: { fingerprint: ' ' } },
      400,
      'invalid_request',
      'machine.fingerprint',
    ],
    ['a date that is none', '/v1/licenses', { ...license, expires_at: 'soon' }, 400, 'invalid_request', 'expires_at'],
    [
      'an unknown customer',
      '/v1/licenses',
      { product: 'infinite-server26', customer_id: 'cust_none' },
      404,
      'resource_missing',
      undefined,
    ],
  ];

  it.each(wrong)('%s is told so with its field', async (_what, path, body, status, code, field) => {
    const answer = await admin('POST', path, body);
    expect(answer).toMatchObject({ status, body: { code, status } });
    expect(answer.type).toContain('application/problem+json');
    const fields = [answer.body.path, ...(answer.body.errors ?? []).map((error: { path: string }) => error.path)];
    if (field !== undefined) expect(fields).toContain(field);
    expect(JSON.stringify(answer.body)).not.toContain('at ');
  });

  it('a page for each code explains it', async () => {
    const { body } = await call('POST', '/v1/licenses/validate', {});
    const page = await fetch(body.type);
    expect(page.status).toBe(200);
    expect(await page.text()).toContain('invalid_request');
  });
});

describe('licences over HTTP', () => {
  it('are issued, listed, withheld, given back, handed on and resent', async () => {
    const issued = await admin('POST', '/v1/licenses', { product: 'infinite-server26', email: 'Vendor@Example.com' });
    expect(issued.status).toBe(201);
    const { id, key } = issued.body;
    expect(key).toHaveLength(271);
    const valid = async () => (await call('POST', '/v1/licenses/validate', { key })).body;
    expect(await valid()).toMatchObject({ valid: true, code: 'VALID', license: { id } });
    expect(await valid()).not.toHaveProperty('license.customer_id');
    expect((await admin('GET', `/v1/licenses/${id}`)).body).not.toHaveProperty('key');
    const listed = await admin('GET', '/v1/licenses?email=vendor@example.com&status=active');
    expect(listed.body.data.map((license: { id: string }) => license.id)).toEqual([id]);

    await admin('POST', `/v1/licenses/${id}/suspend`, { reason: 'a question of the vendor' });
    expect(await valid()).toMatchObject({ valid: false, code: 'SUSPENDED' });
    expect((await valid()).because.at(-1).detail).toContain('a question of the vendor');
    await admin('POST', `/v1/licenses/${id}/reinstate`);
    expect((await admin('POST', `/v1/licenses/${id}/reinstate`)).body.code).toBe('license_state_conflict');
    expect(await valid()).toMatchObject({ code: 'VALID' });

    await call('POST', '/v1/licenses/activate', { key, machine: { fingerprint: 'first', name: 'web-1' } });
    const handed = await admin('POST', `/v1/licenses/${id}/transfer`, { email: 'next@example.com' });
    expect(handed.body).toMatchObject({ machines_used: 0, machines: [] });

    expect((await call('POST', '/v1/licenses/resend', { email: 'next@example.com' })).status).toBe(202);
    expect((await call('POST', '/v1/licenses/resend', { email: 'nobody@example.com' })).status).toBe(202);
    await server.app.settle();
    const { body: mail } = await admin('GET', '/sandbox/mail?to=next@example.com');
    expect(mail).toHaveLength(1);
    expect(mail[0].text).toContain(key);
    expect((await admin('GET', '/sandbox/mail?to=nobody@example.com')).body).toEqual([]);
  });

  it('a retried issue under one Idempotency-Key issues one licence and answers the same bytes', async () => {
    const issue = () =>
      fetch(`${server.url}/v1/licenses`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'idempotency-key': 'issue-once',
          authorization: `Bearer ${server.app.adminToken.token}`,
        },
        body: JSON.stringify({ product: 'infinite-server26', email: 'retry@example.com' }),
      }).then((response) => response.text());
    const first = await issue();
    expect(await issue()).toBe(first);
    const { body } = await admin('GET', '/v1/licenses?email=retry@example.com');
    expect(body.data).toHaveLength(1);
  });

  it('the wrong product is refused before a seat is taken', async () => {
    const { body } = await admin('POST', '/v1/licenses', { product: 'infinite-server26' });
    const answer = await call('POST', '/v1/licenses/activate', {
      key: body.key,
      machine: { fingerprint: 'm' },
      product: 'redline2',
    });
    expect(answer.body).toMatchObject({ valid: false, code: 'PRODUCT_MISMATCH', license: { machines_used: 0 } });
  });
});

describe('the catalog in Stripe', () => {
  it('is pushed once, however often', async () => {
    const { body } = await admin('POST', '/v1/catalog/push');
    expect(body.data.length).toBeGreaterThan(5);
    expect(body.data.every((plan: { change: string }) => plan.change === 'unchanged')).toBe(true);
  });
});

const HEX_KEY = /[0-9a-f]{16}(-[0-9a-f]{16}){15}/;
const GROUP = '-[0-9A-HJKMNP-TV-Z]{8}';

/** Each example product, a plan of it that is paid again and again (or, where there is none, given), and how its keys look. */
const EXAMPLES: [product: string, plan: string, sold: boolean, key: RegExp][] = [
  ['infinite-server26', 'license', true, HEX_KEY],
  ['crypto-orchestrator', 'basic', true, new RegExp(`CO(${GROUP}){4}`)],
  ['quantum-falcon', 'pro', true, /QF-PRO-[0-9a-f]{12}-[0-9]{10}/],
  ['investment-system', 'starter', true, new RegExp(`INV(${GROUP}){3}`)],
  ['redline2', 'prepaid', false, new RegExp(`RL(${GROUP}){3}`)],
];

async function pay(product: string, plan: string, email: string): Promise<string> {
  const checkout = await call('POST', '/v1/checkouts', { product, plan, email });
  expect(checkout.status).toBe(201);
  const paid = await fetch(`${server.app.localStripe?.url}/_sandbox/checkout/sessions/${checkout.body.id}/complete`, {
    method: 'POST',
    headers: { authorization: `Bearer ${server.app.adminToken.token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ payment_method: 'pm_card_visa' }),
  });
  expect(paid.status).toBe(200);
  return checkout.body.id;
}

describe('every example product', () => {
  it.each(EXAMPLES)(
    '%s issues a key of its plan %s that validates, and no other product takes it',
    async (product, plan, _sold, looks) => {
      const issued = await admin('POST', '/v1/licenses', { product, plan, email: `issued@${product}.example` });
      expect(issued.status).toBe(201);
      const { id, key } = issued.body;
      expect(looks.exec(key)?.[0]).toBe(key);
      if (product === 'redline2') {
        // Its licences live on hours.
        const hours = { license_id: id, meter: 'hours', quantity: 1, operation_key: 'first' };
        expect((await admin('POST', '/v1/balances/grants', hours)).status).toBe(201);
      }
      expect((await call('POST', '/v1/licenses/validate', { key, product })).body).toMatchObject({
        valid: true,
        code: 'VALID',
        license: { product, plan },
      });
      const other = product === 'redline2' ? 'quantum-falcon' : 'redline2';
      const elsewhere = await call('POST', '/v1/licenses/validate', { key, product: other });
      expect(elsewhere.body).toMatchObject({ valid: false, code: 'PRODUCT_MISMATCH' });
    },
  );

  it.each(EXAMPLES.filter(([, , sold]) => sold))(
    '%s sells its plan %s: paid, the key comes by mail and is VALID',
    async (product, plan, _sold, looks) => {
      const email = `buyer@${product}.example`;
      await pay(product, plan, email);
      const letters = async () => (await admin('GET', `/sandbox/mail?to=${email}`)).body;
      await expect.poll(async () => (await letters()).length, { timeout: 10_000, interval: 50 }).toBe(1);
      const key = looks.exec((await letters())[0].text)?.[0];
      expect(key).toBeDefined();
      expect((await call('POST', '/v1/licenses/validate', { key, product })).body).toMatchObject({
        valid: true,
        code: 'VALID',
        license: { product, plan },
      });
    },
  );
});

describe('from checkout to key', () => {
  it('the success page shows the key once, and never to a second visitor', async () => {
    const session = await pay('infinite-server26', 'license', 'page@example.com');
    const first = await call('GET', `/checkout/success?session_id=${session}`);
    expect(first.status).toBe(200);
    const key = HEX_KEY.exec(first.body)?.[0] ?? '';
    expect((await call('POST', '/v1/licenses/validate', { key })).body.code).toBe('VALID');
    const second = await call('GET', `/checkout/success?session_id=${session}`);
    expect(second.body).not.toContain(key);
    expect(second.body).toContain(key.slice(-4));
    expect((await call('GET', '/checkout/success?session_id=cs_test_unknown')).status).toBe(404);
  });

  it('shows the key to one of many who ask at the same moment', async () => {
    const session = await pay('infinite-server26', 'license', 'rush@example.com');
    const pages = await Promise.all(
      Array.from({ length: 8 }, () => call('GET', `/checkout/success?session_id=${session}`)),
    );
    expect(pages.filter((page) => HEX_KEY.test(page.body))).toHaveLength(1);
  });

  it('the front page says what is sold, and its button leads to a checkout', async () => {
    const front = await call('GET', '/');
    expect(front.body).toContain('Infinite Server26');
    const bought = await call('POST', '/buy/infinite-server26/license');
    expect(bought.status).toBe(303);
  });
});
