import type { Catalog } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../test/support/shop.ts';
import { pushCatalog } from '../catalog/push.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop?.close());

/** What another process does that was started with the edited catalog. */
async function pushEdited(amountCents: number): Promise<void> {
  const { database, stripe, catalog, clock } = shop.server.app;
  const edited: Catalog = {
    products: catalog.products
      .filter(({ id }) => id === 'investment-system')
      .map((product) => ({
        ...product,
        plans: product.plans.map((plan) =>
          plan.id === 'starter' && plan.price !== null ? { ...plan, price: { ...plan.price, amountCents } } : plan,
        ),
      })),
  };
  await pushCatalog({ database, api: stripe, catalog: edited, clock });
}

async function subscriptionOf(name: string) {
  const { body } = await shop.call('GET', '/v1/subscriptions', await shop.tokenOf(name));
  return body.data[0];
}

const buy = async (name: string) =>
  shop.buy({ product: 'investment-system', plan: 'starter' }, await shop.tokenOf(name));

describe('a price that was edited in the catalog', () => {
  it('is what new customers pay; whoever bought before keeps theirs, at renewals too, and is shown to be on an old one', async () => {
    await buy('before');
    expect(await subscriptionOf('before')).toMatchObject({ amount_cents: 2900, price_is_current: true });

    await pushEdited(3900);
    await buy('after');
    expect(await subscriptionOf('after')).toMatchObject({
      plan: 'starter',
      amount_cents: 3900,
      price_is_current: true,
    });
    const old = await subscriptionOf('before');
    expect(old).toMatchObject({ plan: 'starter', amount_cents: 2900, price_is_current: false });
    expect((await shop.vendor('GET', `/v1/subscriptions/${old.id}`)).body.price_is_current).toBe(false);

    await shop.vendor('POST', '/sandbox/time/advance', { days: 33 });
    const { body: invoices } = await shop.vendor('GET', `/v1/invoices?subscription=${old.id}`);
    expect(invoices.data.map(({ amount_paid }: { amount_paid: number }) => amount_paid)).toEqual([2900, 2900]);
    expect(await subscriptionOf('before')).toMatchObject({ standing: 'current', price_is_current: false });
    const [license] = (await shop.call('GET', '/v1/licenses', await shop.tokenOf('before'))).body.data;
    expect(license).toMatchObject({ plan: 'starter', status: 'active' });

    await pushEdited(2900);
    expect(await subscriptionOf('before')).toMatchObject({ price_is_current: true });
    expect(await subscriptionOf('after')).toMatchObject({ amount_cents: 3900, price_is_current: false });
  });
});
