import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCustomer, createPrice, sdk, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
});
afterAll(() => test.close());

async function raw(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  const response = await fetch(`${test.url}${path}`, {
    method,
    headers: { authorization: 'Bearer sk_test_raw', 'content-type': 'application/x-www-form-urlencoded', ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const answer = (await response.json()) as { error: { type: string; code?: string; param?: string; message: string } };
  return { status: response.status, body: answer };
}

describe('authentication', () => {
  it('takes any sk_test key as bearer or as the user name of HTTP Basic', async () => {
    const basic = Buffer.from('sk_test_anything:').toString('base64');
    expect((await raw('GET', '/v1/account', undefined, { authorization: `Basic ${basic}` })).status).toBe(200);
    expect((await raw('GET', '/v1/account')).status).toBe(200);
  });

  it('answers 401 with an error to no key, a broken key and a live key', async () => {
    for (const authorization of ['', 'Bearer nonsense', 'Bearer sk_live_abc', 'Basic !!!']) {
      const { status, body } = await raw('GET', '/v1/account', undefined, { authorization });
      expect({ authorization, status, type: body.error.type }).toEqual({
        authorization,
        status: 401,
        type: 'invalid_request_error',
      });
    }
    const error = await stripeError(
      new Stripe('sk_live_x', { protocol: 'http', host: '127.0.0.1', port: test.port }).balance.retrieve(),
    );
    expect(error.type).toBe('StripeAuthenticationError');
  });
});

describe('errors', () => {
  it('answer an unknown id with resource_missing, 404 in the path and 400 in a parameter', async () => {
    const inPath = await stripeError(stripe.customers.retrieve('cus_none'));
    expect(inPath).toMatchObject({
      statusCode: 404,
      code: 'resource_missing',
      param: 'id',
      message: "No such customer: 'cus_none'",
    });
    const inBody = await stripeError(
      stripe.subscriptions.create({ customer: 'cus_none', items: [{ price: 'price_x' }] }),
    );
    expect(inBody).toMatchObject({ statusCode: 400, code: 'resource_missing', param: 'customer' });
  });

  it('have an error object on unknown routes, which the SDK would take for a success without one', async () => {
    const { status, body } = await raw('GET', '/v1/nonsense');
    expect(status).toBe(404);
    expect(body.error.type).toBe('invalid_request_error');
    expect((await raw('GET', '/v2/core/nonsense')).body.error.message).toContain('/v2/core/nonsense');
  });

  it.each([
    ['email[a]=1', undefined, 'email'],
    ['nickname=x', 'parameter_unknown', 'nickname'],
    ['shipping[name]=A', 'parameter_missing', 'shipping[address]'],
    ['next_invoice_sequence=three', 'parameter_invalid_integer', 'next_invoice_sequence'],
    ['tax_exempt=maybe', undefined, 'tax_exempt'],
    ['invoice_settings[custom_fields][0][foo]=1', 'parameter_unknown', 'invoice_settings[custom_fields][0][foo]'],
    ['preferred_locales=de', undefined, 'preferred_locales'],
    ['source=tok_visa', 'sandbox_unsupported', 'source'],
    ['expand[]=email', undefined, 'expand'],
  ])('refuse %s with code %s, naming %s', async (form, code, param) => {
    const { status, body } = await raw('POST', '/v1/customers', form);
    expect(status).toBe(400);
    expect(body.error.type).toBe('invalid_request_error');
    expect(body.error.code).toBe(code);
    expect(body.error.param).toBe(param);
  });

  it('refuse a body of more than 1 MiB, a body that is not a form, and a parameter that is a value and a hash', async () => {
    expect((await raw('POST', '/v1/customers', `description=${'x'.repeat(1024 * 1024)}`)).status).toBe(413);
    expect((await raw('POST', '/v1/customers', '{"email":"a"}', { 'content-type': 'application/json' })).status).toBe(
      400,
    );
    expect((await raw('POST', '/v1/customers', 'metadata=1&metadata[a]=2')).status).toBe(400);
  });

  it('do not let a parameter named __proto__ reach anything', async () => {
    const { status, body } = await raw('POST', '/v1/customers', '__proto__[polluted]=1');
    expect(status).toBe(400);
    expect(body.error.param).toBe('__proto__');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('name the item and member that is wrong in an array of hashes', async () => {
    const error = await stripeError(
      stripe.subscriptions.create({ customer: 'cus_x', items: [{ price: 'price_x', foo: 1 } as object] }),
    );
    expect(error).toMatchObject({ statusCode: 400, code: 'parameter_unknown', param: 'items[0][foo]' });
  });
});

describe('every answer', () => {
  it('carries a request id, the version, the idempotency key and the date of the sandbox clock', async () => {
    const later = await startTestStripe();
    const to = (await later.now()) + 400 * 86_400;
    await later.moveTo(to);
    const response = await fetch(`${later.url}/v1/customers`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_x', 'idempotency-key': 'k-1', 'stripe-version': '2024-06-20' },
    });
    expect(response.headers.get('request-id')).toMatch(/^req_\w{14}$/);
    expect(response.headers.get('stripe-version')).toBe('2024-06-20');
    expect(response.headers.get('idempotency-key')).toBe('k-1');
    expect(Math.abs(Date.parse(response.headers.get('date') ?? '') / 1000 - to)).toBeLessThanOrEqual(5);
    const customer = (await response.json()) as { created: number; livemode: boolean };
    expect(customer.created).toBeGreaterThanOrEqual(to);
    expect(customer.livemode).toBe(false);
    await later.close();
  });

  it('is of the newest version unless another is asked for', async () => {
    const customer = await stripe.customers.create();
    expect(customer.lastResponse.apiVersion).toBe('2026-10-28.endive');
    expect((await raw('GET', '/v1/account', undefined, { 'stripe-version': 'yesterday' })).status).toBe(400);
  });
});

describe('metadata', () => {
  it('is merged: given keys are set, empty ones removed, the others stay; an empty string clears all', async () => {
    const { id } = await stripe.customers.create({ metadata: { a: '1', b: '2' } });
    const merged = await stripe.customers.update(id, { metadata: { b: '', c: 3 } });
    expect(merged.metadata).toEqual({ a: '1', c: '3' });
    expect((await stripe.customers.update(id, { metadata: '' })).metadata).toEqual({});
  });

  it('is limited to 50 keys of 40 characters with values of 500', async () => {
    const keys = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`key${index}`, 'v']));
    const { id } = await stripe.customers.create({ metadata: keys(50) });
    expect((await stripeError(stripe.customers.update(id, { metadata: { another: 'v' } }))).param).toBe('metadata');
    expect((await stripeError(stripe.customers.create({ metadata: { ['k'.repeat(41)]: 'v' } }))).statusCode).toBe(400);
    expect((await stripeError(stripe.customers.create({ metadata: { k: 'v'.repeat(501) } }))).param).toBe(
      'metadata[k]',
    );
    expect((await stripe.customers.create({ metadata: { ['k'.repeat(40)]: 'v'.repeat(500) } })).id).toMatch(
      /^cus_\w{14}$/,
    );
  });
});

describe('lists', () => {
  it('are newest first, page both ways by cursor, and keep the order of objects made in one second', async () => {
    const own = await startTestStripe();
    const made: string[] = [];
    for (let index = 0; index < 25; index += 1)
      made.push((await own.stripe.customers.create({ name: `c${index}` })).id);
    const newestFirst = [...made].reverse();
    const first = await own.stripe.customers.list();
    expect(first).toMatchObject({ object: 'list', has_more: true, url: '/v1/customers' });
    expect(first.data.map((one) => one.id)).toEqual(newestFirst.slice(0, 10));
    const second = await own.stripe.customers.list({ limit: 10, starting_after: newestFirst[9] ?? '' });
    expect(second.data.map((one) => one.id)).toEqual(newestFirst.slice(10, 20));
    const back = await own.stripe.customers.list({ limit: 5, ending_before: newestFirst[10] ?? '' });
    expect(back.data.map((one) => one.id)).toEqual(newestFirst.slice(5, 10));
    expect(back.has_more).toBe(true);
    const all = await own.stripe.customers.list({ limit: 7 }).autoPagingToArray({ limit: 100 });
    expect(all.map((one) => one.id)).toEqual(newestFirst);
    await own.close();
  });

  it('take a limit of 1 to 100, known cursors, and a range of created', async () => {
    expect((await stripeError(stripe.customers.list({ limit: 101 }))).param).toBe('limit');
    expect((await stripeError(stripe.customers.list({ limit: 0 }))).param).toBe('limit');
    expect((await stripeError(stripe.customers.list({ starting_after: 'cus_none' }))).code).toBe('resource_missing');
    const { id, created } = await stripe.customers.create();
    const within = await stripe.customers.list({ created: { gte: created, lt: created + 1 } });
    expect(within.data.map((one) => one.id)).toContain(id);
    expect((await stripe.customers.list({ created: { gt: created + 1000 } })).data).toEqual([]);
    expect((await stripe.customers.list({ created })).data.map((one) => one.id)).toContain(id);
  });

  it('filter by what the resource offers', async () => {
    await stripe.customers.create({ email: 'one@example.com' });
    await stripe.customers.create({ email: 'two@example.com' });
    const found = await stripe.customers.list({ email: 'two@example.com' });
    expect(found.data.map((one) => one.email)).toEqual(['two@example.com']);
    const price = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 1,
      product_data: { name: 'P' },
      lookup_key: 'filter-key',
    });
    expect((await stripe.prices.list({ lookup_keys: ['filter-key', 'none'] })).data.map((one) => one.id)).toEqual([
      price.id,
    ]);
  });
});

