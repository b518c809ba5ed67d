import { connect } from 'node:net';
import { LatchkeyError } from '@latchkey/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../test/support/http.ts';
import { createMetrics } from '../observability/metrics.ts';
import type { Http } from './types.ts';

const metrics = createMetrics();
let test: TestDatabase;
let http: Http;
let ordinary = 0;
beforeAll(async () => {
  test = await createTestDatabase();
  http = await createTestHttp({ database: test.database, metrics });
  http.post(
    '/v1/echo',
    {
      config: {
        access: 'anyone',
        rateLimit: false,
        quiet: true,
        idempotency: false,
        shortcut(body, request) {
          const { text } = body as { text?: unknown };
          if (text === 'refused') throw new LatchkeyError('rate_limited', 'Too often.');
          return typeof text === 'string' && text !== 'long way'
            ? JSON.stringify({ text, way: 'short', by: request.principal.type })
            : null;
        },
      },
      schema: { body: z.object({ text: z.string() }) },
    },
    async ({ body, principal }) => {
      ordinary += 1;
      if (body.text === 'refused') throw new LatchkeyError('rate_limited', 'Too often.');
      return { text: body.text, way: 'long', by: principal.type };
    },
  );
  await http.listen({ host: '127.0.0.1', port: 0 });
});
beforeEach(() => {
  ordinary = 0;
});
afterAll(async () => {
  await http.close();
  await test.close();
});

const json = { 'content-type': 'application/json' };
const port = () => Number(new URL(http.listeningOrigin).port);
const post = (body: string, headers: Record<string, string> = {}, query = '') =>
  fetch(`http://127.0.0.1:${port()}/v1/echo${query}`, { method: 'POST', body, headers: { ...json, ...headers } });

describe('a request with a shortcut', () => {
  it('is answered by it with its id, and counted', async () => {
    const answer = await post('{"text":"hello"}', { 'x-request-id': 'my-request-1' });
    expect(await answer.json()).toEqual({ text: 'hello', way: 'short', by: 'anyone' });
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'x-content-type-options': 'nosniff',
      'x-request-id': 'my-request-1',
    });
    expect(ordinary).toBe(0);
    const counts = (await metrics.text())
      .split('\n')
      .filter((line) => line.includes('_count{') && line.includes('echo'));
    expect(counts).toEqual([expect.stringMatching(/route="\/v1\/echo",status="200"\} 1$/)]);
  });

  it.each<[string, string, Record<string, string>, string]>([
    ['that the shortcut does not answer', '{"text":"long way"}', {}, ''],
    ['of someone with credentials', '{"text":"hello"}', asAdmin, ''],
    ['with another query', '{"text":"hello"}', {}, '?a=1'],
    ['in another alphabet', '{"text":"grüße"}', {}, ''],
    ['with escapes', '{"text":"\\u0041"}', {}, ''],
    ['that is long', `{"text":"hello"${' '.repeat(5_000)}}`, {}, ''],
  ])('%s goes the ordinary way', async (_what, body, headers, query) => {
    const answer = await post(body, headers, query);
    expect(await answer.json()).toMatchObject({ text: JSON.parse(body).text, way: 'long' });
    expect(ordinary).toBe(1);
  });

  it.each([
    ['not JSON', '{"text":', 400, 'invalid_json'],
    ['not what the schema asks for', '{"text":7}', 400, 'invalid_request'],
    ['refused by either way', '{"text":"refused"}', 429, 'rate_limited'],
    ['a prototype in disguise', '{"text":1,"__proto__":{}}', 400, 'invalid_request'],
  ])('that is %s is refused as everywhere', async (_what, body, status, code) => {
    const answer = await post(body);
    expect(answer.status).toBe(status);
    expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
    expect(await answer.json()).toMatchObject({ code });
  });

  it('that comes in pieces is put together and goes the ordinary way; what follows on its connection is answered too', async () => {
    const head = (bytes: number) =>
      `POST /v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${bytes}\r\n\r\n`;
    const socket = connect({ host: '127.0.0.1', port: port(), noDelay: true });
    let received = '';
    const until = (text: string) =>
      new Promise<void>((resolve) => {
        const look = () => void (received.includes(text) && resolve());
        socket.on('data', look);
        look();
      });
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk;
    });
    socket.write(`${head(17)}{"text":`);
    await new Promise((resolve) => http.server.once('request', resolve));
    socket.write('"pieces"}');
    await until('"pieces","way":"long"');
    socket.write(`${head(16)}{"text":"first"}${head(17)}{"text":"second"}`);
    await until('"second","way":"short"');
    expect(received.indexOf('"first","way":"short"')).toBeGreaterThan(0);
    socket.destroy();
  });
});
