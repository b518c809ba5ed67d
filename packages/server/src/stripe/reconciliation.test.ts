import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';
import type { Server } from '../server.ts';

let shop: Shop;
let server: Server;

beforeAll(async () => {
  shop = await openShop();
  server = shop.server;
});

afterAll(() => shop?.close());

const token = () => ({ authorization: `Bearer ${server.app.adminToken.token}` });

async function send(url: string, method: string, body?: object): Promise<Wire> {
  const answer = await fetch(url, {
    method,
    headers: { 'content-type': 'application/json', ...token() },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: Wire = await answer.json();
  expect(answer.status, `${method} ${url}: ${JSON.stringify(value)}`).toBeLessThan(300);
  return value;
}

const call = (method: string, path: string, body?: object) => send(`${server.url}${path}`, method, body);
const control = (path: string, body: object) => send(`${server.app.localStripe?.url}/_sandbox${path}`, 'POST', body);

async function deleteAtStripe(path: string): Promise<void> {
  const answer = await fetch(`${server.app.localStripe?.url}/v1${path}`, {
    method: 'DELETE',
    headers: { authorization: 'Bearer sk_test_reconciliation' },
  });
  expect(answer.status).toBe(200);
}

async function pay(email: string): Promise<void> {
  const { id } = await call('POST', '/v1/checkouts', { product: 'infinite-server26', email });
  await control(`/checkout/sessions/${id}/complete`, { payment_method: 'pm_card_visa' });
}

const licenses = async (email: string) => (await call('GET', `/v1/licenses?email=${email}`)).data;

async function compare(fix: boolean): Promise<Wire> {
  let run = await call('POST', '/v1/reconciliations', { fix });
  while (run.status === 'running') run = await call('GET', `/v1/reconciliations/${run.id}`);
  expect(run, JSON.stringify(run)).toMatchObject({ status: 'done' });
  return run;
}

describe('a comparison', () => {
  it('of a server that has just started finds nothing', async () => {
    expect(await compare(false)).toMatchObject({ found: 0, differences: [] });
  });

  it('is one at a time', async () => {
    const first = await call('POST', '/v1/reconciliations');
    const second = await fetch(`${server.url}/v1/reconciliations`, { method: 'POST', headers: token() });
    const answer: Wire = await second.json();
    // The first may have ended already: then the second runs.
    expect([202, 409]).toContain(second.status);
    if (second.status === 409) expect(answer.code).toBe('conflict');
    expect(first.status).toBe('running');
    while ((await call('GET', `/v1/reconciliations/${first.id}`)).status === 'running');
  });
});

describe('what was missed for good', () => {
  it('is found, and mended when asked for: the licence and its letter are there as if the webhooks had come', async () => {
    await control('/webhooks', { mode: 'drop' });
    await pay('missed@example.com');
    await server.app.settle();
    expect(await licenses('missed@example.com')).toEqual([]);

    const report = await compare(false);
    expect(report.fixed).toBe(0);
    const problems: string[] = report.differences.map((one: Wire) => `${one.type} ${one.problem}`);
    expect(problems).toEqual(expect.arrayContaining(['subscription missing', 'invoice missing', 'customer missing']));
    expect(await licenses('missed@example.com')).toEqual([]);

    const mended = await compare(true);
    expect(mended.found).toBe(report.found);
    expect(mended.fixed).toBe(mended.found);
    await server.app.settle();
    expect(await licenses('missed@example.com')).toMatchObject([{ status: 'active' }]);
    const letters = await call('GET', '/sandbox/mail?to=missed@example.com');
    expect(letters).toHaveLength(1);

    expect(await compare(false)).toMatchObject({ found: 0, differences: [] });
    await control('/webhooks', { mode: 'normal' });
  });

  it('a cancellation is followed, and nothing is done twice', async () => {
    await pay('late@example.com');
    await expect.poll(() => licenses('late@example.com')).toHaveLength(1);
    await server.app.settle();
    const [before] = await licenses('late@example.com');
    await control('/webhooks', { mode: 'drop' });
    const subscription = await call('GET', `/v1/subscriptions/${before.subscription_id}`);
    await deleteAtStripe(`/subscriptions/${subscription.stripe_subscription_id}`);
    await compare(true);
    await compare(true);
    await control('/webhooks', { mode: 'normal' });
    await server.app.settle();
    expect(await licenses('late@example.com')).toMatchObject([{ id: before.id, status: 'revoked' }]);
    const letters = await call('GET', '/sandbox/mail?to=late@example.com');
    expect(letters.map((letter: Wire) => letter.subject)).toHaveLength(2);
  });

  it('a customer who was deleted at Stripe is gone here', async () => {
    await pay('gone@example.com');
    await expect.poll(() => licenses('gone@example.com')).toHaveLength(1);
    await server.app.settle();
    await control('/webhooks', { mode: 'drop' });
    const { data } = await call('GET', '/v1/customers?email=gone@example.com');
    await deleteAtStripe(`/customers/${data[0].stripe_customer_id}`);
    const run = await compare(true);
    expect(run.differences).toContainEqual(
      expect.objectContaining({ type: 'customer', id: data[0].stripe_customer_id, problem: 'gone', fixed: true }),
    );
    await control('/webhooks', { mode: 'normal' });
    expect(await compare(false)).toMatchObject({ found: 0 });
  });
});
