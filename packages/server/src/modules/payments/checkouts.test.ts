import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = `
id: atlas
name: Atlas
key: { scheme: random, prefix: AT }
checkout: { promotion_codes: true }
plans:
  - id: pro
    name: Pro
    price: { amount: 2500, currency: usd, interval: month }
  - id: fixed
    name: Fixed
    price: { amount: 900, currency: usd, interval: month }
    checkout: { promotion_codes: false }
  - id: lifetime
    name: Lifetime
    price: { amount: 40000, currency: usd, interval: once }
`;

let shop: Shop;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'latchkey-atlas-'));
  writeFileSync(join(folder, 'atlas.yaml'), CATALOG);
  shop = await openShop({ CATALOG: join(folder, 'atlas.yaml') });
  await shop.stripe('POST', '/v1/coupons', { id: 'fifth', percent_off: '20', duration: 'once' });
  await shop.stripe('POST', '/v1/promotion_codes', {
    code: 'SPRING',
    'promotion[type]': 'coupon',
    'promotion[coupon]': 'fifth',
  });
});

afterAll(async () => {
  await shop?.close();
  rmSync(folder, { recursive: true, force: true });
});

const start = (body: object, token: string | null = null) =>
  shop.call('POST', '/v1/checkouts', token, { product: 'atlas', plan: 'pro', ...body });
const started = async (body: object, token: string | null = null) => {
  const answer = await start(body, token);
  expect(answer.status, JSON.stringify(answer.body)).toBe(201);
  return shop.stripe('GET', `/v1/checkout/sessions/${answer.body.id}`);
};
const refused = (path: string) => ({ status: 400, body: { code: 'invalid_request', path } });
const vendorToken = () => shop.server.app.adminToken.token;

describe('what is taken off at a checkout', () => {
  it('can be entered on the page of a plan that takes codes, and of no other', async () => {
    expect(await started({})).toMatchObject({ allow_promotion_codes: true, amount_total: 2500 });
    expect(await started({ plan: 'fixed' })).toMatchObject({ allow_promotion_codes: null, amount_total: 900 });
  });

  it('is there from the start for whoever brings the code, however they write it', async () => {
    expect(await started({ promotion_code: 'spring' })).toMatchObject({ amount_total: 2000 });
    expect(await started({ plan: 'lifetime', promotion_code: 'SPRING' })).toMatchObject({ amount_total: 32_000 });
  });

  it('is not for a code that is unknown, used up, or not taken by the plan', async () => {
    expect(await start({ promotion_code: 'AUTUMN' })).toMatchObject(refused('promotion_code'));
    expect(await start({ plan: 'fixed', promotion_code: 'SPRING' })).toMatchObject(refused('promotion_code'));
    const { id } = await shop.stripe('POST', '/v1/promotion_codes', {
      code: 'GONE',
      'promotion[type]': 'coupon',
      'promotion[coupon]': 'fifth',
    });
    await shop.stripe('POST', `/v1/promotion_codes/${id}`, { active: 'false' });
    expect(await start({ promotion_code: 'GONE' })).toMatchObject(refused('promotion_code'));
    expect(await start({ promotion_code: id }, vendorToken())).toMatchObject(refused('promotion_code'));
  });

  it('by the id of a coupon is the vendor’s to say', async () => {
    expect(await start({ coupon: 'fifth' })).toMatchObject({ status: 401 });
    expect(await start({ coupon: 'fifth' }, await shop.tokenOf('guest'))).toMatchObject({ status: 403 });
    expect(await started({ plan: 'fixed', coupon: 'fifth' }, vendorToken())).toMatchObject({ amount_total: 720 });
    expect(await start({ coupon: 'none' }, vendorToken())).toMatchObject(refused('coupon'));
    expect(await start({ coupon: 'fifth', promotion_code: 'SPRING' }, vendorToken())).toMatchObject(refused('coupon'));
  });
});

describe('who buys', () => {
  it('is the customer who is signed in, at Stripe too, however often', async () => {
    const token = await shop.tokenOf('regular');
    const first = await shop.buy({ product: 'atlas', plan: 'pro' }, token);
    const second = await shop.buy({ product: 'atlas', plan: 'lifetime' }, token);
    expect(second.customer).toBe(first.customer);
    const { body: me } = await shop.call('GET', '/v1/customers/me', token);
    expect(me.stripe_customer_id).toBe(first.customer);
    const { body: licenses } = await shop.vendor('GET', `/v1/licenses?customer=${me.id}`);
    expect(licenses.data.map(({ plan }: { plan: string }) => plan).sort()).toEqual(['lifetime', 'pro']);
    expect((await shop.vendor('GET', '/v1/customers?email=regular@example.com')).body.data).toHaveLength(1);
  });

  it('is whom the vendor names, and whom nobody else can name', async () => {
    const { body: customer } = await shop.vendor('POST', '/v1/customers', { email: 'named@example.com' });
    const session = await started({ customer_id: customer.id }, vendorToken());
    const { body: known } = await shop.vendor('GET', `/v1/customers/${customer.id}`);
    expect(session.customer).toBe(known.stripe_customer_id);
    expect(await start({ customer_id: customer.id })).toMatchObject({ status: 401 });
    const asOther = await start({ customer_id: customer.id }, await shop.tokenOf('other'));
    expect(asOther).toMatchObject({ status: 404, body: { code: 'resource_missing' } });
    expect(await started({ customer_id: customer.id }, await shop.tokenOf('named'))).toMatchObject({
      customer: session.customer,
    });
  });

  it('may be a stranger; but one whose token ended is told so', async () => {
    expect(await started({ email: 'stranger@example.com' })).toMatchObject({
      customer: null,
      customer_email: 'stranger@example.com',
    });
    expect(await start({}, 'ended')).toMatchObject({ status: 401, body: { code: 'unauthorized' } });
  });

  it('may be somebody whom the vendor deleted at Stripe', async () => {
    const token = await shop.tokenOf('deleted');
    const { customer } = await started({}, token);
    await shop.stripe('DELETE', `/v1/customers/${customer}`);
    await shop.settle();
    expect(await started({ email: 'deleted@example.com' }, token)).toMatchObject({ customer: null });
  });
});
