import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../test/support/wire.ts';
import { overageCharged, pass } from '../../test/support/overage.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('test/by-use.yaml', import.meta.url));

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());
afterEach(() => shop.endSubscriptions());

interface User {
  id: string;
  reference: string;
  customer: string;
  license: string;
  email: string;
}

const someone = () => {
  count += 1;
  return `by-use${count}@example.com`;
};

async function userOf(reference: string, email: string): Promise<User> {
  await shop.settle();
  const { body } = await shop.vendor('GET', `/v1/subscriptions/${reference}`);
  const { customer } = await shop.stripe('GET', `/v1/subscriptions/${reference}`);
  const { body: licenses } = await shop.vendor('GET', `/v1/licenses?email=${email}`);
  return { id: body.id, reference, customer, license: licenses.data[0].id, email };
}

/** Somebody who subscribed to a plan with a card. */
async function subscribed(product: string, plan: string, card = 'pm_card_visa'): Promise<User> {
  const email = someone();
  const answer = await shop.vendor('POST', '/v1/subscriptions', {
    ...{ product, plan, email, payment_method: card },
  });
  expect(answer.body).toMatchObject({ requires_action: false, amount_cents: 0 });
  expect(answer.status).toBe(201);
  return userOf(answer.body.stripe_subscription_id, email);
}

async function bought(product: string, plan: string): Promise<User> {
  const email = someone();
  return userOf((await shop.buy({ product, plan, email })).subscription, email);
}

/** Uses some of the meter as software does. */
async function use({ license }: User, quantity: number): Promise<void> {
  count += 1;
  const event = { id: `use-${count}`, meter: 'calls', license_id: license, quantity };
  const { body } = await shop.vendor('POST', '/v1/usage', event);
  expect(body).toMatchObject({ accepted: 1, rejected: [] });
}

const read = async ({ id }: User) => (await shop.vendor('GET', `/v1/subscriptions/${id}`)).body;
const licenseOf = async ({ license }: User) => (await shop.vendor('GET', `/v1/licenses/${license}`)).body;
const change = (user: User, body: object) => shop.vendor('POST', `/v1/subscriptions/${user.id}/change`, body);
const invoicesOf = async ({ customer }: User): Promise<Wire[]> =>
  (await shop.stripe('GET', `/v1/invoices?customer=${customer}&limit=100`)).data;
const lettersTo = async ({ email }: User): Promise<Wire[]> =>
  (await shop.vendor('GET', `/sandbox/mail?to=${email}`)).body;

/** A period that begins with a change begins when it is made, which is later than when it was shown. */
const moneyOf = ({ lines }: Wire) => lines.map(({ description, amount }: Wire) => [description, amount]);

async function itemsOf({ reference }: User): Promise<string[]> {
  const { items } = await shop.stripe('GET', `/v1/subscriptions/${reference}`);
  return items.data.map(({ price }: Wire) => `${price.recurring.usage_type} ${price.metadata.latchkey_plan}`).sort();
}

