import { afterAll, beforeAll, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { recordCurrentPrice } from './price-repository.ts';

let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase({ poolSize: 8 });
});

afterAll(() => test.close());

it('a plan has one current price, however many processes with different catalogs push at once', async () => {
  const { database } = test;
  const record = (plan: string, price: number) =>
    database.transaction({ actor: { type: 'system', id: 'test' } }, (transaction) =>
      recordCurrentPrice(
        transaction,
        { product: 'acme', plan, fingerprint: `f${price}`, stripeProductId: 'prod', stripePriceId: `price_${price}` },
        new Date(),
      ),
    );
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(Array.from({ length: 8 }, (_, price) => record(`plan-${round}`, price)));
  }
  const counts = await database.connection
    .selectFrom('catalog_prices')
    .select(({ fn }) => ['plan', fn.countAll<number>().as('current')])
    .where('current', '=', true)
    .groupBy('plan')
    .execute();
  expect(counts).toHaveLength(20);
  expect(counts.filter(({ current }) => current !== 1)).toEqual([]);
});
