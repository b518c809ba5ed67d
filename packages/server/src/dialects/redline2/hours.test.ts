import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.close());

const create = (more: object = {}) =>
  shop.vendor('POST', '/api/licenses', { email: 'test@example.com', company: 'Test Co', name: 'Test User', ...more });
async function keyWith(hours?: number): Promise<string> {
  const { status, body } = await create(hours === undefined ? {} : { hours });
  expect(status, JSON.stringify(body)).toBe(201);
  return body.license_key;
}
const add = (key: string, hours: unknown) => shop.vendor('POST', `/api/licenses/${key}/hours`, { hours });
const use = (key: string, hours: unknown) => shop.vendor('POST', `/api/licenses/${key}/usage`, { hours });
const balance = (key: string) => shop.call('GET', `/payments/balance?license_key=${key}`, null);
const figures = (hours_remaining: number, purchased_hours: number, used_hours: number) => ({
  hours_remaining,
  purchased_hours,
  used_hours,
});

describe('POST /api/licenses', () => {
  it('makes a licence that carries hours [R1] [R2]', async () => {
    const { status, body } = await create({ hours: 10 });
    expect(status).toBe(201);
    expect(body.license_key).toMatch(/^RL(-[0-9A-Z]{8}){3}$/);
    expect(body).toMatchObject({
      email: 'test@example.com',
      company: 'Test Co',
      name: 'Test User',
      status: 'active',
      valid: true,
      ...figures(10, 10, 0),
    });
    expect((await balance(body.license_key)).body).toMatchObject(figures(10, 10, 0));
  });

  it('makes one without hours, to be filled later', async () => {
    const key = await keyWith();
    expect((await balance(key)).body).toMatchObject(figures(0, 0, 0));
  });

  it('makes one that is valid while it has hours, and no longer [R1]', async () => {
    const key = await keyWith(1);
    const validate = () => shop.call('POST', '/v1/licenses/validate', null, { key, product: 'redline2' });
    expect((await validate()).body).toMatchObject({ valid: true, code: 'VALID' });
    await use(key, 1);
    expect((await validate()).body).toMatchObject({ valid: false, code: 'NO_CREDIT' });
    expect((await shop.call('GET', `/api/licenses/${key}`, null)).body).toMatchObject({
      valid: false,
      code: 'NO_CREDIT',
    });
    await add(key, 0.5);
    expect((await validate()).body).toMatchObject({ valid: true });
  });

  it.each([
    ['no address', { email: undefined }],
    ['an address that is none', { email: 'nobody' }],
    ['negative hours', { hours: -1 }],
    ['zero hours', { hours: 0 }],
    ['hours as words', { hours: 'ten' }],
    ['hours beyond counting', { hours: 1e308 }],
    ['seven decimals', { hours: 0.0000001 }],
    ['hours in a list', { hours: [1] }],
  ])('refuses %s, and makes nothing [R2]', async (_, more) => {
    const before = (await shop.vendor('GET', '/v1/licenses/statistics?product=redline2')).body.total;
    const { status, body } = await create(more);
    expect(status).toBe(400);
    expect(Object.keys(body).sort()).toEqual(['code', 'error']);
    expect((await shop.vendor('GET', '/v1/licenses/statistics?product=redline2')).body.total).toBe(before);
  });

  it('is the vendor’s: nobody else mints licences or hours', async () => {
    const key = await keyWith(1);
    for (const path of ['/api/licenses', `/api/licenses/${key}/hours`, `/api/licenses/${key}/usage`]) {
      expect((await shop.call('POST', path, null, { email: 'a@example.com', hours: 1 })).status).toBe(401);
    }
    expect((await balance(key)).body).toMatchObject(figures(1, 1, 0));
  });
});

