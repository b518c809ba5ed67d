/** The catalogs that ship with the product say what the systems they stand for sell. */

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { Catalog, Plan } from '@latchkey/core';
import { Ajv } from 'ajv';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { catalogJsonSchema, catalogJsonSchemaText } from './json-schema.ts';
import { type LoadedCatalog, loadCatalog } from './load.ts';

const directory = fileURLToPath(new URL('../../../../', import.meta.url));
const secretFor = () => '5'.repeat(64);

let loaded: LoadedCatalog;

beforeAll(async () => {
  loaded = await loadCatalog({ location: './examples/*/catalog.yaml', directory, environment: {}, secretFor });
});

function productOf(catalog: Catalog, id: string) {
  const product = catalog.products.find((each) => each.id === id);
  if (product === undefined) throw new Error(`there is no example ${id}`);
  return product;
}

const prices = (plans: readonly Plan[]) => plans.map((plan) => [plan.id, plan.price?.amountCents ?? null]);

describe('the example catalogs', () => {
  it('are five', () => {
    expect(loaded.catalog.products.map((product) => product.id)).toEqual([
      'crypto-orchestrator',
      'infinite-server26',
      'investment-system',
      'quantum-falcon',
      'redline2',
    ]);
  });

  it('infinite-server26: 25 dollars a month, one machine, 30 days, three failures', () => {
    const product = productOf(loaded.catalog, 'infinite-server26');
    expect(product.keyScheme).toEqual({
      name: 'sha512-hmac',
      prefix: null,
      secret: { variable: 'LICENSE_MASTER_SECRET', encoding: 'utf8' },
    });
    expect(product.plans).toMatchObject([
      {
        id: 'license',
        price: { amountCents: 2500, currency: 'usd', interval: 'month', intervalCount: 1, trialDays: 0 },
        license: { termDays: 30, maxMachines: 1, requireMachine: false },
      },
    ]);
    expect(product.dunning).toEqual({ graceDays: 3, whenGraceEnds: 'suspend', failuresBeforeRevocation: 3 });
    expect(product.cancellation.effect).toBe('revoke');
  });

  it('crypto-orchestrator: four tiers and a trial, limits as enforced, a demo mode', () => {
    const product = productOf(loaded.catalog, 'crypto-orchestrator');
    expect(prices(product.plans)).toEqual([
      ['trial', null],
      ['free', 0],
      ['basic', 4900],
      ['pro', 9900],
      ['enterprise', 29900],
    ]);
    expect(product.plans.map((plan) => plan.limits.max_bots)).toEqual([3, 5, 10, 100, -1]);
    expect(product.plans[0]?.license.termDays).toBe(14);
    expect(product.plans[4]?.entitlements).toContain('api_access');
    expect(product.demo).toMatchObject({ enabled: true, limits: { max_bots: 3 } });
  });

  it('redline2: an hour for five dollars, in packs of 5, 10, 20 and 50', () => {
    const product = productOf(loaded.catalog, 'redline2');
    expect(
      product.packs.map(({ id, quantity, amountCents, currency }) => [id, quantity, amountCents, currency]),
    ).toEqual([
      ['small', 5, 2500, 'usd'],
      ['medium', 10, 5000, 'usd'],
      ['large', 20, 10_000, 'usd'],
      ['xlarge', 50, 25_000, 'usd'],
    ]);
    expect(product.creditRates[0]?.unitsPerMajor).toEqual({ numerator: 1, denominator: 5 });
    expect(product.timedUse?.intervalSeconds).toBe(300);
  });

  it('redline2: follows HOURS_PER_DOLLAR, PAYMENT_CURRENCY and USAGE_CHECK_INTERVAL', async () => {
    const environment = { HOURS_PER_DOLLAR: '0.5', PAYMENT_CURRENCY: 'eur', USAGE_CHECK_INTERVAL: '60' };
    const { catalog } = await loadCatalog({ location: 'examples/redline2', directory, environment, secretFor });
    const product = productOf(catalog, 'redline2');
    expect(product.packs[0]).toMatchObject({ amountCents: 1000, currency: 'eur' });
    expect(product.timedUse?.intervalSeconds).toBe(60);
  });

  it('quantum-falcon: each tier has what the one below it has, and one is for life', () => {
    const { plans } = productOf(loaded.catalog, 'quantum-falcon');
    expect(plans.map((plan) => plan.features.length)).toEqual([4, 6, 7, 6]);
    expect(plans.map((plan) => plan.entitlements.length)).toEqual([4, 10, 17, 23]);
    expect(plans[3]?.entitlements.slice(0, 2)).toEqual(['all_elite_features', 'lifetime_updates']);
    expect(plans[3]).toMatchObject({ price: { interval: null }, license: { termDays: null } });
  });

  it('investment-system: calls included, overage, and what an endpoint costs', () => {
    const product = productOf(loaded.catalog, 'investment-system');
    const offers = product.plans.map(({ id, price, allowances: [allowance] }) => [
      id,
      price?.amountCents,
      allowance?.included,
      allowance?.overage?.amountCents ?? null,
    ]);
    expect(offers).toEqual([
      ['free', 0, 100, null],
      ['starter', 2900, 1000, 3],
      ['pro', 9900, 10_000, 2],
      ['enterprise', 49_900, 100_000, 1],
    ]);
    expect(product.meters[0]?.endpointCosts.map((cost) => cost.units)).toEqual([1, 2, 3, 5]);
  });

  it('need no secret, and no variable, that the sandbox does not make', async () => {
    const failure = loadCatalog({ location: './examples/*/catalog.yaml', directory, environment: {} });
    const message = await failure.catch((error: Error) => error.message);
    expect(String(message).match(/[A-Z_]+(?=, which is not set)/g)).toEqual([
      'LICENSE_SECRET_KEY',
      'LICENSE_MASTER_SECRET',
      'MASTER_KEY',
    ]);
  });
});

describe('the JSON Schema for editors', () => {
  it('is the one the fields make (else: node packages/server/src/catalog/write-json-schema.ts)', async () => {
    const stored = await readFile(new URL('docs/catalog.schema.json', `file://${directory}`), 'utf8');
    expect(stored).toBe(catalogJsonSchemaText());
  });

  it('accepts every example as it is written, references and all', async () => {
    const validate = new Ajv({ validateFormats: false }).compile(catalogJsonSchema());
    for (const file of loaded.files) {
      const accepted = validate(parse(await readFile(`${directory}/${file}`, 'utf8')));
      expect(accepted, `${file}: ${JSON.stringify(validate.errors)}`).toBe(true);
    }
  });

  it('refuses a misspelt field and a price in fractions of a cent', () => {
    const validate = new Ajv({ validateFormats: false }).compile(catalogJsonSchema());
    const price = { amount: 2500, currency: 'usd', interval: 'month' };
    const product = (plan: object) => ({
      id: 'a',
      name: 'A',
      key: { scheme: 'random' },
      plans: [{ id: 'p', name: 'P', ...plan }],
    });
    expect(validate(product({ price }))).toBe(true);
    expect(validate(product({ price: { ...price, amount: 25.5 } }))).toBe(false);
    expect(validate(product({ price, pricing: price }))).toBe(false);
  });
});
