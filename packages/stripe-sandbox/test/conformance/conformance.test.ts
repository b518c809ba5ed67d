import { beforeAll, describe, expect, it } from 'vitest';
import type { Json, JsonObject } from '../../src/json.ts';
import type { Exchange } from '../../src/observer.ts';
import { exampleOf } from './example.ts';
import { createSubscription, customer, customerUpdated, deletedCustomer, price } from './fixtures.ts';
import { createConformanceObserver, sdkValidator } from './observer.ts';
import type { ConformanceDocument, Schema } from './schema-types.ts';
import { sdkFolder } from './sdk-program.ts';
import type { ConformanceValidator } from './validator.ts';

let validator: ConformanceValidator;
let document: ConformanceDocument;
beforeAll(async () => {
  validator = await sdkValidator();
  document = validator.document;
});

/** A copy with one place changed; `undefined` takes the property away. */
function changed(value: object, path: string, to: Json | undefined): JsonObject {
  const copy = structuredClone(value) as JsonObject;
  const names = path.split('.');
  const last = names.pop() ?? '';
  let place = copy;
  for (const name of names) place = place[name] as JsonObject;
  if (to === undefined) delete place[last];
  else place[last] = to;
  return copy;
}

const answerOf = (route: string): Schema => document.routes[route]?.answer ?? { enum: [`no route ${route}`] };
const paramsOf = (route: string): Schema => document.routes[route]?.params ?? { enum: [`no route ${route}`] };

describe('the schemas generated from the SDK', () => {
  it('are of the version the SDK is pinned to and cover every route and event of it', () => {
    expect(document.apiVersion).toBe('2026-10-28.endive');
    expect(Object.keys(document.routes).length).toBeGreaterThan(600);
    expect(Object.keys(document.events).length).toBeGreaterThan(250);
  });

  it('accept objects that the compiler accepts as the SDK types', () => {
    expect(validator.faults(answerOf('GET /v1/prices/{}'), price)).toEqual([]);
    expect(validator.faults(answerOf('GET /v1/customers/{}'), customer)).toEqual([]);
    expect(validator.faults(answerOf('GET /v1/customers/{}'), deletedCustomer)).toEqual([]);
    expect(validator.faults({ event: true }, customerUpdated)).toEqual([]);
    expect(validator.faults(paramsOf('POST /v1/subscriptions'), createSubscription)).toEqual([]);
    const list = { object: 'list', data: [price], has_more: false, url: '/v1/prices' };
    expect(validator.faults(answerOf('GET /v1/prices'), list)).toEqual([]);
  });

  it('accept an object in place of its id, and check it', () => {
    const product = exampleOf(document, answerOf('POST /v1/products')) as Json;
    expect(validator.faults(answerOf('GET /v1/prices/{}'), changed(price, 'product', product))).toEqual([]);
    const broken = changed(product as object, 'active', 'yes') as Json;
    expect(validator.faults(answerOf('GET /v1/prices/{}'), changed(price, 'product', broken))).toEqual([
      '/product/active must be boolean, not "yes"',
    ]);
  });

  const mutations: [string, object, string, Json | undefined, RegExp][] = [
    ['a missing required property', customer, 'balance', undefined, /^\/ must have required property 'balance'/],
    [
      'a missing nested property',
      price,
      'recurring.interval',
      undefined,
      /\/recurring must have required property 'interval'/,
    ],
    ['an unknown property', customer, 'nickname', 'ada', /"nickname"/],
    ['an unknown nested property', price, 'recurring.aggregate_usage', 'sum', /\/recurring .*"aggregate_usage"/],
    ['a number as text', price, 'unit_amount', '2500', /\/unit_amount must be/],
    ['a fraction where an amount is whole', price, 'unit_amount', 25.5, /\/unit_amount must be/],
    ['a decimal as a number', price, 'unit_amount_decimal', 2500, /\/unit_amount_decimal must be/],
    ['a decimal that is none', price, 'unit_amount_decimal', '25,00', /\/unit_amount_decimal must/],
    [
      'a value outside an enumeration',
      price,
      'recurring.interval',
      'fortnight',
      /\/recurring\/interval must be equal to one of/,
    ],
    ['another object in place', customer, 'object', 'account', /\/object/],
    ['null where nothing may be null', price, 'active', null, /\/active must be boolean/],
    ['an object where an id belongs', price, 'lookup_key', {}, /\/lookup_key must be/],
    ['metadata that is not text', price, 'metadata.plan', 1, /\/metadata\/plan must be string/],
    ['a boolean as text', customer, 'livemode', 'false', /\/livemode must be boolean/],
    ['an expanded object of another kind', price, 'product', { id: 'x', object: 'plan' }, /\/product\/object/],
    ['deleted set on what is not deleted', customer, 'deleted', false, /"deleted"/],
  ];
  it.each(mutations)('catch %s', (_name, value, path, to, expected) => {
    const route = value === price ? 'GET /v1/prices/{}' : 'GET /v1/customers/{}';
    expect(validator.faults(answerOf(route), changed(value, path, to)).join('\n')).toMatch(expected);
  });

  const eventMutations: [string, string, Json | undefined, RegExp][] = [
    ['an unknown event type', 'type', 'customer.renamed', /\/type must be equal to one of/],
    ['a fault in its object', 'data.object.email', 1, /\/data\/object\/email must be/],
    ['a previous attribute that does not exist', 'data.previous_attributes.mail', 'x', /"mail"/],
    [
      'a previous attribute of another type',
      'data.previous_attributes.balance',
      'x',
      /\/data\/previous_attributes\/balance/,
    ],
    ['no request', 'request', undefined, /required property 'request'/],
  ];
  it.each(eventMutations)('catch, in an event, %s', (_name, path, to, expected) => {
    const faults = validator.faults({ event: true }, changed(customerUpdated, path, to));
    expect(faults.join('\n')).toMatch(expected);
  });

  it('let previous attributes name any part, however deep, and null for what was not there', () => {
    const partial = changed(customerUpdated, 'data.previous_attributes', {
      invoice_settings: { default_payment_method: null },
      metadata: { plan: null },
      shipping: null,
    });
    expect(validator.faults({ event: true }, partial)).toEqual([]);
  });

  const requestMutations: [string, string, Json | undefined, RegExp][] = [
    ['an unknown parameter', 'plan', 'x', /"plan"/],
    ['an unknown nested parameter', 'items.0.amount', '5', /\/items\/0 .*"amount"/],
    ['a value outside an enumeration', 'payment_behavior', 'later', /\/payment_behavior must be equal/],
    ['a list that is none', 'items', 'price_1', /\/items must be array/],
    ['a number that is none', 'items.0.quantity', 'two', /\/items\/0\/quantity must match/],
  ];
  it.each(requestMutations)('catch, in a request, %s', (_name, path, to, expected) => {
    const faults = validator.faults(paramsOf('POST /v1/subscriptions'), changed(createSubscription, path, to));
    expect(faults.join('\n')).toMatch(expected);
  });

  it('take what form encoding makes of numbers, booleans and unset values', () => {
    const params = {
      customer: 'cus_1',
      items: [{ price: 'price_1', quantity: '2' }],
      cancel_at_period_end: 'true',
      default_tax_rates: '',
      trial_end: '1760000000',
    };
    expect(validator.faults(paramsOf('POST /v1/subscriptions'), params)).toEqual([]);
  });

  it('have an example for every route, which conforms, and is caught when any required property is missing', () => {
    const unmarked: string[] = [];
    for (const [route, { answer }] of Object.entries(document.routes)) {
      if (!route.includes(' /v1/') || answer.event || answer.properties?.data !== undefined) continue;
      const example = exampleOf(document, answer);
      expect(validator.faults(answer, example), route).toEqual([]);
      if (typeof example !== 'object' || example === null) continue;
      for (const name of Object.keys(example)) {
        if (validator.faults(answer, changed(example, name, undefined)).length === 0) unmarked.push(`${route} ${name}`);
      }
    }
    expect(unmarked).toEqual([]);
  }, 60_000);
});

