import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop();
});

afterAll(() => shop?.close());

interface Licensed {
  id: string;
  key: string;
}

async function licensed(): Promise<Licensed> {
  const { body } = await shop.vendor('POST', '/v1/licenses', { product: 'redline2', email: 'owner@example.com' });
  return { id: body.id, key: body.key };
}

const order = (body: object, token: string | null = null) =>
  shop.call('POST', '/v1/checkouts', token, { product: 'redline2', ...body });

/** Pays a checkout's session with a card, and waits until all that follows is done. */
async function pay(sessionId: string, paymentMethod = 'pm_card_visa'): Promise<Wire> {
  const session = await shop.control(`/checkout/sessions/${sessionId}/complete`, { payment_method: paymentMethod });
  await shop.settle();
  return session;
}

interface Bought {
  license: Licensed;
  /** Stripe's session. */
  session: string;
  payment: string;
  charge: string;
}

/** Ten hours for 50.00, paid. */
async function buyTen(license: Licensed, paymentMethod?: string): Promise<Bought> {
  const { body } = await order({ pack: 'medium', license_key: license.key });
  const { payment_intent: payment } = await pay(body.id, paymentMethod);
  const { latest_charge: charge } = await shop.stripe('GET', `/v1/payment_intents/${payment}`);
  return { license, session: body.id, payment, charge };
}

async function balance({ id }: Licensed): Promise<Wire> {
  return (await shop.vendor('GET', `/v1/balances?license_id=${id}&meter=hours`)).body.data[0];
}

const available = async (license: Licensed) => (await balance(license)).available;

async function use(license: Licensed, hours: number): Promise<void> {
  count += 1;
  const deduction = { license_id: license.id, meter: 'hours', quantity: hours, operation_key: `use-${count}` };
  expect((await shop.vendor('POST', '/v1/balances/deductions', deduction)).status).toBe(200);
}

async function page(sessionId: string): Promise<string> {
  const answer = await fetch(`${shop.server.url}/checkout/success?session_id=${sessionId}`);
  expect(answer.status).toBe(200);
  return answer.text();
}

const mailTo = async (email: string): Promise<Wire[]> =>
  (await shop.vendor('GET', `/sandbox/mail?to=${encodeURIComponent(email)}`)).body;

describe('a quote', () => {
  const quote = async (query: string) => {
    const { status, body } = await shop.call('GET', `/v1/products/redline2/quote?${query}`, null);
    return status === 200
      ? [body.quantity, body.amount_cents, body.currency, body.pack]
      : [status, body.code, body.path];
  };

  it('says what packs and quantities of one’s own cost [R6]', async () => {
    expect(await quote('pack=medium')).toEqual([10, 5_000, 'usd', 'medium']);
    expect(await quote('quantity=1')).toEqual([1, 500, 'usd', null]);
    expect(await quote('quantity=2.5&meter=hours')).toEqual([2.5, 1_250, 'usd', null]);
    expect(await quote('quantity=33.333333')).toEqual([33.333333, 16_667, 'usd', null]);
  });

  it.each([
    ['quantity=0.5', 400, 'quantity_invalid', 'quantity'],
    ['quantity=1001', 400, 'quantity_invalid', 'quantity'],
    ['quantity=abc', 400, 'quantity_invalid', 'quantity'],
    ['pack=nothing', 400, 'invalid_request', 'pack'],
    ['pack=small&quantity=5', 400, 'invalid_request', 'quantity'],
    ['quantity=5&meter=miles', 400, 'meter_unknown', 'meter'],
  ])('is refused for %s', async (query, ...refusal) => {
    expect(await quote(query)).toEqual(refusal);
  });

  it('is of a product that is there', async () => {
    const { status, body } = await shop.call('GET', '/v1/products/none/quote?quantity=1', null);
    expect([status, body.code]).toEqual([404, 'resource_missing']);
  });
});

