import { connect } from 'node:net';
import { LatchkeyError } from '@latchkey/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../test/support/http.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { Http } from './types.ts';

const ports = createTestPorts();
let test: TestDatabase;
let http: Http;
beforeAll(async () => {
  test = await createTestDatabase();
  http = await createTestHttp({
    database: test.database,
    ports,
    allowedOrigins: ['https://shop.example.com'],
    errorShapes: [
      { prefixes: ['/old'], answer: ({ code }) => ({ body: { error: 'outer', code } }) },
      { prefixes: ['/old/inner'], answer: ({ code }) => ({ body: { error: 'inner', code }, status: 418 }) },
    ],
    authenticators: [
      async (token) => (token === 'lk_reader' ? { type: 'api_key', id: 'key_1', scopes: ['licenses:read'] } : null),
    ],
  });
  const machine = z.object({ fingerprint: z.string().min(3), name: z.string().optional() });
  const body = z.object({ machine, tags: z.array(z.string()).optional() });
  http.post('/v1/things', { config: { access: 'anyone' }, schema: { body } }, async (request) => request.body);
  http.post('/v1/any', { config: { access: 'anyone' } }, async (request) => ({ got: request.body ?? null }));
  http.get('/v1/things/:id', { config: { access: { scope: 'licenses:read' } } }, async (request) => ({
    as: request.principal.type,
  }));
  http.get('/v1/admin', { config: { access: 'admin' } }, async (request) => ({ as: request.principal.type }));
  http.get('/v1/broken', { config: { access: 'anyone' } }, async () => {
    throw new Error('secret internals at /home/latchkey');
  });
  http.post('/old/things', { config: { access: 'anyone' }, schema: { body } }, async (request) => request.body);
  http.get('/v1/busy', { config: { access: 'anyone' } }, async () => {
    throw new LatchkeyError('stripe_unavailable', 'Stripe does not answer.', { retryAfterSeconds: 7 });
  });
  http.get(
    '/v1/limited',
    { config: { access: 'anyone', rateLimit: { name: 'tight', limit: 2, windowSeconds: 60 } } },
    async () => ({}),
  );
  http.post('/v1/check', { config: { access: 'anyone', rateLimit: false } }, async (request) => {
    request.assertKeyChecksAllowed('prefix');
    request.countFailure('prefix');
    return { valid: false };
  });
  http.get('/api/price', { config: { access: 'anyone' } }, async () => ({ price: 2500 }));
  await http.ready();
});
beforeEach(() => ports.clock.pass(120_000));
afterAll(async () => {
  await http.close();
  await test.close();
});

const post = (url: string, payload: string, headers: Record<string, string> = {}) =>
  http.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json', ...headers } });

describe('a request id', () => {
  it('is made, answered in a header and repeated in an error', async () => {
    const answer = await http.inject('/v1/nowhere');
    expect(answer.headers['x-request-id']).toMatch(/^req_[0-9a-z]{26}$/);
    expect(answer.json().request_id).toBe(answer.headers['x-request-id']);
  });

  it('of the caller is kept when it is sane, and replaced when it is not', async () => {
    const sane = await http.inject({ url: '/v1/nowhere', headers: { 'x-request-id': 'checkout-42:retry.1' } });
    expect(sane.headers['x-request-id']).toBe('checkout-42:retry.1');
    for (const id of ['short', 'x'.repeat(200), 'with blanks in it', 'a"quote"in-it']) {
      const answer = await http.inject({ url: '/v1/nowhere', headers: { 'x-request-id': id } });
      expect(answer.headers['x-request-id']).toMatch(/^req_/);
    }
  });
});