describe('expand', () => {
  it('turns ids into objects, in lists with data., and four levels deep', async () => {
    const price = await createPrice(stripe);
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      expand: [
        'customer.invoice_settings.default_payment_method',
        'latest_invoice.payments',
        'items.data.price.product',
      ],
    });
    const expanded = subscription.customer as Stripe.Customer;
    expect((expanded.invoice_settings.default_payment_method as Stripe.PaymentMethod).card?.last4).toBe('4242');
    const product = subscription.items.data[0]?.price.product as Stripe.Product | undefined;
    expect(product?.name).toBe('Licence');
    expect((subscription.latest_invoice as Stripe.Invoice).payments?.data[0]?.status).toBe('paid');
    const listed = await stripe.subscriptions.list({
      customer: customer.id,
      expand: ['data.latest_invoice.confirmation_secret'],
    });
    const latest = listed.data[0]?.latest_invoice as Stripe.Invoice | undefined;
    expect(latest?.confirmation_secret?.client_secret).toMatch(/^pi_.*_secret_/);
  });

  it('refuses what cannot be expanded and what lies deeper than four levels', async () => {
    const customer = await createCustomer(stripe);
    const error = await stripeError(stripe.customers.retrieve(customer.id, { expand: ['email'] }));
    expect(error).toMatchObject({ statusCode: 400, param: 'expand' });
    expect((await stripeError(stripe.customers.list({ expand: ['data.nothing'] }))).statusCode).toBe(400);
    const deep = await stripeError(stripe.subscriptions.list({ expand: ['data.items.data.price.product'] }));
    expect(deep.message).toContain('more than 4 levels');
  });

  it('shows members only on demand where Stripe does', async () => {
    const customer = await stripe.customers.create();
    expect(customer.subscriptions).toBeUndefined();
    const expanded = (await stripe.customers.retrieve(customer.id, { expand: ['subscriptions'] })) as Stripe.Customer;
    expect(expanded.subscriptions?.data).toEqual([]);
  });
});

