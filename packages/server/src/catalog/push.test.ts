import type { Catalog, Interval } from '@latchkey/core';
import Stripe from 'stripe';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import { assembleCatalog } from './load.ts';
import { currentPrice, planOfPrice } from './price-repository.ts';
import { pushCatalog } from './push.ts';
import type { NewStripePrice, StripeCatalogApi, StripePriceSummary } from './stripe-catalog-api.ts';

const { clock } = createTestPorts();
let sandbox: TestSandbox;
let stripe: Stripe;
let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});

afterAll(() => test.close());

beforeEach(async () => {
  await test.database.connection.deleteFrom('catalog_prices').execute();
  sandbox = await startTestSandbox();
  stripe = new Stripe('sk_test_push', { host: '127.0.0.1', port: sandbox.port, protocol: 'http' });
});

afterEach(() => sandbox.close());

const INTERVALS: readonly Interval[] = ['day', 'week', 'month', 'year'];

/** The calls of the interface made with the SDK and nothing else. */
function apiOf(sdk: Stripe): StripeCatalogApi {
  const summary = (price: Stripe.Price): StripePriceSummary => ({
    id: price.id,
    productId: typeof price.product === 'string' ? price.product : price.product.id,
    active: price.active,
    lookupKey: price.lookup_key,
    amountCents: price.unit_amount,
    currency: price.currency,
    interval: INTERVALS.find((interval) => interval === price.recurring?.interval) ?? null,
    intervalCount: price.recurring?.interval_count ?? 1,
  });
  const find = async (lookupKey: string) => (await sdk.prices.list({ lookup_keys: [lookupKey], limit: 1 })).data[0];
  const create = (price: NewStripePrice) =>
    sdk.prices.create(
      {
        product: price.productId,
        lookup_key: price.lookupKey,
        nickname: price.nickname,
        unit_amount: price.amountCents,
        currency: price.currency,
        metadata: price.metadata,
        ...(price.interval === null
          ? {}
          : { recurring: { interval: price.interval, interval_count: price.intervalCount } }),
      },
      { idempotencyKey: price.idempotencyKey },
    );
  return {
    async findOrCreateProduct({ idempotencyKey, description, ...product }) {
      const optional = description === null ? {} : { description };
      const known = await sdk.products.retrieve(product.id).catch((error: Stripe.errors.StripeError) => {
        if (error.code !== 'resource_missing') throw error;
        return sdk.products.create({ ...product, ...optional }, { idempotencyKey });
      });
      return { id: known.id, name: known.name, description: known.description, active: known.active };
    },
    async updateProduct(id, { name, description }) {
      await sdk.products.update(id, { name, description: description ?? '', active: true });
    },
    async findOrCreatePrice(price) {
      return summary((await find(price.lookupKey)) ?? (await create(price)));
    },
    findOrCreateMeter: () => Promise.reject(new Error('nothing here is metered')),
    findOrCreateMeteredPrice: () => Promise.reject(new Error('nothing here is metered')),
    async activatePrice(id) {
      await sdk.prices.update(id, { active: true });
    },
    async retrievePrice(id) {
      return sdk.prices.retrieve(id).then(summary, (error: Stripe.errors.StripeError) => {
        if (error.code !== 'resource_missing') throw error;
        return null;
      });
    },
  };
}

const acme = `id: acme
name: Acme
description: What it does.
key:
  scheme: random
plans:
  - id: trial
    name: Trial
    price: null
  - id: free
    name: Free
    price: { amount: 0, currency: usd, interval: month }
  - id: pro
    name: Pro
    price: { amount: 2500, currency: usd, interval: month, trial_days: 14 }
  - id: quarterly
    name: Quarterly
    price: { amount: 7000, currency: eur, interval: month, interval_count: 3 }
  - id: lifetime
    name: Lifetime
    price: { amount: 50000, currency: usd, interval: once }
`;

async function catalogOf(text: string): Promise<Catalog> {
  return (await assembleCatalog([{ name: 'acme.yaml', bytes: Buffer.from(text) }], { environment: {} })).catalog;
}

async function push(text: string, database = test.database) {
  return pushCatalog({ database, api: apiOf(stripe), catalog: await catalogOf(text), clock });
}

async function inStripe() {
  const [products, prices] = await Promise.all([
    stripe.products.list({ limit: 100 }),
    stripe.prices.list({ limit: 100 }),
  ]);
  return { products: products.data, prices: prices.data };
}