describe('an error', () => {
  it('is problem+json with the address of its page', async () => {
    const answer = await http.inject('/v1/busy');
    expect(answer.statusCode).toBe(503);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.headers['retry-after']).toBe('7');
    expect(answer.json()).toEqual({
      type: 'http://latchkey.test/docs/errors/stripe_unavailable',
      title: 'Stripe cannot be reached at the moment',
      status: 503,
      code: 'stripe_unavailable',
      detail: 'Stripe does not answer.',
      request_id: answer.headers['x-request-id'],
    });
  });

  it('that nobody foresaw says nothing of our inside, and the log says all', async () => {
    const answer = await http.inject('/v1/broken');
    expect(answer.statusCode).toBe(500);
    expect(answer.json().code).toBe('internal');
    expect(answer.body).not.toMatch(/secret internals|home|\.ts/);
    const line = ports.log.lines.find(({ level }) => level === 'error');
    expect(line?.fields).toMatchObject({
      request_id: answer.headers['x-request-id'],
      error: { message: /secret internals/ },
    });
  });

  it('of a schema names every field', async () => {
    const answer = await post('/v1/things', '{"machine":{"fingerprint":"x"},"tags":["a",1]}');
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'invalid_request', path: 'machine.fingerprint' });
    expect(answer.json().errors.map(({ path }: { path: string }) => path)).toEqual(['machine.fingerprint', 'tags[1]']);
  });

  it('at a wrong address is 404, with a wrong method 405 and what it could have been', async () => {
    expect((await http.inject('/v1/nowhere')).json().code).toBe('not_found');
    const answer = await http.inject({ method: 'DELETE', url: '/v1/things/lic_1?x=1', headers: asAdmin });
    expect(answer.statusCode).toBe(405);
    expect(answer.headers.allow).toBe('GET, HEAD');
    expect(answer.json().code).toBe('method_not_allowed');
  });

  it('below the paths of another shape is answered in it, the nearest first, whatever went wrong', async () => {
    const bad = await post('/old/things', '{"machine":{}}');
    expect([bad.statusCode, bad.json()]).toEqual([400, { error: 'outer', code: 'invalid_request' }]);
    expect(bad.headers['content-type']).toBe('application/json; charset=utf-8');
    expect((await post('/old/things', '{')).json()).toMatchObject({ error: 'outer' });
    const wrongMethod = await http.inject('/old/things');
    expect([wrongMethod.statusCode, wrongMethod.headers.allow]).toEqual([405, 'POST']);
    expect(wrongMethod.json()).toEqual({ error: 'outer', code: 'method_not_allowed' });
    const inner = await http.inject('/old/inner/nowhere?key=1');
    expect([inner.statusCode, inner.json()]).toEqual([418, { error: 'inner', code: 'not_found' }]);
    // A path that only begins with the same letters is another.
    expect((await http.inject('/older')).json()).toMatchObject({ type: expect.any(String), code: 'not_found' });
  });

  it('of an address that is not well formed is 400', async () => {
    expect((await http.inject('/v1/things/%E0%A4%A')).statusCode).toBe(400);
    expect((await http.inject('/v1/things/%00')).json()).toMatchObject({ status: 400, code: 'invalid_request' });
  });
});

describe('a body', () => {
  it.each([
    ['is not JSON', '{"machine":', 400, 'invalid_json'],
    ['contains NUL', '{"a":"x\\u0000y"}', 400, 'invalid_request'],
    ['contains half a character', '{"a":"\\ud800"}', 400, 'invalid_request'],
    ['contains half a character in a name', '{"\\udc00":1}', 400, 'invalid_request'],
    ['contains a number that would be rounded', '{"a":9007199254740993}', 400, 'invalid_request'],
    ['contains __proto__', '{"a":{"__proto__":{"admin":true}}}', 400, 'invalid_request'],
    ['is too deep', `${'['.repeat(33)}${']'.repeat(33)}`, 400, 'invalid_request'],
    ['is too large', `"${'x'.repeat(1_048_577)}"`, 413, 'body_too_large'],
  ])('that %s is refused', async (_, text, status, code) => {
    const answer = await post('/v1/any', text);
    expect([answer.statusCode, answer.json().code]).toEqual([status, code]);
  });

  it('in another format is 415, and one that is not UTF-8 is refused', async () => {
    expect((await post('/v1/any', 'a=1', { 'content-type': 'application/x-www-form-urlencoded' })).statusCode).toBe(
      415,
    );
    const answer = await http.inject({
      method: 'POST',
      url: '/v1/any',
      payload: Buffer.from([0x22, 0xff, 0x22]),
      headers: { 'content-type': 'application/json' },
    });
    expect(answer.json().code).toBe('invalid_json');
  });

  it.each([
    ['deep, but not too deep', `${'['.repeat(32)}${']'.repeat(32)}`],
    ['with characters beyond the first plane', '{"a":"\\ud83d\\udd11 \u{1f511}"}'],
    ['with fractions and large safe numbers', '{"a":0.1,"b":9007199254740991,"c":1e-7}'],
    ['that is empty', ''],
  ])('%s is taken', async (_, text) => {
    const answer = await post('/v1/any', text);
    expect(answer.statusCode).toBe(200);
    expect(answer.json()).toEqual({ got: text === '' ? null : JSON.parse(text) });
  });

  it('does not come back in the message about it', async () => {
    const answer = await post('/v1/any', '{"key":"0123456789abcdef-0123456789abcdef" oops');
    expect(answer.body).not.toContain('0123456789abcdef');
  });
});

describe('who may call', () => {
  it.each([
    ['/v1/things/1', {}, 401],
    ['/v1/things/1', { authorization: 'Bearer wrong' }, 401],
    ['/v1/things/1', { authorization: 'Basic bGs6' }, 401],
    ['/v1/things/1', { authorization: 'Bearer lk_reader' }, 200],
    ['/v1/things/1', asAdmin, 200],
    ['/v1/admin', { authorization: 'Bearer lk_reader' }, 403],
    ['/v1/admin', asAdmin, 200],
    ['/v1/busy', { authorization: 'Bearer of-somebody-else' }, 503],
  ])('%s with %o is answered %i', async (url, headers, status) => {
    const answer = await http.inject({ url, headers: headers as Record<string, string> });
    expect(answer.statusCode).toBe(status);
    if (status === 401) expect(answer.headers['www-authenticate']).toBe('Bearer realm="latchkey"');
  });

  it('must be declared by every route, or the server does not start', async () => {
    const careless = await createTestHttp({ database: test.database });
    careless.get('/v1/forgotten', async () => ({}));
    await expect(careless.ready()).rejects.toThrow('GET /v1/forgotten');
  });
});

