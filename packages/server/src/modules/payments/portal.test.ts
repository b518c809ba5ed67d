import { afterAll, beforeAll, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.close());

it('lets an owner cancel on Stripe’s page, and shows the end of their subscription from then on', async () => {
  const session = await shop.buy({ product: 'infinite-server26', email: 'ada@example.com' });
  const token = await shop.tokenOf('ada');
  const before = await shop.call('GET', '/v1/subscriptions', token);
  expect(before.body.data).toMatchObject([{ cancel_at: null }]);
  const opened = await shop.call('POST', '/v1/portal-sessions', token, { return_url: 'https://shop.example/account' });
  expect(opened.status).toBe(201);
  expect(await (await fetch(opened.body.url)).text()).toContain('https://shop.example/account');
  const page = `${opened.body.url}/subscriptions/${session.subscription}/cancel`;
  expect((await fetch(page, { method: 'POST', redirect: 'manual' })).status).toBe(303);
  await shop.settle();
  const atStripe = await shop.stripe('GET', `/v1/subscriptions/${session.subscription}`);
  expect(atStripe.cancel_at_period_end).toBe(false);
  const after = await shop.call('GET', '/v1/subscriptions', token);
  const [ours] = after.body.data;
  expect(Date.parse(ours.cancel_at) / 1000).toBe(atStripe.cancel_at);
});
