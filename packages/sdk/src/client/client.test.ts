import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Away, answers, breaks, hangs, startAway } from '../../test/support/away.ts';
import { startTestLatchkey, type TestLatchkey } from '../../test/support/latchkey.ts';
import { createClient } from './client.ts';
import { isOutage, LatchkeyApiError, LatchkeyUnreachableError } from './errors.ts';
import type { RetryNotice } from './transport.ts';

let latchkey: TestLatchkey;

beforeAll(async () => {
  latchkey = await startTestLatchkey();
});

afterAll(() => latchkey?.remove());

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );

describe('the client with a server', () => {
  it('validates a key, and takes a no for an answer', async () => {
    const { key } = await latchkey.issue('infinite-server26');
    const client = createClient({ url: `${latchkey.url}/` });
    expect(await client.licenses.validate({ key })).toMatchObject({ valid: true, code: 'VALID' });
    expect(await client.licenses.validate({ key: 'no such key' })).toMatchObject({ valid: false, code: 'MALFORMED' });
  });

  it('throws what the server says of an error: code, field, and the id its log has', async () => {
    const error = await errorOf(latchkey.admin.request('POST', '/v1/licenses', { body: { product: 7 } }));
    expect(error).toBeInstanceOf(LatchkeyApiError);
    expect(error).toMatchObject({ status: 400, code: 'invalid_request', path: 'product' });
    expect((error as LatchkeyApiError).requestId).toMatch(/^req_/);
    expect((error as LatchkeyApiError).fields).not.toHaveLength(0);
    expect(isOutage(error)).toBe(false);
    const anonymous = createClient({ url: latchkey.url });
    expect(await errorOf(anonymous.request('GET', '/v1/licenses'))).toMatchObject({
      status: 401,
      code: 'unauthorized',
    });
  });

  it('goes through every page of a list', async () => {
    const issued = await Promise.all(Array.from({ length: 5 }, () => latchkey.issue('redline2')));
    const found: string[] = [];
    const query = { product: 'redline2', limit: 2 };
    for await (const { id } of latchkey.admin.list<{ id: string }>('/v1/licenses', { query })) found.push(id);
    expect(found.toSorted()).toEqual(issued.map(({ id }) => id).toSorted());
  });

  it('names a write once, so that saying it again changes nothing', async () => {
    const body = { product: 'infinite-server26' };
    const again = { body, idempotencyKey: 'order-1' };
    const first = await latchkey.admin.request<{ id: string }>('POST', '/v1/licenses', again);
    expect(await latchkey.admin.request('POST', '/v1/licenses', again)).toMatchObject({ id: first.id });
    expect(await latchkey.admin.request('POST', '/v1/licenses', { body })).not.toMatchObject({ id: first.id });
  });
});

describe('the client without a server', () => {
  let away: Away | null = null;

  afterEach(async () => {
    await away?.close();
    away = null;
  });

  it('says the same again, under the same key, until somebody answers', async () => {
    away = await startAway((number) => (number < 3 ? breaks : answers(200, { done: true })));
    const notices: RetryNotice[] = [];
    const client = createClient({ url: away.url, retries: 3, onRetry: (notice) => notices.push(notice) });
    expect(await client.request('POST', '/v1/licenses', { body: {} })).toEqual({ done: true });
    const [first, ...again] = away.requests.map(({ headers }) => headers['idempotency-key']);
    expect(first).toMatch(/^idem_/);
    expect(again).toEqual([first, first]);
    expect(notices.map(({ attempt }) => attempt)).toEqual([1, 2]);
  });

  it('waits as long as it is asked to, and not for ever', async () => {
    away = await startAway((number) =>
      number === 1
        ? answers(503, { code: 'unavailable' }, { 'retry-after': '0' })
        : answers(429, {}, { 'retry-after': '600' }),
    );
    const delays: number[] = [];
    const client = createClient({ url: away.url, retries: 5, onRetry: ({ delayMs }) => delays.push(delayMs) });
    expect(await errorOf(client.request('GET', '/v1/products'))).toMatchObject({ status: 429, retryAfterSeconds: 600 });
    expect(delays).toEqual([0]);
  });

  it.each([
    ['that hangs', hangs, 'timeout'],
    ['that breaks', breaks, 'connection'],
    ['where somebody else shows a page', answers(200, '<html>Sign in</html>'), 'connection'],
  ])('tells an address %s from a refusal', async (_kind, trouble, reason) => {
    away = await startAway(() => trouble);
    const client = createClient({ url: away.url, retries: 0, timeoutMs: 100 });
    const error = await errorOf(client.request('GET', '/v1/products'));
    expect(error).toBeInstanceOf(LatchkeyUnreachableError);
    expect(error).toMatchObject({ reason });
    expect(isOutage(error)).toBe(true);
  });

  it('does not repeat what was refused', async () => {
    away = await startAway(() => answers(422, { code: 'idempotency_key_reused', detail: 'Another request.' }));
    const error = await errorOf(createClient({ url: away.url }).request('POST', '/v1/licenses', { body: {} }));
    expect(error).toMatchObject({ status: 422, code: 'idempotency_key_reused', detail: 'Another request.' });
    expect(away.requests).toHaveLength(1);
  });

  it('ends when its caller no longer wants it', async () => {
    away = await startAway(() => hangs);
    const controller = new AbortController();
    const client = createClient({ url: away.url });
    const call = errorOf(client.request('GET', '/v1/products', { signal: controller.signal }));
    controller.abort(new Error('enough'));
    expect(await call).toMatchObject({ message: 'enough' });
  });

  it.each(['ftp://example.com', 'not an address', 'http://user@example.com', 'http://example.com/?a=b'])(
    'is not made for %s',
    (url) => {
      expect(() => createClient({ url })).toThrow(TypeError);
    },
  );
});
