import { createHmac } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
});
afterAll(() => shop?.close());
afterEach(() => shop.control('/webhooks', { mode: 'normal' }));

async function keyWith(hours?: number): Promise<string> {
  const { body } = await shop.vendor('POST', '/api/licenses', { email: 'buyer@example.com', hours });
  return body.license_key;
}
const figures = (hours_remaining: number, purchased_hours: number, used_hours: number) => ({
  hours_remaining,
  purchased_hours,
  used_hours,
});
const balance = async (license_key: string) =>
  (await shop.call('GET', `/payments/balance?license_key=${license_key}`, null)).body;
const begin = (body: object) => shop.call('POST', '/payments/create-checkout', null, body);
const pay = (session: string) =>
  shop.control(`/checkout/sessions/${session}/complete`, { payment_method: 'pm_card_visa' });
const success = (session: string) => shop.call('GET', `/payments/success?session_id=${session}`, null);

describe('POST /payments/create-checkout', () => {
  it.each([
    ['a package', { package_id: 'medium' }, 10, 50],
    ['hours', { hours: 3 }, 3, 15],
    ['fractions of hours', { hours: 2.5 }, 2.5, 12.5],
    ['both, which agree', { hours: 10, package_id: 'medium' }, 10, 50],
  ])(
    'begins to sell %s to whoever holds the key, at the price of the rate [R3] [R6]',
    async (_, asked, hours, amount) => {
      const { status, body } = await begin({ license_key: await keyWith(), ...asked });
      expect(status).toBe(200);
      expect(body).toEqual({
        checkout_url: expect.stringMatching(/^http/),
        session_id: expect.stringMatching(/^cs_/),
        hours,
        amount,
        amount_cents: amount * 100,
        currency: 'usd',
      });
      const session = await shop.stripe('GET', `/v1/checkout/sessions/${body.session_id}`);
      expect({ total: session.amount_total, mode: session.mode }).toEqual({ total: amount * 100, mode: 'payment' });
    },
  );

  it.each([
    ['hours and a package that disagree', { hours: 5, package_id: 'medium' }],
    ['neither hours nor a package', {}],
    ['an unknown package', { package_id: 'huge' }],
    ['zero hours', { hours: 0 }],
    ['negative hours', { hours: -5 }],
    ['more than is sold', { hours: 1001 }],
    ['less than is sold', { hours: 0.5 }],
    ['hours beyond counting', { hours: 1e308 }],
    ['seven decimals', { hours: '1.0000001' }],
    ['hours as words', { hours: 'NaN' }],
    ['no key', { license_key: undefined, hours: 5 }],
  ])('refuses %s [R3]', async (_, asked) => {
    const { status, body } = await begin({ license_key: await keyWith(), ...asked });
    expect(status, JSON.stringify(body)).toBe(400);
    expect(Object.keys(body).sort()).toEqual(['code', 'error']);
  });

  it('sells nothing for a key that there is not [R3]', async () => {
    const { status, body } = await begin({ license_key: 'RL-00000000-00000000-00000000', hours: 5 });
    expect({ status, error: body.error }).toEqual({ status: 404, error: 'License not found' });
  });

  it('says so while Stripe cannot be reached; everything else works [R8]', async () => {
    const key = await keyWith(1);
    await shop.control('/fail', { requests: 100, status: 500 });
    const { status, body } = await begin({ license_key: key, hours: 5 });
    expect(status).toBe(503);
    expect(body).toEqual({ error: expect.stringMatching(/Stripe/), code: 'stripe_unavailable' });
    expect(await balance(key)).toMatchObject(figures(1, 1, 0));
    expect((await shop.vendor('POST', `/api/licenses/${key}/usage`, { hours: 0.5 })).status).toBe(200);
    await shop.control('/fail', { requests: 0, status: 500 });
  });
});

