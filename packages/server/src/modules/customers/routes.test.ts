import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop?.close());

const create = (body: object) => shop.vendor('POST', '/v1/customers', body);

describe('customers over HTTP', () => {
  it('are found by address, by the vendor’s id and by Stripe’s', async () => {
    const { status, body } = await create({
      email: 'Grace@Example.com',
      name: 'Grace',
      external_id: 'user-7',
      metadata: { team: 'navy' },
      at_stripe: true,
    });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { external_id: 'user-7', stripe_customer_id: expect.stringMatching(/^cus_/), metadata: { team: 'navy' } },
    });
    const queries = ['email=grace@example.com', 'external_id=user-7', `stripe_customer_id=${body.stripe_customer_id}`];
    for (const query of queries) {
      const found = await shop.vendor('GET', `/v1/customers?${query}`);
      expect(found.body.data.map(({ id }: { id: string }) => id)).toEqual([body.id]);
    }
    expect((await shop.vendor('GET', `/v1/customers/${body.stripe_customer_id}`)).body.id).toBe(body.id);
    expect((await shop.vendor('GET', '/v1/customers?external_id=user-8')).body.data).toEqual([]);
  });

  it('are changed here and at Stripe, with an entry in the log, and a change at Stripe is followed', async () => {
    const { body: before } = await create({ email: 'alan@example.com', at_stripe: true });
    const path = `/v1/customers/${before.id}`;
    const changed = await shop.vendor('PATCH', path, { email: 'turing@example.com', metadata: { a: '1', b: '2' } });
    expect(changed).toMatchObject({ status: 200, body: { email: 'turing@example.com', metadata: { a: '1', b: '2' } } });
    expect((await shop.vendor('PATCH', path, { metadata: { a: '', b: '3' } })).body.metadata).toEqual({ b: '3' });
    const real = await shop.stripe('GET', `/v1/customers/${before.stripe_customer_id}`);
    expect(real).toMatchObject({ email: 'turing@example.com', metadata: { b: '3', latchkey_customer: before.id } });
    const log = await shop.vendor('GET', `/v1/audit?subject_type=customer&subject_id=${before.id}`);
    expect(log.body.data).toContainEqual(
      expect.objectContaining({ action: 'customer.updated', detail: { fields: ['email', 'metadata'] } }),
    );
    expect((await shop.vendor('PATCH', path, { email: 'alan@example.org' })).body.email).toBe('alan@example.org');
    await shop.stripe('POST', `/v1/customers/${before.stripe_customer_id}`, { name: 'Alan at Stripe' });
    await shop.settle();
    expect((await shop.vendor('GET', path)).body.name).toBe('Alan at Stripe');
  });

  it('refuse what would not fit, with the field', async () => {
    const { body } = await create({ email: 'fit@example.com' });
    const wrong: [object, string][] = [
      [{ email: 'nobody' }, 'email'],
      [{ name: '' }, 'name'],
      [{ metadata: { latchkey_customer: 'cust_other' } }, 'metadata'],
      [{ metadata: { long: 'x'.repeat(501) } }, 'metadata'],
    ];
    for (const [changes, field] of wrong) {
      const answer = await shop.vendor('PATCH', `/v1/customers/${body.id}`, changes);
      expect(answer.status, JSON.stringify(changes)).toBe(400);
      expect(JSON.stringify(answer.body)).toContain(`"${field}`);
    }
    const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`note-${index}`, 'x']));
    const more = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`more-${index}`, 'x']));
    expect((await shop.vendor('PATCH', `/v1/customers/${body.id}`, { metadata: many })).status).toBe(200);
    const full = await shop.vendor('PATCH', `/v1/customers/${body.id}`, { metadata: more });
    expect(full).toMatchObject({ status: 400, body: { code: 'invalid_request', path: 'metadata' } });
    expect(await shop.vendor('PATCH', '/v1/customers/cust_none', { name: 'x' })).toMatchObject({ status: 404 });
  });

  it('asked to be at Stripe while it is away are there when asked again, once', async () => {
    const body = { email: 'late@example.com', at_stripe: true };
    await shop.control('/fail', { requests: 3, status: 500 });
    const away = await create(body);
    expect(away).toMatchObject({ status: 503, body: { code: 'stripe_unavailable' } });
    expect(Number(away.headers.get('retry-after'))).toBeGreaterThan(0);
    const { body: known } = await create(body);
    const { data } = await shop.stripe('GET', '/v1/customers?email=late@example.com');
    expect(data.map(({ id }: { id: string }) => id)).toEqual([known.stripe_customer_id]);
  });
});