describe('the hours of a licence', () => {
  it('are added and used exactly, to the millionth [R1] [R2]', async () => {
    const key = await keyWith(10);
    expect(await add(key, 5)).toMatchObject({ status: 200, body: figures(15, 15, 0) });
    expect(await use(key, 0.5)).toMatchObject({ status: 200, body: figures(14.5, 15, 0.5) });
    for (let times = 0; times < 10; times += 1) await use(key, 0.1);
    expect(await use(key, 0.000001)).toMatchObject({ status: 200, body: figures(13.499999, 15, 1.500001) });
    expect(await add(key, 0.000001)).toMatchObject({ status: 200, body: figures(13.5, 15.000001, 1.500001) });
  });

  it('are deducted whole or not at all: with too few, 402 and nothing is taken [R2]', async () => {
    const key = await keyWith(1);
    expect(await use(key, 1.000001)).toMatchObject({
      status: 402,
      body: { error: 'Insufficient hours', code: 'INSUFFICIENT_HOURS', hours_remaining: 1 },
    });
    expect((await balance(key)).body).toMatchObject(figures(1, 1, 0));
    expect(await use(key, 1)).toMatchObject({ status: 200, body: figures(0, 1, 1) });
    expect(await use(key, 0.000001)).toMatchObject({ status: 402, body: { hours_remaining: 0 } });
  });

  it('never go below zero, however many ask at once [R1]', async () => {
    const key = await keyWith(5);
    const answers = await Promise.all(Array.from({ length: 20 }, () => use(key, 0.5)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(10);
    expect((await balance(key)).body).toMatchObject(figures(0, 5, 5));
  });

  it.each([0, -1, 1e308, 0.0000001, 'NaN', 'many', null, [1], 3_000_000])(
    'are not changed by %j [R2]',
    async (hours) => {
      const key = await keyWith(2);
      for (const change of [add, use]) {
        const { status, body } = await change(key, hours);
        expect({ status, keys: Object.keys(body).sort() }).toEqual({ status: 400, keys: ['code', 'error'] });
      }
      expect((await balance(key)).body).toMatchObject(figures(2, 2, 0));
    },
  );

  it('are changed once for an Idempotency-Key, and not for something else under it', async () => {
    const key = await keyWith(2);
    const send = async (what: string, hours: number) => {
      const answer = await fetch(`${shop.server.url}/api/licenses/${key}/${what}`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${shop.server.app.adminToken.token}`,
          'content-type': 'application/json',
          'idempotency-key': 'once',
        },
        body: JSON.stringify({ hours }),
      });
      return answer.status;
    };
    expect([await send('usage', 1), await send('usage', 1), await send('usage', 0.5)]).toEqual([200, 200, 409]);
    expect([await send('hours', 3), await send('hours', 3), await send('hours', 4)]).toEqual([200, 200, 409]);
    expect((await balance(key)).body).toMatchObject(figures(4, 5, 1));
  });

  it('are of a licence that there is', async () => {
    const unknown = 'RL-00000000-00000000-00000000';
    const { body: other } = await shop.vendor('POST', '/v1/licenses', { product: 'quantum-falcon', plan: 'pro' });
    for (const key of [unknown, 'nonsense', other.key]) {
      expect(await add(key, 1)).toMatchObject({
        status: 404,
        body: { error: 'License not found', code: 'resource_missing' },
      });
      expect((await use(key, 1)).status).toBe(404);
      expect((await shop.vendor('GET', `/api/licenses/${key}`)).status).toBe(404);
      expect((await balance(key)).status).toBe(404);
    }
  });
});

describe('GET /api/licenses/:key', () => {
  it('tells whoever holds the key of its hours, and the vendor of its owner', async () => {
    const key = await keyWith(3);
    const held = await shop.call('GET', `/api/licenses/${key}`, null);
    expect(held).toMatchObject({
      status: 200,
      body: { license_key: key, email: null, company: null, status: 'active', ...figures(3, 3, 0) },
    });
    const { body } = await shop.vendor('GET', `/api/licenses/${key.toLowerCase()}`);
    expect(body).toMatchObject({ license_key: key, email: 'test@example.com', company: 'Test Co' });
  });
});

describe('GET /payments/balance', () => {
  it('tells the three figures, and of the key its end alone [R3]', async () => {
    const key = await keyWith(4);
    const { status, body } = await balance(key);
    expect(status).toBe(200);
    expect(body).toEqual({ license_key: `RL-********-********-****${key.slice(-4)}`, ...figures(4, 4, 0) });
    const byHeader = await fetch(`${shop.server.url}/payments/balance`, { headers: { 'x-license-key': key } });
    expect(await byHeader.json()).toEqual(body);
  });

  it('asks for a key where none is sent [R3]', async () => {
    const { status, body } = await shop.call('GET', '/payments/balance', null);
    expect({ status, error: body.error }).toEqual({ status: 400, error: 'license_key is required' });
  });
});

describe('GET /payments/packages', () => {
  it('tells the packs and the rate, priced by the rate [R3] [R6]', async () => {
    const { status, body } = await shop.call('GET', '/payments/packages', null);
    expect(status).toBe(200);
    const pack = (id: string, hours: number) => ({
      id,
      name: `${hours} hours`,
      hours,
      price: hours * 5,
      price_cents: hours * 500,
      currency: 'usd',
    });
    expect(body).toEqual({
      packages: [pack('small', 5), pack('medium', 10), pack('large', 20), pack('xlarge', 50)],
      hours_per_dollar: 0.2,
      currency: 'usd',
      custom_hours: { minimum: 1, maximum: 1000 },
    });
  });
});

describe('errors below its paths', () => {
  it('have the shape that callers know, without anything from inside', async () => {
    const raw = async (path: string, init: RequestInit) => {
      const answer = await fetch(`${shop.server.url}${path}`, init);
      return { status: answer.status, body: await answer.json() };
    };
    const shape = { error: expect.any(String), code: expect.any(String) };
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${shop.server.app.adminToken.token}` };
    expect(await raw('/api/licenses', { method: 'POST', headers, body: '{' })).toEqual({ status: 400, body: shape });
    expect(await raw('/api/licenses', { method: 'DELETE' })).toEqual({ status: 405, body: shape });
    expect(await raw('/payments/nothing', {})).toEqual({ status: 404, body: shape });
  });
});
