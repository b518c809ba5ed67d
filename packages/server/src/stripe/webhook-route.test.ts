import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../test/support/http.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { Http } from '../http/index.ts';
import type { Inbox } from './inbox.ts';
import { registerInboxRoutes } from './inbox-routes.ts';
import { createInboxHarness, sign } from './test/inbox-harness.ts';
import { createSimulatedStripe } from './test/simulated-stripe.ts';
import { registerStripeWebhook, registerWebhookRoute } from './webhook-route.ts';

const ports = createTestPorts();
const stripe = createSimulatedStripe();
let test: TestDatabase;
let http: Http;
let inbox: Inbox;
beforeAll(async () => {
  test = await createTestDatabase();
  ({ inbox } = createInboxHarness({ database: test.database, ports, fetch: stripe.fetch }));
  http = await createTestHttp({ database: test.database, ports });
  registerStripeWebhook(http, inbox);
  registerWebhookRoute(http, {
    path: '/other/webhook',
    inbox,
    signatureHeaders: ['stripe-signature', 'x-stripe-signature'],
    answers: {
      contentType: 'application/json; charset=utf-8',
      stored: '{"received":true}',
      invalidSignature: '{"error":"Invalid signature"}',
      invalidPayload: '{"error":"Invalid payload"}',
    },
  });
  registerInboxRoutes(http, { inbox });
  await http.ready();
});
afterAll(async () => {
  await http.close();
  await test.close();
});
beforeEach(async () => {
  await test.database.connection.deleteFrom('inbox').execute();
});

const event = (id = 'cus_1') => JSON.stringify(stripe.change('customer.created', { id, object: 'customer' }), null, 2);
const post = (payload: string | Buffer, headers: Record<string, string>, url = '/webhook/stripe') =>
  http.inject({ method: 'POST', url, payload, headers: { 'content-type': 'application/json', ...headers } });
const signed = (body: string, at = ports.clock.wall()) => ({ 'stripe-signature': sign(body, at) });
const stored = async () => (await inbox.list({}, null, 100)).length;

describe('POST /webhook/stripe', () => {
  it('answers 200 Success for what Stripe signed, as it was sent', async () => {
    const body = event();
    const answer = await post(body, signed(body));
    expect([answer.statusCode, answer.body]).toEqual([200, 'Success']);
    expect(answer.headers['content-type']).toContain('text/plain');
    expect(await stored()).toBe(1);
  });

  it('answers 200 Success again for the same event', async () => {
    const body = event();
    await post(body, signed(body));
    expect((await post(body, signed(body))).statusCode).toBe(200);
    expect(await stored()).toBe(1);
  });

  it('whatever content type it claims to be', async () => {
    const body = event();
    expect((await post(body, { ...signed(body), 'content-type': 'text/weird' })).statusCode).toBe(200);
  });

  it.each([
    [
      'a signature of somebody else',
      (body: string) => ({ 'stripe-signature': sign(body, ports.clock.wall(), 'whsec_x') }),
    ],
    [
      'a signature of six minutes ago',
      (body: string) => signed(body, new Date(ports.clock.wall().getTime() - 360_000)),
    ],
    ['a signature of other bytes', (body: string) => signed(`${body} `)],
    ['no signature', () => ({})],
    [
      'a signature where another path expects it',
      (body: string) => ({ 'x-stripe-signature': sign(body, ports.clock.wall()) }),
    ],
  ])('answers 400 Invalid signature for %s, and stores nothing', async (_what, headers) => {
    const body = event();
    const answer = await post(body, headers(body));
    expect([answer.statusCode, answer.body]).toEqual([400, 'Invalid signature']);
    expect(await stored()).toBe(0);
  });

  it('answers 400 Invalid payload for what is signed and no event', async () => {
    const answer = await post('{}', signed('{}'));
    expect([answer.statusCode, answer.body]).toEqual([400, 'Invalid payload']);
  });

  it('answers 413 for two megabytes, signed or not, and stores nothing', async () => {
    const body = JSON.stringify({ ...JSON.parse(event()), padding: 'x'.repeat(2_000_000) });
    const answer = await post(body, signed(body));
    expect(answer.statusCode).toBe(413);
    expect(answer.json()).toMatchObject({ code: 'body_too_large' });
    expect(await stored()).toBe(0);
  });

  it('takes 500 KiB', async () => {
    const body = JSON.stringify({ ...JSON.parse(event()), padding: 'x'.repeat(500 * 1_024) });
    expect((await post(body, signed(body))).statusCode).toBe(200);
  });
});