describe('the observer', () => {
  const exchange: Exchange = {
    method: 'GET',
    path: '/v1/prices/price_1',
    route: '/v1/prices/{price}',
    query: {},
    params: {},
    status: 200,
    body: price as unknown as JsonObject,
    apiVersion: '2026-10-28.endive',
  };

  it('passes what conforms and counts what it has seen', async () => {
    const observer = await createConformanceObserver();
    observer.exchange(exchange);
    observer.event(customerUpdated as unknown as JsonObject);
    observer.assertConforms();
    expect(observer.seen).toEqual({ answers: 1, requests: 1, errors: 0, events: 1 });
  });

  it('lists each departure once with its route, its place and how often it came', async () => {
    const observer = await createConformanceObserver();
    const body = changed(price, 'active', 1);
    observer.exchange({ ...exchange, body });
    observer.exchange({ ...exchange, body });
    observer.exchange({ ...exchange, query: { limit: 3 } });
    expect(() => observer.assertConforms()).toThrow(
      /GET \/v1\/prices\/\{price\} answer: \/active must be boolean, not 1 \(2 times\)\n.*request: .*"limit"/,
    );
  });

  it('checks error bodies, and leaves the request of a refused call alone', async () => {
    const observer = await createConformanceObserver();
    const refused = { ...exchange, status: 400, params: { nonsense: '1' } };
    observer.exchange({ ...refused, body: { error: { type: 'invalid_request_error', message: 'no such parameter' } } });
    observer.assertConforms();
    observer.exchange({ ...refused, body: { message: 'no' } });
    expect(() => observer.assertConforms()).toThrow(/400 error: .*required property 'error'/);
  });

  it('names a route that the SDK does not have', async () => {
    const observer = await createConformanceObserver();
    observer.exchange({ ...exchange, method: 'PUT' });
    expect(() => observer.assertConforms()).toThrow(/PUT \/v1\/prices\/\{\}: the SDK has no such route/);
  });

  it('lets through what is rendered for another version', async () => {
    const observer = await createConformanceObserver();
    observer.exchange({ ...exchange, body: {}, apiVersion: '2024-06-20' });
    observer.event(changed({ ...customerUpdated, data: {} }, 'api_version', '2024-06-20'));
    observer.assertConforms();
    expect(observer.seen.answers).toBe(0);
  });
});

describe('the generator', () => {
  it('reads the SDK that the tests import', () => {
    expect(sdkFolder()).toMatch(/node_modules\/stripe\/esm$/);
  });
});