describe('hours that were paid for', () => {
  it('are added by the webhook [R4]', async () => {
    const key = await keyWith();
    const { body } = await begin({ license_key: key, package_id: 'large' });
    await pay(body.session_id);
    await shop.settle();
    expect(await balance(key)).toMatchObject(figures(20, 20, 0));
  });

  it('are added by the success page where no webhook comes, with the new balance [R3] [R4]', async () => {
    await shop.control('/webhooks', { mode: 'drop' });
    const key = await keyWith(1);
    const { body } = await begin({ license_key: key, hours: 2.5 });
    await pay(body.session_id);
    expect(await success(body.session_id)).toMatchObject({
      status: 200,
      body: {
        success: true,
        status: 'added',
        license_key: expect.stringMatching(new RegExp(`^RL-\\*.*${key.slice(-4)}$`)),
        hours_added: 2.5,
        ...figures(3.5, 3.5, 0),
      },
    });
  });

  it('are added once, whichever of both reports it, first, last or together, and again [R4]', async () => {
    for (let round = 0; round < 8; round += 1) {
      const key = await keyWith();
      const { body } = await begin({ license_key: key, package_id: 'small' });
      await shop.control('/webhooks', { mode: round % 2 === 0 ? 'hold' : 'duplicate' });
      await pay(body.session_id);
      const pages = Array.from({ length: 3 }, () => success(body.session_id));
      if (round % 4 > 1) await shop.control('/webhooks/flush', {});
      expect((await Promise.all(pages)).map(({ status }) => status)).toEqual([200, 200, 200]);
      await shop.control('/webhooks', { mode: 'normal' });
      await shop.control('/webhooks/flush', {});
      await shop.settle();
      expect((await success(body.session_id)).body).toMatchObject({ hours_added: 5, ...figures(5, 5, 0) });
    }
  });

  it('wait for the payment: before it, the success page says that it is pending [R4]', async () => {
    const key = await keyWith();
    const { body } = await begin({ license_key: key, hours: 5 });
    expect(await success(body.session_id)).toMatchObject({
      status: 202,
      body: { success: false, status: 'pending', hours_added: 0, ...figures(0, 0, 0) },
    });
  });

  it('are used, bought again and used on: the whole life of a licence [R2] [R3]', async () => {
    const key = await keyWith(1);
    const use = (hours: number) => shop.vendor('POST', `/api/licenses/${key}/usage`, { hours });
    expect((await use(0.75)).body).toMatchObject(figures(0.25, 1, 0.75));
    expect((await use(0.5)).status).toBe(402);
    const { body } = await begin({ license_key: key, package_id: 'small' });
    await pay(body.session_id);
    await shop.settle();
    expect((await use(0.5)).body).toMatchObject(figures(4.75, 6, 1.25));
  });

  it.each([
    ['no session', '/payments/success', 400],
    ['an unknown session', '/payments/success?session_id=cs_unknown', 404],
    ['an empty one', '/payments/success?session_id=', 400],
  ])('are not told of for %s', async (_, path, status) => {
    const answer = await shop.call('GET', path, null);
    expect(answer).toMatchObject({ status, body: { error: expect.any(String) } });
  });

  it('are told of where hours were sold, not for a checkout of another product', async () => {
    const { id } = await shop.buy({ product: 'infinite-server26', email: 'other@example.com' });
    expect((await success(id)).status).toBe(404);
  });
});

describe('POST /payments/webhook', () => {
  const send = async (headers: Record<string, string>, body: string) => {
    const answer = await fetch(`${shop.server.url}/payments/webhook`, { method: 'POST', headers, body });
    return { status: answer.status, body: await answer.json() };
  };
  const signed = (payload: string) => {
    const t = Math.floor(Date.now() / 1_000);
    const secret = shop.server.app.webhookSecrets[0] ?? '';
    return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${payload}`).digest('hex')}`;
  };

  it('takes what Stripe signed, and adds the hours [R3] [R4]', async () => {
    const key = await keyWith();
    const { body } = await begin({ license_key: key, hours: 7 });
    await shop.control('/webhooks', { mode: 'drop' });
    await pay(body.session_id);
    const events = await shop.stripe('GET', '/v1/events?type=checkout.session.completed&limit=10');
    const event = (events.data as Wire[]).find(({ data }) => data.object.id === body.session_id);
    const payload = JSON.stringify(event);
    for (let times = 0; times < 2; times += 1) {
      const answer = await send({ 'stripe-signature': signed(payload) }, payload);
      expect(answer).toEqual({ status: 200, body: { received: true } });
    }
    await shop.server.app.settle();
    expect(await balance(key)).toMatchObject(figures(7, 7, 0));
  });

  it('refuses what is not signed, and what is no event [R3]', async () => {
    expect(await send({ 'stripe-signature': 't=1,v1=00' }, '{}')).toEqual({
      status: 400,
      body: { error: 'Invalid signature' },
    });
    expect(await send({ 'stripe-signature': signed('nothing') }, 'nothing')).toEqual({
      status: 400,
      body: { error: 'Invalid payload' },
    });
  });
});

describe('a quote', () => {
  it('is the price of the hours, rounded once [R6]', async () => {
    const { status, body } = await shop.call('GET', '/payments/quote?hours=2.345', null);
    expect({ status, body }).toEqual({
      status: 200,
      body: {
        hours: 2.345,
        amount: 11.73,
        amount_cents: 1173,
        currency: 'usd',
        text: expect.stringContaining('11.73'),
      },
    });
    expect((await shop.call('GET', '/payments/quote?hours=-1', null)).status).toBe(400);
  });
});
