import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../../test/support/seats.yaml', import.meta.url));

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());

const someone = () => {
  count += 1;
  return `seats${count}@example.com`;
};

/** Buys on Stripe's page, and answers its session. */
async function buy(plan: string, quantity: number, email: string): Promise<Wire> {
  const started = await shop.vendor('POST', '/v1/checkouts', { product: 'studio', plan, quantity, email });
  expect(started.status).toBe(201);
  const path = `/checkout/sessions/${started.body.id}/complete`;
  const session = await shop.control(path, { payment_method: 'pm_card_visa' });
  await shop.settle();
  return session;
}

const subscribe = (body: object) =>
  shop.vendor('POST', '/v1/subscriptions', { product: 'studio', payment_method: 'pm_card_visa', ...body });
const change = (id: string, body: object) => shop.vendor('POST', `/v1/subscriptions/${id}/change`, body);
const read = async (id: string) => (await shop.vendor('GET', `/v1/subscriptions/${id}`)).body;
const licenseOf = async (email: string): Promise<Wire> =>
  (await shop.vendor('GET', `/v1/licenses?email=${email}`)).body.data[0];
const pass = (time: object) => shop.vendor('POST', '/sandbox/time/advance', time);

describe('several of a plan', () => {
  it('are sold on a page: paid for together, and their machines on one licence', async () => {
    const email = someone();
    const session = await buy('team', 3, email);
    expect(session).toMatchObject({ amount_total: 5_700 });
    expect((await shop.vendor('GET', `/v1/checkouts/${session.id}`)).body).toMatchObject({ quantity: 3 });
    expect(await read(session.subscription)).toMatchObject({ plan: 'team', quantity: 3, amount_cents: 5_700 });
    expect(await licenseOf(email)).toMatchObject({ plan: 'team', max_machines: 6 });
  });

  it('become more for what the preview says, and fewer at the end of the period; the licence follows', async () => {
    const email = someone();
    const { body: begun } = await subscribe({ plan: 'team', quantity: 2, email });
    await shop.settle();
    expect(await licenseOf(email)).toMatchObject({ max_machines: 4 });
    await pass({ days: 10 });
    const { body: preview } = await change(begun.id, { plan: 'team', quantity: 5, preview: true });
    expect(preview.amount_due).toBeGreaterThan(0);
    const changed = await change(begun.id, { plan: 'team', quantity: 5, as_of: preview.as_of });
    expect(changed.body).toMatchObject({ amount_due: preview.amount_due, lines: preview.lines });
    await shop.settle();
    expect(await read(begun.id)).toMatchObject({ quantity: 5, amount_cents: 9_500 });
    expect(await licenseOf(email)).toMatchObject({ max_machines: 10 });

    await change(begun.id, { plan: 'team', quantity: 1 });
    await shop.settle();
    expect(await read(begun.id)).toMatchObject({ quantity: 5, pending_change: { quantity: 1 } });
    expect(await licenseOf(email)).toMatchObject({ max_machines: 10 });
    await pass({ days: 32 });
    expect(await read(begun.id)).toMatchObject({ quantity: 1, amount_cents: 1_900 });
    expect(await licenseOf(email)).toMatchObject({ max_machines: 2 });
  });

  it('go over to another plan with it, and have its machines, unlimited ones too', async () => {
    const email = someone();
    const { body: begun } = await subscribe({ plan: 'team', quantity: 4, email });
    await change(begun.id, { plan: 'site' });
    await shop.settle();
    expect(await read(begun.id)).toMatchObject({ plan: 'site', quantity: 4 });
    expect(await licenseOf(email)).toMatchObject({ plan: 'site', max_machines: -1 });
    await change(begun.id, { plan: 'team', quantity: 4, when: 'now' });
    await shop.settle();
    expect(await licenseOf(email)).toMatchObject({ plan: 'team', max_machines: 8 });
    await shop.vendor('POST', `/v1/subscriptions/${begun.id}/cancel`, { at_period_end: true });
    await pass({ days: 32 });
    expect(await licenseOf(email)).toMatchObject({ plan: 'free', max_machines: 1 });
  });

  it('leave a licence alone that the vendor gave a number of its own', async () => {
    const email = someone();
    const { body: begun } = await subscribe({ plan: 'team', quantity: 2, email });
    const { id } = await licenseOf(email);
    await shop.vendor('PATCH', `/v1/licenses/${id}`, { max_machines: 7 });
    await change(begun.id, { plan: 'team', quantity: 6 });
    await shop.settle();
    expect(await licenseOf(email)).toMatchObject({ max_machines: 7 });
  });

  it('are bought once as well', async () => {
    const email = someone();
    expect(await buy('forever', 4, email)).toMatchObject({ amount_total: 119_600 });
    expect(await licenseOf(email)).toMatchObject({ plan: 'forever', max_machines: 4 });
  });

  it('are as many as the catalog says; a page sells one where it says nothing', async () => {
    const email = someone();
    const refused = { status: 400, body: { code: 'invalid_request', path: 'quantity' } };
    const checkout = (body: object) => shop.vendor('POST', '/v1/checkouts', { product: 'studio', email, ...body });
    for (const quantity of [0, 21, 1.5, -1, 'many', '1e9']) {
      expect(await checkout({ plan: 'team', quantity }), String(quantity)).toMatchObject(refused);
    }
    expect(await checkout({ plan: 'solo', quantity: 2 })).toMatchObject(refused);
    expect(await checkout({ plan: 'solo', quantity: 1 })).toMatchObject({ status: 201 });
    expect(await subscribe({ plan: 'team', quantity: 21, email })).toMatchObject(refused);
    const { body: begun } = await subscribe({ plan: 'team', quantity: 20, email });
    expect(await change(begun.id, { plan: 'team', quantity: 21 })).toMatchObject(refused);
    // What is carried over is bounded as what is asked for.
    expect(await change(begun.id, { plan: 'site' })).toMatchObject(refused);
    expect(await change(begun.id, { plan: 'site', quantity: 5, preview: true })).toMatchObject({ status: 200 });
  });
});