describe('a pushed catalog', () => {
  it('has one product and one price for each plan that is paid', async () => {
    const pushed = await push(acme);
    expect(pushed.map(({ plan, change }) => [plan, change])).toEqual([
      ['pro', 'added'],
      ['quarterly', 'added'],
      ['lifetime', 'added'],
    ]);
    const { products, prices } = await inStripe();
    expect(products).toMatchObject([{ id: 'latchkey_acme', name: 'Acme', description: 'What it does.' }]);
    const sold = prices.map((price) => [
      price.metadata.latchkey_plan,
      price.unit_amount,
      price.currency,
      price.recurring?.interval_count,
    ]);
    expect(sold.toSorted()).toEqual([
      ['lifetime', 50_000, 'usd', undefined],
      ['pro', 2500, 'usd', 1],
      ['quarterly', 7000, 'eur', 3],
    ]);
  });

  it('is found, not made again, however often it is pushed', async () => {
    const first = await push(acme);
    const again = await push(acme);
    expect(again).toEqual(first.map((each) => ({ ...each, change: 'unchanged' })));
    expect((await inStripe()).prices).toHaveLength(3);
  });

  it('is made once when two processes push it at the same moment', async () => {
    const other = await createTestDatabase();
    try {
      const [here, there] = await Promise.all([push(acme), push(acme, other.database)]);
      expect(there.map(({ stripePriceId }) => stripePriceId)).toEqual(here.map(({ stripePriceId }) => stripePriceId));
    } finally {
      await other.close();
    }
    const { products, prices } = await inStripe();
    expect([products.length, prices.length]).toEqual([1, 3]);
  });

  it('is found by a database that has forgotten it', async () => {
    const first = await push(acme);
    await test.database.connection.deleteFrom('catalog_prices').execute();
    expect(await push(acme)).toEqual(first);
    expect((await inStripe()).prices).toHaveLength(3);
  });

  it('finishes what a broken-off push began', async () => {
    const api = apiOf(stripe);
    const interrupted: StripeCatalogApi = {
      ...api,
      async findOrCreatePrice(price) {
        const made = await api.findOrCreatePrice(price);
        if (price.metadata.latchkey_plan === 'quarterly') throw new Error('the connection broke');
        return made;
      },
    };
    const catalog = await catalogOf(acme);
    const broken = pushCatalog({ database: test.database, api: interrupted, catalog, clock });
    await expect(broken).rejects.toThrow('the connection broke');
    expect((await push(acme)).map(({ change }) => change)).toEqual(['unchanged', 'added', 'added']);
    expect((await inStripe()).prices).toHaveLength(3);
  });

  it('carries a new name over to Stripe', async () => {
    await push(acme);
    await push(acme.replace('name: Acme', 'name: Acme Deluxe'));
    expect((await inStripe()).products).toMatchObject([{ id: 'latchkey_acme', name: 'Acme Deluxe' }]);
  });
});

describe('a price that changed', () => {
  it('becomes a new price, and the old one still leads to its plan', async () => {
    const [before] = await push(acme);
    const [after] = await push(acme.replace('amount: 2500', 'amount: 3000'));
    expect(after).toMatchObject({ plan: 'pro', change: 'replaced' });
    expect(after?.stripePriceId).not.toBe(before?.stripePriceId);
    const { connection } = test.database;
    expect((await currentPrice(connection, 'acme', 'pro'))?.stripePriceId).toBe(after?.stripePriceId);
    for (const price of [before, after]) {
      expect(await planOfPrice(connection, price?.stripePriceId ?? '')).toEqual({ product: 'acme', plan: 'pro' });
    }
    expect(await planOfPrice(connection, 'price_of_somebody_else')).toBeNull();
  });

  it('and changed back is the first price again', async () => {
    const [before] = await push(acme);
    await push(acme.replace('amount: 2500', 'amount: 3000'));
    const [back] = await push(acme);
    expect(back).toEqual({ ...before, change: 'replaced' });
    expect((await inStripe()).prices).toHaveLength(4);
  });

  it('leaves one current price, whoever pushed last', async () => {
    await Promise.all([push(acme), push(acme.replace('amount: 2500', 'amount: 3000'))]);
    const current = test.database.connection.selectFrom('catalog_prices').selectAll().where('current', '=', true);
    expect(await current.where('plan', '=', 'pro').execute()).toHaveLength(1);
  });

  it('is not changed by a trial, which Stripe keeps on the subscription', async () => {
    await push(acme);
    const again = await push(acme.replace('trial_days: 14', 'trial_days: 30'));
    expect(again.map(({ change }) => change)).toEqual(['unchanged', 'unchanged', 'unchanged']);
  });

  it('is put on sale again when somebody archived it', async () => {
    const [pro] = await push(acme);
    const id = pro?.stripePriceId ?? '';
    await stripe.prices.update(id, { active: false });
    await push(acme);
    expect((await stripe.prices.retrieve(id)).active).toBe(true);
  });
});

describe('a price that the catalog names by its id', () => {
  const existing = async (price: Partial<Stripe.PriceCreateParams> = {}) => {
    const { id: product } = await stripe.products.create({ name: 'Made by hand' });
    const recurring = { interval: 'month' } as const;
    return stripe.prices.create({ product, unit_amount: 2500, currency: 'usd', recurring, ...price });
  };
  const naming = (id: string) => acme.replace('trial_days: 14', `stripe_price: ${id}`);

  it('is used as it is', async () => {
    const price = await existing();
    const [pro] = await push(naming(price.id));
    expect(pro).toEqual({ product: 'acme', plan: 'pro', stripePriceId: price.id, change: 'added' });
    expect(await planOfPrice(test.database.connection, price.id)).toEqual({ product: 'acme', plan: 'pro' });
    expect((await inStripe()).prices).toHaveLength(3);
  });

  it('is refused when Stripe does not have it', async () => {
    await expect(push(naming('price_nowhere'))).rejects.toThrow(
      'The plan pro of acme names the price price_nowhere, which this Stripe account does not have.',
    );
  });

  it.each<[Partial<Stripe.PriceCreateParams>, string]>([
    [{ unit_amount: 2600 }, 'costs 26.00 USD there and 25.00 USD in the catalog'],
    [{ currency: 'eur' }, 'costs 25.00 EUR there and 25.00 USD in the catalog'],
    [{ recurring: { interval: 'year' } }, 'is paid every year there and every month in the catalog'],
    [{ active: false }, 'is archived there'],
  ])('is refused when it is another: %j', async (difference, message) => {
    await expect(push(naming((await existing(difference)).id))).rejects.toThrow(message);
    expect(await currentPrice(test.database.connection, 'acme', 'pro')).toBeNull();
  });
});
