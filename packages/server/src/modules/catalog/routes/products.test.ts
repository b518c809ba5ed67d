import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../../test/support/database.ts';
import { createTestHttp } from '../../../../test/support/http.ts';
import { loadExampleCatalog } from '../../../../test/support/licensing.ts';
import type { Http } from '../../../http/index.ts';
import { registerProductRoutes } from './products.ts';

let test: TestDatabase;
let http: Http;

beforeAll(async () => {
  test = await createTestDatabase();
  http = await createTestHttp({ database: test.database });
  registerProductRoutes(http, (await loadExampleCatalog()).catalog);
});

afterAll(async () => {
  await http.close();
  await test.close();
});

const get = (url: string) => http.inject({ url });

describe('GET /v1/products', () => {
  it('200: every product, for anyone', async () => {
    const answer = await get('/v1/products');
    expect(answer.statusCode).toBe(200);
    const { data, has_more, next } = answer.json();
    expect(data.map((product: { id: string }) => product.id)).toEqual([
      'crypto-orchestrator',
      'infinite-server26',
      'investment-system',
      'quantum-falcon',
      'redline2',
    ]);
    expect([has_more, next]).toEqual([false, null]);
  });

  it('200: page by page, each product once', async () => {
    const seen: string[] = [];
    let after = '';
    do {
      const { data, next } = (await get(`/v1/products?limit=2${after}`)).json();
      expect(data.length).toBeLessThanOrEqual(2);
      seen.push(...data.map((product: { id: string }) => product.id));
      after = next === null ? '' : `&after=${next}`;
    } while (after !== '');
    expect(seen).toHaveLength(5);
    expect(new Set(seen).size).toBe(5);
  });

  it.each(['limit=0', 'limit=101', 'limit=x', 'after=nothing'])('400: %s', async (query) => {
    const answer = await get(`/v1/products?${query}`);
    expect([answer.statusCode, answer.json().code]).toEqual([400, 'invalid_request']);
  });

  it('says nothing of secrets, dunning or what Stripe calls a price', async () => {
    const { body } = await get('/v1/products');
    expect(body).not.toMatch(/secret|MASTER|LICENSE_|dunning|stripe/i);
  });
});

describe('GET /v1/products/:id', () => {
  it('200: plans with prices, features and limits', async () => {
    const product = (await get('/v1/products/infinite-server26')).json();
    expect(product.plans).toEqual([
      {
        id: 'license',
        name: 'Infinite Server26 License',
        description: 'One server. Renews every month, cancel at any time.',
        price: { amount_cents: 2500, currency: 'usd', interval: 'month', interval_count: 1, trial_days: 0 },
        inherits: null,
        features: [],
        highlights: [
          'One server for each licence',
          'Renews by itself every month',
          'Three days of grace when a payment fails',
        ],
        limits: {},
        term_days: 30,
        max_machines: 1,
        quantity: null,
        allowances: [],
      },
    ]);
  });

  it('200: packs with what they cost, and what other quantities do', async () => {
    const { packs, plans, credit, timed_use } = (await get('/v1/products/redline2')).json();
    expect(packs[1]).toEqual({
      id: 'medium',
      name: '10 hours',
      meter: 'hours',
      quantity: 10,
      amount_cents: 5000,
      currency: 'usd',
    });
    expect(plans[0].price).toBeNull();
    expect(credit).toEqual([
      {
        meter: 'hours',
        currency: 'usd',
        unit_amount_cents: 500,
        units_per_major: 0.2,
        custom: { minimum: 1, maximum: 1000 },
      },
    ]);
    expect(timed_use).toEqual({ meter: 'hours', interval_seconds: 300, parallel_sessions: 'allow' });
  });

  it('200: what a plan includes and what more costs', async () => {
    const { plans } = (await get('/v1/products/investment-system')).json();
    expect(plans[1].allowances).toEqual([
      { meter: 'calls', included: 1000, limit: 'overage', overage: { amount_cents: 3, per_units: 1, currency: 'usd' } },
    ]);
  });

  it('404: a product that is not sold here', async () => {
    const answer = await get('/v1/products/nothing');
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'resource_missing']);
  });
});

it('both calls are in the OpenAPI document', async () => {
  const { paths } = (await get('/openapi.json')).json();
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(['/v1/products', '/v1/products/{id}']));
});
