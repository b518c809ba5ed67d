import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../../test/support/changing.yaml', import.meta.url));

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());
afterEach(() => shop.endSubscriptions());

interface Subscriber {
  id: string;
  reference: string;
  customer: string;
  token: string;
}

async function subscribe(plan: string): Promise<Subscriber> {
  count += 1;
  const name = `later${count}`;
  const session = await shop.buy({ product: 'suite', plan, email: `${name}@example.com` });
  const { body } = await shop.vendor('GET', `/v1/subscriptions/${session.subscription}`);
  return { id: body.id, reference: session.subscription, customer: session.customer, token: await shop.tokenOf(name) };
}

const change = (id: string, body: object) => shop.vendor('POST', `/v1/subscriptions/${id}/change`, body);
const read = async (id: string) => (await shop.vendor('GET', `/v1/subscriptions/${id}`)).body;
const pass = async (time: object) => {
  const answer = await shop.vendor('POST', '/sandbox/time/advance', time);
  expect(answer.body).toMatchObject({ settled: true });
};
const charged = async ({ reference }: Subscriber): Promise<number[]> => {
  const { data } = await shop.stripe('GET', `/v1/invoices?subscription=${reference}&limit=100`);
  return data.map(({ amount_paid: paid }: Wire) => paid);
};