describe('a plan that is billed by use alone', () => {
  it('is bought on a page: the key comes at once, the renewal charges what was used, and the licence goes on', async () => {
    const email = someone();
    const session = await shop.buy({ product: 'meters', plan: 'payg', email });
    expect(session).toMatchObject({ status: 'complete', amount_total: 0 });
    const user = await userOf(session.subscription, email);
    expect(await itemsOf(user)).toEqual(['licensed payg', 'metered payg']);
    expect(await invoicesOf(user)).toMatchObject([{ status: 'paid', total: 0 }]);
    expect(await read(user)).toMatchObject({ plan: 'payg', status: 'active', amount_cents: 0, price_is_current: true });
    expect(await licenseOf(user)).toMatchObject({ plan: 'payg', status: 'active' });
    expect(await lettersTo(user)).toHaveLength(1);
    await use(user, 40);
    await pass(shop, { days: 5 });
    await use(user, 2);
    await pass(shop, { days: 28 });
    expect((await invoicesOf(user)).map(({ status, total }) => [status, total])).toEqual([
      ['paid', 126],
      ['paid', 0],
    ]);
    expect(await overageCharged(shop, user)).toBe(126);
    expect(JSON.stringify(await lettersTo(user))).toContain('1.26');
    expect(await licenseOf(user)).toMatchObject({ status: 'active' });
  });

  it('is not what those are on who have no licence: nobody would be charged', async () => {
    const { body: customer } = await shop.vendor('POST', '/v1/customers', { email: someone() });
    const asked = { meter: 'calls', customer_id: customer.id, product: 'meters', quantity: 1 };
    expect((await shop.vendor('POST', '/v1/usage/check', asked)).body).toMatchObject({ allowed: false });
  });

  it('is subscribed to with a card, which has to be there: nothing is due until it is used', async () => {
    const without = await shop.vendor('POST', '/v1/subscriptions', {
      product: 'meters',
      plan: 'payg',
      email: someone(),
    });
    expect(without).toMatchObject({ status: 400, body: { code: 'invalid_request', path: 'payment_method' } });
    const user = await subscribed('meters', 'payg');
    await use(user, 7);
    await pass(shop, { days: 33 });
    expect(await overageCharged(shop, user)).toBe(21);
    // Nothing was used in the period that came then.
    await pass(shop, { days: 31 });
    expect((await invoicesOf(user)).map(({ total }) => total)).toEqual([0, 21, 0]);
    expect(await licenseOf(user)).toMatchObject({ status: 'active' });
  });

  it('is an amount on the renewal where a product bills so, beyond what is included', async () => {
    const user = await subscribed('amounts', 'payg');
    expect(await itemsOf(user)).toEqual(['licensed payg']);
    await use(user, 14);
    await pass(shop, { days: 33 });
    expect((await invoicesOf(user)).map(({ total }) => total)).toEqual([20, 0]);
  });

  it('is free to use while it is tried', async () => {
    const user = await subscribed('meters', 'tried');
    expect(await read(user)).toMatchObject({ status: 'trialing' });
    await use(user, 30);
    await pass(shop, { days: 15 });
    expect(await read(user)).toMatchObject({ status: 'active' });
    await use(user, 6);
    await pass(shop, { days: 32 });
    expect(await overageCharged(shop, user)).toBe(7);
  });

  it('is dunned like any other when what was used cannot be charged', async () => {
    const user = await subscribed('meters', 'payg', 'pm_card_chargeCustomerFail');
    await use(user, 40);
    await pass(shop, { days: 31, hours: 3 });
    expect(await read(user)).toMatchObject({ status: 'past_due', standing: 'grace', failed_payments: 1 });
    expect((await invoicesOf(user))[0]).toMatchObject({ status: 'open', total: 120 });
    await pass(shop, { days: 4 });
    expect(await licenseOf(user)).toMatchObject({ status: 'suspended' });
  });

  it('bills what was used until it is canceled, at once or at the end of the period', async () => {
    const cases = [
      { product: 'meters', how: {}, cents: 57 },
      { product: 'meters', how: { at_period_end: true }, cents: 57 },
      { product: 'amounts', how: {}, cents: 28 },
      { product: 'amounts', how: { at_period_end: true }, cents: 28 },
    ];
    const users: User[] = [];
    for (const { product } of cases) users.push(await subscribed(product, 'payg'));
    for (const user of users) await use(user, 15);
    await pass(shop, { days: 5 });
    for (const [index, user] of users.entries()) {
      await use(user, 4);
      const answer = await shop.vendor('POST', `/v1/subscriptions/${user.id}/cancel`, cases[index]?.how);
      expect(answer.status).toBe(200);
    }
    await pass(shop, { days: 33 });
    for (const [index, user] of users.entries()) {
      expect(await overageCharged(shop, user), JSON.stringify(cases[index])).toBe(cases[index]?.cents);
      expect((await invoicesOf(user)).map(({ status }) => status)).toEqual(['paid', 'paid']);
      expect(await read(user)).toMatchObject({ status: 'canceled' });
    }
  });

  it('changes to one with a price within a period: the preview is what is charged, and what was used keeps its rate', async () => {
    const users = [await subscribed('meters', 'payg'), await subscribed('amounts', 'payg')] as const;
    for (const user of users) await use(user, 12);
    await pass(shop, { days: 10 });
    const due: number[] = [];
    for (const user of users) {
      const { body: preview } = await change(user, { plan: 'starter', preview: true });
      expect(preview).toMatchObject({ change: { kind: 'upgrade', when: 'now' } });
      const changed = await change(user, { plan: 'starter', as_of: preview.as_of });
      const { amount_due, total } = preview;
      expect(changed).toMatchObject({ status: 200, body: { amount_due, total } });
      expect(moneyOf(changed.body)).toEqual(moneyOf(preview));
      await shop.settle();
      expect((await invoicesOf(user))[0]).toMatchObject({ amount_paid: amount_due });
      expect(await read(user)).toMatchObject({ plan: 'starter', amount_cents: 2_900 });
      expect(await licenseOf(user)).toMatchObject({ plan: 'starter', status: 'active' });
      due.push(amount_due);
    }
    // With a metered price it goes on in its period; where nothing had a price at Stripe, a period begins and is charged whole.
    expect(due[0]).toBeLessThan(2_900);
    expect(due[1]).toBe(2_900);
    await pass(shop, { days: 33 });
    expect(await overageCharged(shop, users[0])).toBe(36);
    expect(await overageCharged(shop, users[1])).toBe(17);
  });

  it('follows one with a price at the end of its period', async () => {
    const users = [await bought('meters', 'starter'), await bought('amounts', 'starter')] as const;
    for (const user of users) {
      const later = await change(user, { plan: 'payg' });
      expect(later.body).toMatchObject({ change: { kind: 'downgrade', when: 'period_end' }, amount_due: 0 });
    }
    await pass(shop, { days: 32 });
    for (const user of users) {
      expect(await read(user)).toMatchObject({ plan: 'payg', status: 'active', amount_cents: 0 });
      await use(user, 8);
    }
    await pass(shop, { days: 31 });
    expect(await overageCharged(shop, users[0])).toBe(24);
    expect(await overageCharged(shop, users[1])).toBe(10);
  });

  it('follows one with a price at once, which gives the rest of that back and takes nothing included away', async () => {
    const users = [await bought('meters', 'starter'), await bought('amounts', 'starter')] as const;
    for (const user of users) await use(user, 1);
    await pass(shop, { days: 10 });
    for (const user of users) {
      const { body: preview } = await change(user, { plan: 'payg', when: 'now', preview: true });
      expect(preview.total).toBeLessThan(0);
      const changed = await change(user, { plan: 'payg', when: 'now', as_of: preview.as_of });
      expect(changed.body).toMatchObject({
        total: preview.total,
        lines: preview.lines,
        subscription: { plan: 'payg' },
      });
      expect((await invoicesOf(user))[0]).toMatchObject({ total: preview.total });
      await use(user, 17);
    }
    await pass(shop, { days: 24 });
    expect(await overageCharged(shop, users[0])).toBe(24);
    expect(await overageCharged(shop, users[1])).toBe(13);
  });
});
