import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../test/support/overage.yaml', import.meta.url));

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());

/** The plans and meters of a subscription's items at Stripe, as the metadata of their prices say. */
async function itemsOf(reference: string): Promise<string[]> {
  const { items } = await shop.stripe('GET', `/v1/subscriptions/${reference}`);
  return items.data.map(({ price }: Wire) => `${price.recurring.usage_type} ${price.metadata.latchkey_plan}`).sort();
}

async function subscribe(plan: string): Promise<Wire> {
  count += 1;
  const email = `metered${count}@example.com`;
  const answer = await shop.vendor('POST', '/v1/subscriptions', {
    ...{ product: 'signals', plan, email, payment_method: 'pm_card_visa' },
  });
  expect(answer.status).toBe(201);
  await shop.settle();
  return answer.body;
}

const change = (id: string, body: object) => shop.vendor('POST', `/v1/subscriptions/${id}/change`, body);
const pass = (time: object) => shop.vendor('POST', '/sandbox/time/advance', time);

describe('a subscription of a plan that charges for what is used beyond it', () => {
  it('is sold with the metered price beside it, in a page and with a card, and brings the plan’s amount a month', async () => {
    const session = await shop.buy({ product: 'signals', plan: 'starter', email: 'page@example.com' });
    expect(await itemsOf(session.subscription)).toEqual(['licensed starter', 'metered starter']);
    const { body } = await shop.vendor('GET', `/v1/subscriptions/${session.subscription}`);
    expect(body).toMatchObject({ plan: 'starter', amount_cents: 2_900, price_is_current: true });
    const card = await subscribe('starter');
    expect(await itemsOf(card.stripe_subscription_id)).toEqual(['licensed starter', 'metered starter']);
  });

  it('has no metered price where the rate is no decimal', async () => {
    const { stripe_subscription_id: reference } = await subscribe('team');
    expect(await itemsOf(reference)).toEqual(['licensed team']);
  });

  it('swaps what counts when the plan changes, and shows before what is charged', async () => {
    const { id, stripe_subscription_id: reference } = await subscribe('starter');
    await pass({ days: 7 });
    const preview = await change(id, { plan: 'pro', preview: true });
    expect(preview.body.lines.every((line: Wire) => line.proration)).toBe(true);
    const changed = await change(id, { plan: 'pro', as_of: preview.body.as_of });
    expect(changed.body).toMatchObject({ amount_due: preview.body.amount_due, subscription: { plan: 'pro' } });
    expect(await itemsOf(reference)).toEqual(['licensed pro', 'metered pro']);
    expect((await shop.vendor('GET', `/v1/subscriptions/${id}`)).body).toMatchObject({ amount_cents: 9_900 });
  });

  it('changes to another interval, which ends what was counted by the month', async () => {
    const { id, stripe_subscription_id: reference } = await subscribe('starter');
    const preview = await change(id, { plan: 'yearly', preview: true });
    const changed = await change(id, { plan: 'yearly', as_of: preview.body.as_of });
    expect(changed.body).toMatchObject({ amount_due: preview.body.amount_due, subscription: { plan: 'yearly' } });
    expect(await itemsOf(reference)).toEqual(['licensed yearly', 'metered yearly']);
  });

  it('changes at the end of the period together with its metered price', async () => {
    const { id, stripe_subscription_id: reference } = await subscribe('pro');
    await change(id, { plan: 'starter' });
    await pass({ days: 32 });
    expect(await itemsOf(reference)).toEqual(['licensed starter', 'metered starter']);
    expect((await shop.vendor('GET', `/v1/subscriptions/${id}`)).body).toMatchObject({ plan: 'starter' });
  });
});
