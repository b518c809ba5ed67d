import type { Catalog } from '@latchkey/core';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import type { Wire } from '../../../../test/support/wire.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import { createStripeClient, type StripeClient } from '../stripe/client/index.ts';
import { assembleCatalog } from './load.ts';
import { overagePricesBeside } from './overage-price-repository.ts';
import { currentPrice } from './price-repository.ts';
import { pushCatalog } from './push.ts';

const { clock } = createTestPorts();
let sandbox: TestSandbox;
let api: StripeClient;
let test: TestDatabase;

beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

beforeEach(async () => {
  await test.database.connection.deleteFrom('catalog_prices').execute();
  await test.database.connection.deleteFrom('catalog_overage_prices').execute();
  sandbox = await startTestSandbox();
  const apiUrl = `http://127.0.0.1:${sandbox.port}`;
  api = createStripeClient({ secretKey: 'sk_test_push', apiUrl, log: pino({ level: 'silent' }) });
});
afterEach(() => sandbox.close());

const signals = `id: signals
name: Signals
key: { scheme: random }
meters:
  - { id: calls, name: Calls, unit: call }
  - { id: rows, name: Rows, unit: row }
  - { id: hours, name: Hours, unit: hour, kind: time }
plans:
  - { id: free, name: Free, price: { amount: 0, currency: usd, interval: month } }
  - id: starter
    name: Starter
    price: { amount: 2900, currency: usd, interval: month }
    allowances:
      - { meter: calls, included: 1000, beyond: bill, overage: { amount: 3 } }
      - { meter: rows, included: 100, beyond: bill, overage: { amount: 5, per: 1000 } }
      - { meter: hours, included: 1, beyond: bill, overage: { amount: 100 } }
  - id: pro
    name: Pro
    price: { amount: 9900, currency: usd, interval: month }
    allowances:
      - { meter: calls, included: 10000, beyond: bill, overage: { amount: 2 } }
      - { meter: rows, included: 100, beyond: bill, overage: { amount: 1, per: 3 } }
`;

async function catalogOf(text: string): Promise<Catalog> {
  return (await assembleCatalog([{ name: 'signals.yaml', bytes: Buffer.from(text) }], { environment: {} })).catalog;
}

async function push(text: string, database = test.database) {
  return pushCatalog({ database, api, catalog: await catalogOf(text), clock });
}

/** At Stripe: for each metered price its plan, its meter here, its amount, and the name its meter listens to. */
async function inStripe() {
  const at = async (path: string) => {
    const answer = await fetch(`http://127.0.0.1:${sandbox.port}${path}`, {
      headers: { authorization: 'Bearer sk_test_push' },
    });
    return ((await answer.json()) as Wire).data;
  };
  const meters = await at('/v1/billing/meters?limit=100');
  const prices = await at('/v1/prices?limit=100&recurring[usage_type]=metered');
  return { meters, prices };
}

async function beside(plan: string) {
  const { connection } = test.database;
  const price = await currentPrice(connection, 'signals', plan);
  return overagePricesBeside(connection, price?.stripePriceId ?? '');
}

describe('what is charged beyond a plan, pushed', () => {
  it('is a meter and a metered price for each rate that is a decimal of a sum', async () => {
    await push(signals);
    const { meters, prices } = await inStripe();
    const rates = prices.map((price: { metadata: Record<string, string>; unit_amount_decimal: string }) => [
      price.metadata.latchkey_plan,
      price.metadata.latchkey_meter,
      price.unit_amount_decimal,
    ]);
    expect(rates.toSorted()).toEqual([
      ['pro', 'calls', '2'],
      ['starter', 'calls', '3'],
      ['starter', 'rows', '0.005'],
    ]);
    expect(new Set(prices.map((price: { recurring: { meter: string } }) => price.recurring.meter)).size).toBe(3);
    expect(meters.map((meter: { default_aggregation: object }) => meter.default_aggregation)).toEqual(
      Array.from({ length: 3 }, () => ({ formula: 'sum' })),
    );
    expect((await beside('starter')).map(({ meter, plan }) => [meter, plan])).toEqual([
      ['calls', 'starter'],
      ['rows', 'starter'],
    ]);
    expect((await beside('pro')).map(({ meter }) => meter)).toEqual(['calls']);
  });

  it('stands beside a price of nothing where a plan is billed by use alone, while a free plan has neither', async () => {
    const billed = '    allowances: [{ meter: calls, included: 0, beyond: bill, overage: { amount: 7 } }]\n';
    const nothing = 'price: { amount: 0, currency: usd, interval: month }';
    await push(`${signals}  - id: payg\n    name: By use\n    ${nothing}\n${billed}`);
    const { connection } = test.database;
    const price = await api.retrievePrice((await currentPrice(connection, 'signals', 'payg'))?.stripePriceId ?? '');
    expect(price).toMatchObject({ amountCents: 0, interval: 'month', active: true });
    expect(await beside('payg')).toMatchObject([{ meter: 'calls', unitAmount: '7' }]);
    expect(await currentPrice(connection, 'signals', 'free')).toBeNull();
  });

  it('is made once, however often and from how many databases it is pushed', async () => {
    const other = await createTestDatabase();
    try {
      await Promise.all([push(signals), push(signals, other.database)]);
      await push(signals);
    } finally {
      await other.close();
    }
    const { meters, prices } = await inStripe();
    expect([meters.length, prices.length]).toEqual([3, 3]);
  });

  it('is another meter and price once the rate is another, and the first again when it is changed back', async () => {
    await push(signals);
    const [first] = await beside('pro');
    await push(signals.replace('overage: { amount: 2 }', 'overage: { amount: 4 }'));
    const [second] = await beside('pro');
    expect(second?.stripeMeterId).not.toBe(first?.stripeMeterId);
    expect(second?.stripePriceId).not.toBe(first?.stripePriceId);
    await push(signals);
    expect(await beside('pro')).toEqual([first]);
  });

  it('is nothing where a product puts it on its invoices as amounts', async () => {
    await push(signals);
    await push(`${signals}overage: invoice_items\n`);
    expect(await beside('starter')).toEqual([]);
  });
});