describe('idempotency', () => {
  it('replays status and body to the same key with the same parameters, once carried out', async () => {
    const options = { idempotencyKey: 'same' };
    const first = await stripe.customers.create({ name: 'Once' }, options);
    const again = await stripe.customers.create({ name: 'Once' }, options);
    expect(again.id).toBe(first.id);
    expect(again.lastResponse.headers['idempotent-replayed']).toBe('true');
    expect(again.lastResponse.headers['original-request']).toBe(first.lastResponse.requestId);
    expect((await stripe.customers.list({ limit: 100 })).data.filter((one) => one.name === 'Once')).toHaveLength(1);
  });

  it('knows the same parameters in another order', async () => {
    const options = { idempotencyKey: 'reordered' };
    const first = await stripe.customers.create({ name: 'Ada', metadata: { one: '1', two: '2' } }, options);
    const again = await stripe.customers.create({ metadata: { two: '2', one: '1' }, name: 'Ada' }, options);
    expect(again.id).toBe(first.id);
  });

  it('refuses the same key with other parameters or another path', async () => {
    const options = { idempotencyKey: 'differs' };
    await stripe.customers.create({ name: 'A' }, options);
    const params = await stripeError(stripe.customers.create({ name: 'B' }, options));
    expect(params).toMatchObject({ statusCode: 400, type: 'StripeIdempotencyError' });
    const path = await stripeError(stripe.products.create({ name: 'A' }, options));
    expect(path).toMatchObject({ statusCode: 400, type: 'StripeIdempotencyError' });
  });

  it('keeps errors that came from carrying the request out, and not those that were found before', async () => {
    const options = { idempotencyKey: 'declined' };
    const { id } = await stripe.customers.create();
    const decline = () =>
      stripeError(stripe.paymentMethods.attach('pm_card_chargeDeclined', { customer: id }, options));
    const first = await decline();
    const again = await decline();
    expect(again).toMatchObject({ statusCode: 402, code: 'card_declined', message: first.message });
    expect(again.headers?.['idempotent-replayed']).toBe('true');
    const invalid = { idempotencyKey: 'invalid' };
    await stripeError(stripe.customers.create({ nonsense: 1 } as object, invalid));
    expect((await stripe.customers.create({ name: 'now valid' }, invalid)).name).toBe('now valid');
  });

  it('keeps a 500 as well: the work is done, the answer stays lost', async () => {
    await test.control('POST', '/fail', { requests: 1, status: 500, when: 'after' });
    const options = { idempotencyKey: 'broken' };
    const create = () => stripeError(stripe.customers.create({ name: 'Half told' }, options));
    expect((await create()).statusCode).toBe(500);
    expect((await create()).headers?.['idempotent-replayed']).toBe('true');
    expect((await stripe.customers.list({ limit: 100 })).data.filter((one) => one.name === 'Half told')).toHaveLength(
      1,
    );
  });

  it('answers 409 while the first request with the key is still in flight', async () => {
    await test.control('POST', '/fail', { requests: 1, status: 'timeout' });
    const options = { idempotencyKey: 'in-flight' };
    const abort = new AbortController();
    const reached = test.control('GET', '/health');
    const hanging = fetch(`${test.url}/v1/customers`, {
      method: 'POST',
      headers: { authorization: 'Bearer sk_test_x', 'idempotency-key': 'in-flight' },
      signal: abort.signal,
    }).catch(() => 'given up');
    await reached;
    // The fault is used up exactly when the first request has been taken in.
    for (let left = 1; left > 0; ) ({ left } = await test.control<{ left: number }>('GET', '/fail'));
    const error = await stripeError(stripe.customers.create({}, options));
    expect(error).toMatchObject({ statusCode: 409, code: 'idempotency_key_in_use' });
    abort.abort();
    expect(await hanging).toBe('given up');
  });

  it('forgets a key after 24 hours of the sandbox clock', async () => {
    const own = await startTestStripe();
    const options = { idempotencyKey: 'yesterday' };
    const first = await own.stripe.customers.create({}, options);
    await own.moveTo((await own.now()) + 86_400 + 1);
    expect((await own.stripe.customers.create({}, options)).id).not.toBe(first.id);
    await own.close();
  });
});

describe('the SDK retrying', () => {
  it('gets its answer after 500s and broken connections, with one object made', async () => {
    const retrying = sdk(test.port, { maxNetworkRetries: 2 });
    await test.control('POST', '/fail', { requests: 1, status: 500 });
    expect((await retrying.customers.create({ name: 'after a 500' })).name).toBe('after a 500');
    await test.control('POST', '/fail', { requests: 1, status: 'reset', when: 'after' });
    await retrying.customers.create({ name: 'after a reset' });
    const all = await stripe.customers.list({ limit: 100 });
    expect(all.data.filter((one) => one.name === 'after a reset')).toHaveLength(1);
    await test.control('POST', '/fail', { requests: 1, status: 429 });
    expect((await stripeError(stripe.customers.create())).type).toBe('StripeRateLimitError');
  });
});
