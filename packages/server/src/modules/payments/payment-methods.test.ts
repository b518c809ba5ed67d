import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
let count = 0;
/** A customer who pays for a subscription with a card, and their token. */
let ada: { token: string; id: string; stripe: string; card: string; subscription: string };

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop?.close());

beforeEach(async () => {
  ada = await someone();
});

async function someone(): Promise<typeof ada> {
  count += 1;
  const name = `payer-${count}`;
  const session = await shop.buy({ product: 'infinite-server26', email: `${name}@example.com` });
  const token = await shop.tokenOf(name);
  const me = await shop.call('GET', '/v1/customers/me', token);
  const listed = await shop.call('GET', '/v1/payment-methods', token);
  return {
    token,
    id: me.body.id,
    stripe: String(session.customer),
    card: listed.body.data[0].id,
    subscription: String(session.subscription),
  };
}

const attach = async (payment_method: string, more: object = {}) =>
  shop.call('POST', '/v1/payment-methods', ada.token, { payment_method, ...more });
const subscriptionAtStripe = () => shop.stripe('GET', `/v1/subscriptions/${ada.subscription}`);
const customerAtStripe = () => shop.stripe('GET', `/v1/customers/${ada.stripe}`);

describe('payment methods', () => {
  it('are listed as Stripe shows them, with no more of a card than names it', async () => {
    const { status, body } = await shop.vendor('GET', `/v1/payment-methods?customer_id=${ada.id}`);
    expect(status).toBe(200);
    expect(body.data).toEqual([
      {
        id: ada.card,
        object: 'payment_method',
        customer_id: ada.id,
        type: 'card',
        card: { brand: 'visa', last4: '4242', exp_month: expect.any(Number), exp_year: expect.any(Number) },
        is_default: expect.any(Boolean),
        created_at: expect.any(String),
      },
    ]);
  });

  it('are given to a customer, and charged when they are the default, by subscriptions with another one too', async () => {
    const attached = await attach('pm_card_mastercard', { make_default: true });
    expect(attached).toMatchObject({ status: 201, body: { is_default: true, card: { brand: 'mastercard' } } });
    const { id } = attached.body;
    expect((await customerAtStripe()).invoice_settings.default_payment_method).toBe(id);
    expect((await subscriptionAtStripe()).default_payment_method).toBe(id);
    const { body } = await shop.call('GET', '/v1/payment-methods', ada.token);
    expect(body.data.filter((one: { is_default: boolean }) => one.is_default)).toMatchObject([{ id }]);
    const { body: log } = await shop.vendor('GET', `/v1/audit?subject_type=customer&subject_id=${ada.id}`);
    const actions = log.data.map(({ action }: { action: string }) => action);
    expect(actions).toEqual(expect.arrayContaining(['payment_method.attach_asked', 'payment_method.default_asked']));
  });

  it('make a customer known to Stripe who was not', async () => {
    const token = await shop.tokenOf(`new-${count}`);
    const answer = await shop.call('POST', '/v1/payment-methods', token, { payment_method: 'pm_card_visa' });
    expect(answer.status).toBe(201);
    const { body: me } = await shop.call('GET', '/v1/customers/me', token);
    expect(me.stripe_customer_id).toMatch(/^cus_/);
  });

  it('that the bank declines are told so, and are nobody’s', async () => {
    const declined = await attach('pm_card_chargeDeclined');
    expect(declined).toMatchObject({ status: 402, body: { code: 'stripe_declined' } });
    expect((await shop.call('GET', '/v1/payment-methods', ada.token)).body.data).toHaveLength(1);
  });

  it('of somebody else cannot be taken, and are not there for others', async () => {
    const eve = await someone();
    const asEve = (method: string, path: string, body?: object) => shop.call(method, path, eve.token, body);
    const taken = await asEve('POST', '/v1/payment-methods', { payment_method: ada.card });
    expect(taken).toMatchObject({ status: 400, body: { code: 'invalid_request', path: 'payment_method' } });
    for (const path of [`/v1/payment-methods/${ada.card}/default`, `/v1/payment-methods/${ada.card}/detach`]) {
      const theirs = await asEve('POST', path, {});
      const none = await asEve('POST', path.replace(ada.card, 'pm_none'), {});
      expect(theirs.status).toBe(404);
      expect(theirs.body.detail.replace(ada.card, 'pm_none')).toBe(none.body.detail);
    }
    expect(await asEve('GET', `/v1/payment-methods?customer_id=${ada.id}`)).toMatchObject({ status: 404 });
    const given = await asEve('POST', '/v1/payment-methods', { customer_id: ada.id, payment_method: 'pm_card_visa' });
    expect(given).toMatchObject({ status: 404 });
    expect((await shop.call('GET', '/v1/payment-methods', ada.token)).body.data).toHaveLength(1);
  });

  it('that a running subscription cannot do without are kept, unless another takes over or it is forced', async () => {
    const detach = (body?: object) => shop.call('POST', `/v1/payment-methods/${ada.card}/detach`, ada.token, body);
    const refused = await detach();
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'payment_method_in_use', stripe_subscription_ids: [ada.subscription] },
    });
    expect((await detach({ force: true })).status).toBe(200);
    expect((await shop.call('GET', '/v1/payment-methods', ada.token)).body.data).toEqual([]);
    expect((await detach({ force: true })).status).toBe(404);
  });

  it('are taken away once another is the default', async () => {
    await attach('pm_card_mastercard', { make_default: true });
    const detached = await shop.call('POST', `/v1/payment-methods/${ada.card}/detach`, ada.token);
    expect(detached.status).toBe(200);
    const left = await shop.call('GET', '/v1/payment-methods', ada.token);
    expect(left.body.data).toMatchObject([{ is_default: true }]);
  });

  it('are taken away from a subscription that is about to end anyway, not from one that is renewed until then', async () => {
    const later = Math.floor(Date.now() / 1000) + 100 * 86_400;
    await shop.stripe('POST', `/v1/subscriptions/${ada.subscription}`, {
      cancel_at: String(later),
      proration_behavior: 'none',
    });
    expect((await shop.call('POST', `/v1/payment-methods/${ada.card}/detach`, ada.token)).status).toBe(409);
    const { body } = await shop.call('GET', '/v1/subscriptions', ada.token);
    await shop.call('POST', `/v1/subscriptions/${body.data[0].id}/cancel`, ada.token, { at_period_end: true });
    expect((await shop.call('POST', `/v1/payment-methods/${ada.card}/detach`, ada.token)).status).toBe(200);
  });

  it('are taken down in a page by a setup intent of Stripe’s, and belong to the customer once the bank agrees', async () => {
    const begun = await shop.call('POST', '/v1/payment-methods/setup', ada.token, {});
    expect(begun).toMatchObject({ status: 201, body: { setup_intent: expect.stringMatching(/^seti_/) } });
    const { setup_intent: intent, client_secret: secret } = begun.body;
    expect(secret).toContain(`${intent}_secret_`);
    const asked = await shop.stripe('POST', `/v1/setup_intents/${intent}/confirm`, {
      payment_method: 'pm_card_authenticationRequiredOnSetup',
    });
    expect(asked).toMatchObject({ status: 'requires_action', customer: ada.stripe, usage: 'off_session' });
    const before = await shop.call('GET', '/v1/payment-methods', ada.token);
    expect(before.body.data.map((one: { id: string }) => one.id)).toEqual([ada.card]);
    await shop.control(`/setup_intents/${intent}/authenticate`, { outcome: 'success' });
    const saved = (await shop.stripe('GET', `/v1/setup_intents/${intent}`)).payment_method;
    const after = await shop.call('GET', '/v1/payment-methods', ada.token);
    expect(after.body.data).toEqual(
      expect.arrayContaining([expect.objectContaining({ id: saved, customer_id: ada.id, is_default: false })]),
    );
    const chosen = await shop.call('POST', `/v1/payment-methods/${saved}/default`, ada.token, {});
    expect(chosen).toMatchObject({ status: 200, body: { id: saved, is_default: true } });
  });

  it('are answered 503 with when to try again while Stripe is away', async () => {
    await shop.control('/fail', { requests: 6, status: 500 });
    const { status, headers, body } = await shop.call('GET', '/v1/payment-methods', ada.token);
    await shop.control('/fail', { requests: 0, status: 500 });
    expect({ status, code: body.code }).toEqual({ status: 503, code: 'stripe_unavailable' });
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
  });
});