describe('a checkout for hours', () => {
  it('adds a pack to the licence once it is paid, says so by mail, and on the page one comes back to', async () => {
    const license = await licensed();
    const started = await order({ pack: 'medium', license_key: license.key, email: 'payer@example.com' });
    expect(started.status).toBe(201);
    const { id } = started.body;
    expect(await shop.stripe('GET', `/v1/checkout/sessions/${id}`)).toMatchObject({
      mode: 'payment',
      amount_total: 5_000,
      currency: 'usd',
      metadata: { latchkey_product: 'redline2', latchkey_license: license.id },
    });
    expect(await page(id)).toContain('on its way');
    expect(await available(license)).toBe(0);
    await pay(id);
    expect((await balance(license)).lots).toMatchObject([{ id: `checkout/${id}`, source: 'purchased', available: 10 }]);
    const letters = await mailTo('payer@example.com');
    expect(letters).toHaveLength(1);
    expect(letters[0].text).toContain('50.00 USD');
    expect(letters[0].subject).toContain('10 hours');
    const shown = await page(id);
    expect(shown).toContain('10 hours were added');
    expect(shown).not.toContain(license.key);
    const { body } = await shop.vendor('GET', `/v1/checkouts/${id}`);
    expect(body).toMatchObject({
      status: 'complete',
      credit: {
        meter: 'hours',
        pack: 'medium',
        quantity: 10,
        amount_cents: 5_000,
        license_id: license.id,
        withheld: 0,
      },
    });
    expect((await shop.call('POST', '/v1/licenses/validate', null, { key: license.key })).body.code).toBe('VALID');
  });

  it('adds a quantity of one’s own to the microsecond [R6]', async () => {
    const license = await licensed();
    const { body } = await order({ quantity: '2.500001', license_key: license.key });
    expect((await shop.stripe('GET', `/v1/checkout/sessions/${body.id}`)).amount_total).toBe(1_250);
    await pay(body.id);
    expect(await available(license)).toBe(2.500001);
  });

  it('without a key brings a licence with the hours, whose key is mailed and shown once', async () => {
    const { body } = await order({ pack: 'small', email: 'newcomer@example.com' });
    await pay(body.id);
    const first = await page(body.id);
    const key = /RL-[A-Z0-9-]+/.exec(first)?.[0] ?? '';
    expect((await shop.call('POST', '/v1/licenses/validate', null, { key })).body).toMatchObject({ code: 'VALID' });
    expect(await page(body.id)).not.toContain(key);
    const subjects = (await mailTo('newcomer@example.com')).map(({ subject }) => subject);
    expect(subjects).toHaveLength(2);
    const { body: balances } = await shop.call('GET', `/v1/balances?license_key=${key}`, null);
    expect(balances.data[0]).toMatchObject({ meter: 'hours', available: 5 });
    expect((await shop.vendor('GET', '/v1/licenses?product=redline2&status=active')).status).toBe(200);
  });

  it('adds nothing for a session whose time ran out', async () => {
    const license = await licensed();
    const { body } = await order({ pack: 'small', license_key: license.key });
    await shop.stripe('POST', `/v1/checkout/sessions/${body.id}/expire`);
    await shop.settle();
    expect(await available(license)).toBe(0);
    expect((await shop.vendor('GET', `/v1/checkouts/${body.id}`)).body).toMatchObject({
      status: 'expired',
      credit: { added_at: null },
    });
  });

  it.each([
    ['a pack and a quantity', { pack: 'small', quantity: 5 }, 400, 'invalid_request'],
    ['a pack that is not sold', { pack: 'huge' }, 400, 'invalid_request'],
    ['less than is sold', { quantity: 0.5 }, 400, 'quantity_invalid'],
    ['less than nothing', { quantity: -5 }, 400, 'quantity_invalid'],
    ['more than is sold', { quantity: 1_001 }, 400, 'quantity_invalid'],
    ['a number beyond counting', { quantity: 1e308 }, 400, 'invalid_request'],
    ['finer than can be counted', { quantity: '1.0000001' }, 400, 'quantity_invalid'],
    ['a product that sells none', { product: 'infinite-server26', quantity: 5 }, 400, 'invalid_request'],
    ['an unknown key', { pack: 'small', license_key: 'RL-AAAAAAAA-AAAAAAAA-AAAAAAAA' }, 404, 'resource_missing'],
    ['a licence by its id, as anyone', { pack: 'small', license_id: 'lic_none' }, 401, 'unauthorized'],
    ['a plan that is not there', { pack: 'small', plan: 'gold' }, 400, 'plan_unknown'],
  ])('is refused for %s', async (_, body, ...refusal) => {
    const answer = await order(body);
    expect([answer.status, answer.body.code]).toEqual(refusal);
  });

  it('is refused for a licence of another product, and for one that is revoked', async () => {
    const { body: other } = await shop.vendor('POST', '/v1/licenses', { product: 'infinite-server26' });
    expect(await order({ pack: 'small', license_key: other.key })).toMatchObject({
      status: 400,
      body: { path: 'product' },
    });
    const license = await licensed();
    await shop.vendor('POST', `/v1/licenses/${license.id}/revoke`, {});
    expect(await order({ pack: 'small', license_key: license.key })).toMatchObject({
      status: 409,
      body: { code: 'license_state_conflict' },
    });
  });

  it('may be the vendor’s or the owner’s by the licence’s id', async () => {
    const license = await licensed();
    const token = shop.server.app.adminToken.token;
    expect((await order({ pack: 'small', license_id: license.id }, token)).status).toBe(201);
    expect((await order({ pack: 'small', license_id: license.id }, await shop.tokenOf('owner'))).status).toBe(201);
    expect((await order({ pack: 'small', license_id: license.id }, await shop.tokenOf('other'))).status).toBe(404);
  });
});

