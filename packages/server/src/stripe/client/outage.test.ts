import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createCollectingLog } from '../../../test/support/ports.ts';
import { createStripeClient, type StripeClient } from './index.ts';

/** Something in Stripe's place that says whatever it is told. */
let server: Server;
let answer: (response: ServerResponse) => void;
let asked: number[];
let client: StripeClient;
const log = createCollectingLog();
const ended: [string, string][] = [];

const json = (status: number, body: string, headers: Record<string, string> = {}) => {
  answer = (response) =>
    response.writeHead(status, { 'content-type': 'application/json', 'request-id': 'req_1', ...headers }).end(body);
};

beforeEach(async () => {
  asked = [];
  log.lines.length = 0;
  ended.length = 0;
  server = createServer((request, response) => {
    asked.push(performance.now());
    request.resume().on('end', () => answer(response));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  client = createStripeClient({
    secretKey: 'sk_test_outage',
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log,
    called: (name, outcome) => ended.push([name, outcome]),
    resilience: { timeoutMs: 500, retries: 1, retryDelayMs: 1, failuresToOpen: 4, openMs: 30_000 },
  });
});

afterEach(() => new Promise<void>((closed) => void server.close(() => closed())));

describe('nonsense in Stripe’s place', () => {
  const page = '<html><body>Bad gateway</body></html>';
  const html = (status: number) => (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'text/html' }).end(page);

  it.each<[string, () => void]>([
    ['a page of a proxy', () => (answer = html(200))],
    ['a page of a proxy that says 404', () => (answer = html(404))],
    ['a page of a proxy that says 502', () => (answer = html(502))],
    ['half an answer', () => json(200, '{"id": "cus_1", "object": "cust')],
    ['an error that calls itself a success', () => json(200, '{"error": {"type": "api_error", "message": "oh"}}')],
    ['JSON that is no object of Stripe', () => json(200, '{"status": "maintenance"}')],
    ['a refusal that is none of Stripe’s', () => json(403, '{"message": "blocked"}')],
    ['an absence that is none of Stripe’s', () => json(404, '{"message": "no route"}')],
    [
      'less than was announced',
      () =>
        (answer = (response) => {
          response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
          response.write('{"id": "cus_1", ');
          setImmediate(() => response.destroy());
        }),
    ],
  ])('%s is an outage: neither a result, nor a no, nor an absence', async (_name, speak) => {
    speak();
    await expect(client.fetch('customer', 'cus_1')).rejects.toMatchObject({ code: 'stripe_unavailable' });
    await expect(client.createCustomer({ email: 'a@example.com' }, 'key')).rejects.toMatchObject({
      code: 'stripe_unavailable',
      retryAfterSeconds: 30,
    });
    expect(asked).toHaveLength(4);
    expect(client.circuit).toBe('open');
  });

  it('is told from an absence that Stripe itself tells of', async () => {
    json(
      404,
      '{"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "No such customer"}}',
    );
    expect(await client.fetch('customer', 'cus_1')).toBeNull();
    expect(client.circuit).toBe('closed');
  });
});

describe('a Stripe that asks to be left alone', () => {
  const limited = '{"error": {"type": "rate_limit_error", "message": "Too many requests"}}';

  it('for a second is left alone for a second', async () => {
    json(429, limited, { 'retry-after': '1' });
    await expect(client.accountId()).rejects.toMatchObject({ code: 'stripe_unavailable' });
    expect(asked).toHaveLength(2);
    expect((asked[1] ?? 0) - (asked[0] ?? 0)).toBeGreaterThan(990);
  });

  it('for a minute is not asked again, and whoever asked is told to wait that minute', async () => {
    json(429, limited, { 'retry-after': '60' });
    await expect(client.accountId()).rejects.toMatchObject({ code: 'stripe_unavailable', retryAfterSeconds: 60 });
    expect(asked).toHaveLength(1);
  });
});

describe('the log', () => {
  it('tells once that the circuit opened, however many calls it refuses', async () => {
    json(500, '{"error": {"type": "api_error", "message": "oh"}}');
    for (let calls = 0; calls < 10; calls += 1) await client.accountId().catch(() => {});
    expect(asked).toHaveLength(4);
    const told = log.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
    expect(told).toEqual(['Stripe does not answer: calls to it are refused for a while']);
    expect(log.lines.filter(({ level }) => level === 'warn')).toHaveLength(2);
  });
});

describe('each call', () => {
  it('is counted once, retries and all, by what became of it', async () => {
    json(500, '{"error": {"type": "api_error", "message": "oh"}}');
    await client.accountId().catch(() => {});
    json(402, '{"error": {"type": "card_error", "code": "card_declined", "message": "Declined"}}');
    await client.createCustomer({ email: 'a@example.com' }, 'key').catch(() => {});
    json(200, '{"id": "acct_1", "object": "account"}');
    await client.accountId();
    expect(ended).toEqual([
      ['account.retrieve', 'stripe_unavailable'],
      ['customers.create', 'stripe_declined'],
      ['account.retrieve', 'done'],
    ]);
  });
});
