import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../../test/support/changing.yaml', import.meta.url));

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
  await shop.stripe('POST', '/v1/coupons', { id: 'half', percent_off: '50', duration: 'forever' });
});
afterAll(() => shop?.close());

function someone() {
  count += 1;
  const name = `subscriber${count}`;
  return { name, email: `${name}@example.com` };
}
const basic = { product: 'suite', plan: 'basic', payment_method: 'pm_card_visa' };
const subscribe = (body: object) => shop.vendor('POST', '/v1/subscriptions', body);
const licensesOf = async (email: string): Promise<Wire[]> =>
  (await shop.vendor('GET', `/v1/licenses?email=${email}`)).body.data;
const lettersTo = async (email: string): Promise<Wire[]> =>
  (await shop.vendor('GET', `/sandbox/mail?to=${email}`)).body;
/** What Stripe could still charge somebody for. */
async function billing(email: string): Promise<string[]> {
  const { data: customers } = await shop.stripe('GET', `/v1/customers?email=${email}`);
  const statuses: string[] = [];
  for (const { id } of customers) {
    const { data } = await shop.stripe('GET', `/v1/subscriptions?customer=${id}`);
    statuses.push(...data.map(({ status }: Wire) => status));
  }
  return statuses;
}

describe('subscribing with a card', () => {
  it('charges once, and brings the licence and one letter', async () => {
    const { email } = someone();
    const { status, body } = await subscribe({ ...basic, email, quantity: 3 });
    expect({ status, body }).toMatchObject({
      status: 201,
      body: { status: 'active', plan: 'basic', amount_cents: 3_000, requires_action: false, client_secret: null },
    });
    await shop.settle();
    expect(await licensesOf(email)).toMatchObject([{ id: body.license_id, plan: 'basic', status: 'active' }]);
    expect(await lettersTo(email)).toHaveLength(1);
    expect(JSON.stringify(body)).not.toContain('SU-');
    const { data } = (await shop.vendor('GET', `/v1/subscriptions?product=${basic.product}`)).body;
    expect(data.map(({ id }: Wire) => id)).toContain(body.id);
    const statistics = (await shop.vendor('GET', '/v1/subscriptions/statistics')).body;
    expect(statistics.total_subscriptions).toBe(1);
    expect((await shop.vendor('GET', '/v1/subscriptions/statistics?product=suite')).body).toEqual(statistics);
  });

  it('is refused to whoever has a subscription to the product', async () => {
    const { email } = someone();
    const first = await subscribe({ ...basic, email });
    expect(await subscribe({ ...basic, email, plan: 'pro' })).toMatchObject({
      status: 409,
      body: { code: 'already_subscribed', subscription_id: first.body.id },
    });
    expect(await billing(email)).toEqual(['active']);
    await shop.vendor('POST', `/v1/subscriptions/${first.body.id}/cancel`);
    expect(await subscribe({ ...basic, email, plan: 'pro' })).toMatchObject({ status: 201 });
  });

  it.each(['pm_card_chargeDeclined', 'pm_card_chargeCustomerFail'])(
    'with %s is declined, and leaves nothing that could be charged',
    async (payment_method) => {
      const { email } = someone();
      expect(await subscribe({ ...basic, email, payment_method })).toMatchObject({
        status: 402,
        body: { code: 'stripe_declined', decline_code: 'generic_decline' },
      });
      await shop.settle();
      expect(await billing(email)).toEqual([]);
      expect(await licensesOf(email)).toEqual([]);
      expect(await subscribe({ ...basic, email })).toMatchObject({ status: 201 });
    },
  );

  it('waits where the bank asks for the customer, and the licence comes once it is paid', async () => {
    const { email } = someone();
    const { status, body } = await subscribe({ ...basic, email, payment_method: 'pm_card_threeDSecure2Required' });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { status: 'incomplete', standing: 'pending', requires_action: true, license_id: null },
    });
    expect(body.client_secret).toMatch(/^pi_\w+_secret_/);
    await shop.settle();
    expect(await licensesOf(email)).toEqual([]);
    // Asked again with another card, the first is given up: never are there two to pay.
    expect(await subscribe({ ...basic, email })).toMatchObject({ status: 201, body: { status: 'active' } });
    await shop.settle();
    expect(await billing(email)).toEqual(['active']);
    expect(await licensesOf(email)).toHaveLength(1);
  });

  it('without a card answers what a page needs to have it paid', async () => {
    const { email } = someone();
    const { payment_method: _none, ...bare } = basic;
    const { status, body } = await subscribe({ ...bare, email });
    expect({ status, body }).toMatchObject({ status: 200, body: { status: 'incomplete', requires_action: true } });
    const [intent] = body.client_secret.split('_secret_');
    await shop.stripe('POST', `/v1/payment_intents/${intent}/confirm`, { payment_method: 'pm_card_visa' });
    await shop.settle();
    expect(await licensesOf(email)).toMatchObject([{ plan: 'basic', status: 'active' }]);
    expect(await lettersTo(email)).toHaveLength(1);
  });

  it('begins with the trial of the plan, once', async () => {
    const { email } = someone();
    const tried = { ...basic, plan: 'tried', email };
    const first = await subscribe(tried);
    expect(first).toMatchObject({ status: 201, body: { status: 'trialing' } });
    await shop.vendor('POST', `/v1/subscriptions/${first.body.id}/cancel`);
    const second = await subscribe(tried);
    expect(second).toMatchObject({ status: 201, body: { status: 'active', trial_end: null } });
    await shop.vendor('POST', `/v1/subscriptions/${second.body.id}/cancel`);
    expect(await subscribe({ ...tried, trial: true })).toMatchObject({ body: { status: 'trialing' } });
  });

  it('takes off what the vendor says', async () => {
    const { email } = someone();
    const { body } = await subscribe({ ...basic, email, coupon: 'half' });
    const { data } = await shop.stripe('GET', `/v1/invoices?subscription=${body.stripe_subscription_id}`);
    expect(data).toMatchObject([{ amount_paid: 500 }]);
    expect(await subscribe({ ...basic, email: someone().email, coupon: 'none' })).toMatchObject({
      status: 400,
      body: { path: 'coupon' },
    });
  });

  it.each([
    ['a free plan', { plan: 'free' }, 400, { code: 'invalid_request', path: 'plan' }],
    ['what is paid for once', { plan: 'lifetime' }, 400, { code: 'invalid_request', path: 'plan' }],
    ['an unknown plan', { plan: 'none' }, 400, { code: 'plan_unknown' }],
    ['an unknown product', { product: 'none' }, 400, { code: 'product_unknown' }],
    ['nobody', { email: undefined }, 400, { code: 'invalid_request', path: 'customer_id' }],
    ['a card that is none', { payment_method: 'pm_none' }, 400, { path: 'payment_method' }],
  ])('is refused for %s', async (_name, over, status, refusal) => {
    expect(await subscribe({ ...basic, email: someone().email, ...over })).toMatchObject({ status, body: refusal });
  });

  it('is for the customer themself, and for nobody else', async () => {
    const mine = await shop.tokenOf(someone().name);
    const { body: me } = await shop.call('GET', '/v1/customers/me', mine);
    const other = await shop.tokenOf(someone().name);
    expect(await shop.call('POST', '/v1/subscriptions', null, basic)).toMatchObject({ status: 401 });
    expect(await shop.call('POST', '/v1/subscriptions', other, { ...basic, customer_id: me.id })).toMatchObject({
      status: 404,
    });
    for (const vendors of [{ coupon: 'half' }, { trial: true }]) {
      expect(await shop.call('POST', '/v1/subscriptions', mine, { ...basic, ...vendors })).toMatchObject({
        status: 403,
      });
    }
    expect(await shop.call('POST', '/v1/subscriptions', mine, basic)).toMatchObject({
      status: 201,
      body: { customer_id: me.id, status: 'active', metadata: {} },
    });
  });

  it('twice at the same moment is done once', async () => {
    for (let round = 0; round < 5; round += 1) {
      const { email } = someone();
      const { body: customer } = await shop.vendor('POST', '/v1/customers', { email });
      const body = { ...basic, customer_id: customer.id };
      const answers = await Promise.all([subscribe(body), subscribe(body)]);
      expect(answers.map(({ status }) => status).sort()).toEqual([201, 409]);
      expect(await billing(email)).toEqual(['active']);
    }
  });
});
