import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';
import type { Server } from '../server.ts';

let shop: Shop;
let server: Server;

beforeAll(async () => {
  shop = await openShop();
  server = shop.server;
  // No webhook arrives while these tests run, unless one asks for it.
  await atStripe('/_sandbox/webhooks', { mode: 'hold' });
});

afterAll(() => shop?.close());

const headers = () => ({
  'content-type': 'application/json',
  authorization: `Bearer ${server.app.adminToken.token}`,
});

async function atStripe(path: string, body: object): Promise<void> {
  const url = `${server.app.localStripe?.url}${path}`;
  const answer = await fetch(url, { method: 'POST', headers: headers(), body: JSON.stringify(body) });
  expect(answer.status, `${path}: ${await answer.text()}`).toBe(200);
}

async function pay(email: string): Promise<string> {
  const body = JSON.stringify({ product: 'infinite-server26', email });
  const answer = await fetch(`${server.url}/v1/checkouts`, { method: 'POST', headers: headers(), body });
  const { id }: Wire = await answer.json();
  await atStripe(`/_sandbox/checkout/sessions/${id}/complete`, { payment_method: 'pm_card_visa' });
  return id;
}

const visit = (session: string) => fetch(`${server.url}/checkout/success?session_id=${session}`);
const keyPattern = /[0-9a-f]{16}(-[0-9a-f]{16}){15}/;

describe('the page after paying, when no webhook has come', () => {
  it('asks Stripe and shows the key; the webhooks that come later bring no second licence and no second letter', async () => {
    const answer = await visit(await pay('early@example.com'));
    expect(answer.status).toBe(200);
    expect(await answer.text()).toMatch(keyPattern);
    await atStripe('/_sandbox/webhooks/flush', {});
    await atStripe('/_sandbox/webhooks/settle', {});
    await server.app.settle();
    const read = async (path: string): Promise<Wire> =>
      (await fetch(`${server.url}${path}`, { headers: headers() })).json();
    expect((await read('/v1/licenses?email=early@example.com')).data).toHaveLength(1);
    expect(await read('/sandbox/mail?to=early@example.com')).toHaveLength(1);
  });

  it('and Stripe does not answer either, says that it looks again by itself', async () => {
    const session = await pay('patient@example.com');
    await atStripe('/_sandbox/fail', { requests: 100, status: 500 });
    const answer = await visit(session);
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toContain('text/html');
    expect(await answer.text()).toContain('data-reload');
  });
});