describe('money that is given back', () => {
  const refund = async (payment: string, amount?: number) => {
    const { status, body } = await shop.vendor('POST', '/v1/refunds', { payment, ...(amount ? { amount } : {}) });
    expect(status, JSON.stringify(body)).toBe(201);
    await shop.settle();
    return body;
  };
  const close = async (charge: string, status: string) => {
    const { data } = await shop.stripe('GET', `/v1/disputes?charge=${charge}`);
    await shop.control(`/disputes/${data[0].id}/close`, { status });
    await shop.settle();
  };

  it('takes back what is left of what it paid for, and nothing else', async () => {
    const license = await licensed();
    const { payment, session } = await buyTen(license);
    await use(license, 8);
    const other = await order({ pack: 'small', license_key: license.key });
    await pay(other.body.id);
    expect(await available(license)).toBe(7);
    const refunded = await refund(payment);
    expect(refunded.license_ids).toEqual([license.id]);
    expect(await available(license)).toBe(5);
    expect((await shop.vendor('GET', `/v1/checkouts/${session}`)).body.credit).toMatchObject({
      withheld: 10,
      taken_back: 2,
    });
    expect((await shop.vendor('GET', `/v1/licenses/${license.id}`)).body.status).toBe('active');
  });

  it('takes back the part that was refunded, and the rest with the rest', async () => {
    const license = await licensed();
    const { payment } = await buyTen(license);
    await refund(payment, 1_250);
    expect(await available(license)).toBe(7.5);
    await use(license, 7);
    await refund(payment, 1_250);
    expect(await available(license)).toBe(0);
    await refund(payment);
    expect(await balance(license)).toMatchObject({ available: 0, used: 7, returned: 3 });
  });

  it('is held back while it is disputed, and given back when the dispute is won', async () => {
    const license = await licensed();
    const { charge } = await buyTen(license, 'pm_card_createDispute');
    expect(await balance(license)).toMatchObject({ available: 0, returned: 10 });
    await close(charge, 'won');
    expect(await balance(license)).toMatchObject({ available: 10 });
    expect((await shop.call('POST', '/v1/licenses/validate', null, { key: license.key })).body.code).toBe('VALID');
  });

  it('stays gone when the dispute is lost, and never goes below zero', async () => {
    const license = await licensed();
    const { charge } = await buyTen(license, 'pm_card_createDispute');
    await close(charge, 'lost');
    expect(await balance(license)).toMatchObject({ available: 0, used: 0 });
  });

  const dispute = async (charge: string, amount: number) => {
    await shop.control(`/charges/${charge}/dispute`, { amount });
    await shop.settle();
  };

  it('is held back by the part that is disputed, and given back when the dispute is won', async () => {
    const license = await licensed();
    const { charge, session } = await buyTen(license);
    await dispute(charge, 1_250);
    expect(await balance(license)).toMatchObject({ available: 7.5, returned: 2.5 });
    expect((await shop.vendor('GET', `/v1/checkouts/${session}`)).body.credit).toMatchObject({
      ...{ withheld: 2.5, taken_back: 2.5 },
    });
    await close(charge, 'won');
    expect(await balance(license)).toMatchObject({ available: 10 });
    expect((await shop.vendor('GET', `/v1/checkouts/${session}`)).body.credit).toMatchObject({ withheld: 0 });
  });

  it('goes by the disputed part for good when the dispute is lost, beside what was refunded', async () => {
    const license = await licensed();
    const { charge, payment } = await buyTen(license);
    await refund(payment, 2_000);
    await use(license, 5);
    await dispute(charge, 1_000);
    expect(await balance(license)).toMatchObject({ available: 0, used: 5 });
    await close(charge, 'lost');
    expect(await balance(license)).toMatchObject({ available: 0, used: 5, returned: 5 });
  });

  it('gives back of a disputed part no more than was taken for it', async () => {
    const license = await licensed();
    const { charge } = await buyTen(license);
    await use(license, 9);
    await dispute(charge, 2_500);
    expect(await balance(license)).toMatchObject({ available: 0, used: 9 });
    await close(charge, 'won');
    expect(await balance(license)).toMatchObject({ available: 1, used: 9 });
  });

  it('comes to the same when the refund is heard of before the payment', async () => {
    for (const mode of ['hold', 'shuffle']) {
      const license = await licensed();
      await shop.control('/webhooks', { mode });
      const { body } = await order({ pack: 'medium', license_key: license.key });
      const { payment_intent: payment } = await shop.control(`/checkout/sessions/${body.id}/complete`, {
        payment_method: 'pm_card_visa',
      });
      await shop.stripe('POST', '/v1/refunds', { payment_intent: payment, amount: '2000' });
      await shop.control('/webhooks/flush', {});
      await shop.control('/webhooks', { mode: 'normal' });
      await shop.settle();
      expect(await balance(license), mode).toMatchObject({ granted: 10, returned: 4, available: 6 });
    }
  });

  it('is taken once, however often it is told of', async () => {
    const license = await licensed();
    await shop.control('/webhooks', { mode: 'duplicate' });
    const { payment } = await buyTen(license);
    await refund(payment, 2_500);
    await shop.control('/webhooks', { mode: 'normal' });
    expect(await balance(license)).toMatchObject({ granted: 10, available: 5, returned: 5 });
  });

  it('proves: every balance is what its entries add up to', async () => {
    const { body } = await shop.vendor('GET', '/v1/ledger/proof?limit=1000');
    expect(body).toMatchObject({ balanced: true, discrepancies: [] });
  });
});