describe('limits', () => {
  it('are told and kept, and free again when the window is over', async () => {
    const first = await http.inject('/v1/limited');
    expect(first.headers).toMatchObject({ 'ratelimit-policy': '"tight";q=2;w=60', ratelimit: '"tight";r=1;t=60' });
    expect((await http.inject('/v1/limited')).headers.ratelimit).toBe('"tight";r=0;t=60');
    const third = await http.inject('/v1/limited');
    expect([third.statusCode, third.json().code, third.headers['retry-after']]).toEqual([429, 'rate_limited', '60']);
    ports.clock.pass(60_000);
    expect((await http.inject('/v1/limited')).statusCode).toBe(200);
  });

  it('are of each address alone, and not for servers', async () => {
    const from = (remoteAddress: string) => http.inject({ url: '/v1/limited', remoteAddress });
    for (let call = 0; call < 3; call += 1) await from('10.0.0.1');
    expect((await from('10.0.0.1')).statusCode).toBe(429);
    expect((await from('10.0.0.2')).statusCode).toBe(200);
    // One customer has a whole /64.
    for (let call = 0; call < 3; call += 1) await from(`2001:db8:0:1::${call}`);
    expect((await from('2001:db8::1:0:0:0:9')).statusCode).toBe(429);
    expect((await from('2001:db8:0:2::1')).statusCode).toBe(200);
    const asServer = { url: '/v1/limited', remoteAddress: '10.0.0.1', headers: { authorization: 'Bearer lk_reader' } };
    expect((await http.inject(asServer)).statusCode).toBe(200);
  });

  it('stop the guessing of keys, but not those who call from elsewhere with other keys', async () => {
    const check = (remoteAddress: string) => http.inject({ method: 'POST', url: '/v1/check', remoteAddress });
    let refused = 0;
    for (let call = 0; call < 310; call += 1) if ((await check('10.0.1.1')).statusCode === 429) refused += 1;
    expect(refused).toBe(10);
    expect((await check('10.0.1.2')).statusCode).toBe(429);
  });

  it('stop the guessing of tokens', async () => {
    const guess = (token: string) =>
      http.inject({ url: '/v1/admin', remoteAddress: '10.0.2.1', headers: { authorization: `Bearer ${token}` } });
    for (let call = 0; call < 600; call += 1) await guess(`guess-${call}`);
    expect((await guess('one-more')).statusCode).toBe(429);
  });
});

describe('headers', () => {
  it('of every answer keep browsers from guessing, framing, running and keeping', async () => {
    for (const url of ['/v1/busy', '/v1/nowhere', '/api/price']) {
      const { headers } = await http.inject(url);
      expect(headers).toMatchObject({
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cache-control': 'no-store',
      });
      expect(headers['x-powered-by']).toBeUndefined();
    }
  });

  it('let the pages of an allowed origin call /api, and no other', async () => {
    const from = (origin: string, url = '/api/price') => http.inject({ url, headers: { origin } });
    expect((await from('https://shop.example.com')).headers['access-control-allow-origin']).toBe(
      'https://shop.example.com',
    );
    expect((await from('https://evil.example.com')).headers['access-control-allow-origin']).toBeUndefined();
    expect((await from('https://shop.example.com', '/v1/busy')).headers['access-control-allow-origin']).toBeUndefined();
    const preflight = await http.inject({
      method: 'OPTIONS',
      url: '/api/price',
      headers: {
        origin: 'https://shop.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'content-type',
      },
    });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': 'https://shop.example.com',
      'access-control-allow-headers': 'content-type',
    });
  });
});

describe('what is logged', () => {
  it('is the pattern of the route, never the address', async () => {
    ports.log.lines.length = 0;
    await http.inject({ url: '/v1/things/0123456789abcdef-0123456789abcdef?license_key=abcdef', headers: asAdmin });
    const text = JSON.stringify(ports.log.lines);
    expect(text).toContain('/v1/things/:id');
    expect(text).not.toContain('abcdef');
  });
});

describe('on the wire', () => {
  it('what is not HTTP is answered as a problem and closed', async () => {
    const address = await http.listen({ port: 0, host: '127.0.0.1' });
    const socket = connect(Number(new URL(address).port), '127.0.0.1');
    socket.write('NONSENSE\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(text.split('\r\n\r\n')[1] ?? '')).toMatchObject({ code: 'invalid_request', status: 400 });
  });

  it('looks for slow clients every second and gives a request ten', () => {
    expect(http.server.requestTimeout).toBe(10_000);
    expect(http.server.headersTimeout).toBe(8_000);
  });
});