describe('another webhook path', () => {
  it('feeds the same inbox and answers in its own words', async () => {
    const body = event();
    const headers = { 'x-stripe-signature': sign(body, ports.clock.wall()) };
    const answer = await post(body, headers, '/other/webhook');
    expect([answer.statusCode, answer.json()]).toEqual([200, { received: true }]);
    expect((await post(body, signed(body))).statusCode).toBe(200);
    expect((await inbox.list({}, null, 10)).map(({ path }) => path)).toEqual(['/other/webhook']);
    const refused = await post(body, {}, '/other/webhook');
    expect([refused.statusCode, refused.json()]).toEqual([400, { error: 'Invalid signature' }]);
  });
});

describe('the inbox over HTTP', () => {
  const get = (url: string, headers: Record<string, string> = asAdmin) => http.inject({ method: 'GET', url, headers });

  it('is the admin’s alone', async () => {
    for (const url of ['/v1/inbox', '/v1/inbox/evt_1']) expect((await get(url, {})).statusCode).toBe(401);
    expect((await http.inject({ method: 'POST', url: '/v1/inbox/evt_1/replay' })).statusCode).toBe(401);
  });

  it('is listed page by page, the newest first, by status and type', async () => {
    const bodies = ['cus_a', 'cus_b', 'cus_c'].map(event);
    const payout = JSON.stringify(stripe.change('payout.paid', { id: 'po_1', object: 'payout' }));
    for (const body of [...bodies, payout]) {
      ports.clock.pass(1_000);
      await post(body, signed(body));
    }
    await inbox.worker.settled();
    const first = (await get('/v1/inbox?limit=3')).json();
    expect(first).toMatchObject({ has_more: true, data: [{ type: 'payout.paid', status: 'ignored' }, {}, {}] });
    const second = (await get(`/v1/inbox?limit=3&after=${first.next}`)).json();
    expect(second).toMatchObject({
      has_more: false,
      next: null,
      data: [{ object: 'inbox_event', status: 'processed' }],
    });
    expect((await get('/v1/inbox?status=ignored')).json().data).toHaveLength(1);
    expect((await get('/v1/inbox?type=customer.created')).json().data).toHaveLength(3);
    expect((await get('/v1/inbox?status=odd')).statusCode).toBe(400);
  });

  it('shows an event with what was delivered, and has it worked on again', async () => {
    const body = event();
    await post(body, signed(body));
    await inbox.worker.settled();
    const { id } = JSON.parse(body);
    const shown = (await get(`/v1/inbox/${id}`)).json();
    expect(shown).toMatchObject({ event_id: id, status: 'processed', attempts: 1, payload: JSON.parse(body) });
    const replayed = await http.inject({ method: 'POST', url: `/v1/inbox/${shown.id}/replay`, headers: asAdmin });
    expect([replayed.statusCode, replayed.json().status]).toEqual([202, 'pending']);
    await inbox.worker.settled();
    expect((await get(`/v1/inbox/${id}`)).json().status).toBe('processed');
    expect((await get('/v1/inbox/evt_unknown')).statusCode).toBe(404);
    const unknown = await http.inject({ method: 'POST', url: '/v1/inbox/inb_unknown/replay', headers: asAdmin });
    expect(unknown.statusCode).toBe(404);
  });
});