describe('a downgrade', () => {
  it('waits for the end of the period: nothing is charged or given back, and the licence stays until then', async () => {
    const someone = await subscribe('team');
    const preview = await change(someone.id, { plan: 'basic', preview: true });
    const asked = await change(someone.id, { plan: 'basic', as_of: preview.body.as_of });
    expect(asked).toMatchObject({
      status: 200,
      body: {
        change: { kind: 'downgrade', when: 'period_end', proration: 'none' },
        amount_due: 0,
        lines: [],
        subscription: { plan: 'team', pending_change: { plan: 'basic' } },
      },
    });
    expect(asked.body.change).toEqual(preview.body.change);
    const { current_period_end: end } = await read(someone.id);
    expect(asked.body.subscription.pending_change.at).toBe(end);
    await shop.settle();
    expect(await read(someone.id)).toMatchObject({ plan: 'team', pending_change: { plan: 'basic' } });
    expect(await charged(someone)).toEqual([7_777]);
    await pass({ days: 32 });
    expect(await read(someone.id)).toMatchObject({
      plan: 'basic',
      status: 'active',
      amount_cents: 1_000,
      pending_change: null,
    });
    expect(await charged(someone)).toEqual([1_000, 7_777]);
    const { body: licenses } = await shop.call('GET', '/v1/licenses', someone.token);
    expect(licenses.data).toMatchObject([{ plan: 'basic', status: 'active' }]);
    await pass({ days: 31 });
    expect(await charged(someone)).toEqual([1_000, 1_000, 7_777]);
  });

  it('can be taken back before', async () => {
    const someone = await subscribe('team');
    await change(someone.id, { plan: 'basic' });
    const path = `/v1/subscriptions/${someone.id}/change/cancel`;
    const other = await subscribe('basic');
    expect(await shop.call('POST', path, null)).toMatchObject({ status: 401 });
    expect(await shop.call('POST', path, other.token)).toMatchObject({ status: 404 });
    const back = await shop.call('POST', path, someone.token);
    expect(back).toMatchObject({ status: 200, body: { plan: 'team', pending_change: null } });
    await pass({ days: 32 });
    expect(await read(someone.id)).toMatchObject({ plan: 'team', pending_change: null });
    expect(await charged(someone)).toEqual([7_777, 7_777]);
  });

  it('gives way to an upgrade that is asked for after it', async () => {
    const someone = await subscribe('pro');
    await change(someone.id, { plan: 'basic' });
    expect(await change(someone.id, { plan: 'team' })).toMatchObject({
      status: 200,
      body: { amount_due: 4_777, subscription: { plan: 'team', pending_change: null } },
    });
    await pass({ days: 32 });
    expect(await read(someone.id)).toMatchObject({ plan: 'team' });
    expect(await charged(someone)).toEqual([7_777, 4_777, 3_000]);
  });

  it('gives way to another downgrade', async () => {
    const someone = await subscribe('team');
    await change(someone.id, { plan: 'pro' });
    expect(await change(someone.id, { plan: 'basic' })).toMatchObject({
      status: 200,
      body: { subscription: { pending_change: { plan: 'basic' } } },
    });
    await pass({ days: 32 });
    expect(await charged(someone)).toEqual([1_000, 7_777]);
  });

  it('gives way to a cancellation, at once or at the end of the period', async () => {
    const now = await subscribe('team');
    const later = await subscribe('team');
    for (const { id } of [now, later]) await change(id, { plan: 'basic' });
    expect(await shop.vendor('POST', `/v1/subscriptions/${now.id}/cancel`)).toMatchObject({
      status: 200,
      body: { status: 'canceled', pending_change: null },
    });
    expect(await shop.vendor('POST', `/v1/subscriptions/${later.id}/cancel`, { at_period_end: true })).toMatchObject({
      status: 200,
      body: { status: 'active', pending_change: { plan: 'free' } },
    });
    expect(await change(later.id, { plan: 'basic' })).toMatchObject({
      status: 409,
      body: { code: 'subscription_state_conflict' },
    });
    await pass({ days: 32 });
    expect(await read(later.id)).toMatchObject({ status: 'canceled', pending_change: null });
    expect(await charged(later)).toEqual([7_777]);
  });

  it('of the quantity waits as well, and can be taken back', async () => {
    const someone = await subscribe('basic');
    await change(someone.id, { plan: 'basic', quantity: 3 });
    const fewer = await change(someone.id, { plan: 'basic', quantity: 2 });
    expect(fewer.body.subscription).toMatchObject({
      amount_cents: 3_000,
      pending_change: { plan: 'basic', quantity: 2 },
    });
    const back = await shop.vendor('POST', `/v1/subscriptions/${someone.id}/change/cancel`);
    expect(back).toMatchObject({ status: 200, body: { amount_cents: 3_000, pending_change: null } });
    await change(someone.id, { plan: 'basic', quantity: 1 });
    await pass({ days: 32 });
    expect(await charged(someone)).toEqual([1_000, 2_000, 1_000]);
    expect(await read(someone.id)).toMatchObject({ amount_cents: 1_000, pending_change: null });
  });

  it('keeps what was taken off', async () => {
    await shop.stripe('POST', '/v1/coupons', { id: 'half', percent_off: '50', duration: 'forever' });
    const someone = await subscribe('team');
    await shop.stripe('POST', `/v1/subscriptions/${someone.reference}`, { 'discounts[0][coupon]': 'half' });
    await change(someone.id, { plan: 'basic' });
    await pass({ days: 32 });
    expect(await charged(someone)).toEqual([500, 7_777]);
  });
});

describe('a change of interval at the end of the period', () => {
  it('charges the whole new period then', async () => {
    const someone = await subscribe('pro');
    expect(await change(someone.id, { plan: 'pro-yearly', when: 'period_end' })).toMatchObject({ status: 200 });
    await pass({ days: 32 });
    expect(await charged(someone)).toEqual([30_000, 3_000]);
    expect(await read(someone.id)).toMatchObject({ plan: 'pro-yearly', interval: 'year', pending_change: null });
  });
});

describe('a subscription that a schedule of the vendor’s own decides about', () => {
  it('is left alone', async () => {
    const someone = await subscribe('pro');
    await shop.stripe('POST', '/v1/subscription_schedules', { from_subscription: someone.reference });
    expect(await change(someone.id, { plan: 'team' })).toMatchObject({
      status: 409,
      body: { code: 'plan_change_not_possible', reason: 'schedule' },
    });
  });
});
