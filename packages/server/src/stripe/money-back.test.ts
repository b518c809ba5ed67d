import Stripe from 'stripe';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../test/support/shop.ts';
import type { Server } from '../server.ts';

let shop: Shop;
let server: Server;
let stripe: Stripe;
let count = 0;
let email: string;

beforeAll(async () => {
  shop = await openShop();
  server = shop.server;
  const { hostname: host, port } = new URL(server.app.localStripe?.url ?? '');
  stripe = new Stripe('sk_test_money', { protocol: 'http', host, port: Number(port), maxNetworkRetries: 0 });
});

afterAll(() => shop?.close());

beforeEach(async () => {
  count += 1;
  email = `money${count}@example.com`;
  await atStripe('/webhooks', { mode: 'normal' });
});

const headers = (more: Record<string, string> = {}) => ({
  'content-type': 'application/json',
  authorization: `Bearer ${server.app.adminToken.token}`,
  ...more,
});

async function atStripe(path: string, body: object): Promise<Wire> {
  const url = `${server.app.localStripe?.url}/_sandbox${path}`;
  const answer = await fetch(url, { method: 'POST', headers: headers(), body: JSON.stringify(body) });
  const text = await answer.text();
  expect(answer.status, `${path}: ${text}`).toBe(200);
  return JSON.parse(text);
}

/** Every webhook that is due was delivered, and what it led to is done. */
async function settle(): Promise<void> {
  expect(await atStripe('/webhooks/settle', {})).toMatchObject({ settled: true });
  await server.app.settle();
}

async function call(method: string, path: string, body?: object, more?: Record<string, string>) {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: headers(more),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const wire: Wire = await answer.json();
  return { status: answer.status, body: wire };
}

interface Bought {
  id: string;
  key: string;
  payment: string;
  charge: string;
  amount: number;
}

async function buy(product: string, plan: string, card = 'pm_card_visa'): Promise<Bought> {
  const { body: checkout } = await call('POST', '/v1/checkouts', { product, plan, email });
  await atStripe(`/checkout/sessions/${checkout.id}/complete`, { payment_method: card });
  await settle();
  const { body: licenses } = await call('GET', `/v1/licenses?email=${email}`);
  expect(licenses.data).toHaveLength(1);
  const [{ id }] = licenses.data;
  const [charge] = (await stripe.charges.list({ limit: 1 })).data;
  if (charge === undefined) throw new Error('Nothing was charged');
  return {
    id,
    key: (await server.app.licenseReader.keyOf(id)) ?? '',
    payment: String(charge.payment_intent),
    charge: charge.id,
    amount: charge.amount,
  };
}

const subscribe = (card?: string) => buy('infinite-server26', 'license', card);

async function code({ key }: Bought): Promise<string> {
  return (await call('POST', '/v1/licenses/validate', { key })).body.code;
}

async function letters(): Promise<string[]> {
  const { body } = await call('GET', `/sandbox/mail?to=${email}`);
  return body.map(({ subject }: Wire) => subject).toReversed();
}

async function disputeOf({ charge }: Bought): Promise<string> {
  const [dispute] = (await stripe.disputes.list({ charge })).data;
  if (dispute === undefined) throw new Error('The charge is not disputed');
  return dispute.id;
}

describe('a dispute', () => {
  it('withholds the licence with its delivery, and gives it back when it is won', async () => {
    const license = await subscribe('pm_card_createDispute');
    expect(await code(license)).toBe('SUSPENDED');
    const dispute = await disputeOf(license);
    const { body } = await call('POST', '/v1/licenses/validate', { key: license.key });
    expect(JSON.stringify(body.because)).toContain('dispute');
    await stripe.disputes.update(dispute, { evidence: { uncategorized_text: 'winning_evidence' } });
    await settle();
    expect(await code(license)).toBe('VALID');
    const { body: audit } = await call('GET', '/v1/audit?limit=50');
    // That it was under review is told only where a second lay between that and the decision.
    const told = /dispute\.(?!under_review)|hold/;
    const actions: string[] = audit.data.map(({ action }: Wire) => action).toReversed();
    const recorded = actions.filter((action) => told.test(action));
    // A charge that is heard of together with its dispute is followed first, and then it is what places the hold.
    expect([recorded.slice(0, 2).toSorted(), recorded.slice(2).toSorted()]).toEqual([
      ['dispute.needs_response', 'license.hold_placed'],
      ['dispute.won', 'license.hold_lifted'],
    ]);
    expect(await letters()).toHaveLength(1);
  });

  it('that is lost withholds it for good', async () => {
    const license = await subscribe('pm_card_createDispute');
    await stripe.disputes.close(await disputeOf(license));
    await settle();
    expect(await code(license)).toBe('SUSPENDED');
  });

  it('of what was paid for once withholds it as well', async () => {
    const license = await buy('quantum-falcon', 'lifetime');
    const { id } = await atStripe(`/charges/${license.charge}/dispute`, {
      reason: 'product_not_received',
      amount: 100,
    });
    await settle();
    expect(await code(license)).toBe('SUSPENDED');
    await atStripe(`/disputes/${id}/close`, { status: 'won' });
    await settle();
    expect(await code(license)).toBe('VALID');
  });

  it('that is only an inquiry withholds nothing', async () => {
    const license = await subscribe('pm_card_createDisputeInquiry');
    expect(await disputeOf(license)).toMatch(/^du_/);
    expect(await code(license)).toBe('VALID');
  });

  it.each(['duplicate', 'shuffle'])('told in the mode %s ends the same', async (mode) => {
    await atStripe('/webhooks', { mode });
    const license = await subscribe('pm_card_createDispute');
    expect(await code(license)).toBe('SUSPENDED');
    await atStripe(`/disputes/${await disputeOf(license)}/close`, { status: 'won' });
    await settle();
    expect(await code(license)).toBe('VALID');
  });

  it('whose payment nobody told us of is asked about', async () => {
    const license = await subscribe();
    const { connection } = server.app.database;
    await connection.deleteFrom('stripe_objects').where('type', 'in', ['charge', 'invoice_payment']).execute();
    await atStripe(`/charges/${license.charge}/dispute`, {});
    await settle();
    expect(await code(license)).toBe('SUSPENDED');
  });
});

describe('a refund made in Stripe', () => {
  it('of all takes the licence back with one letter, however often it is told', async () => {
    await atStripe('/webhooks', { mode: 'duplicate' });
    const license = await subscribe();
    await stripe.refunds.create({ charge: license.charge });
    await settle();
    expect(await code(license)).toBe('REVOKED');
    expect(await letters()).toEqual([expect.any(String), expect.stringContaining('was revoked')]);
  });

  it('of a part leaves it; of the rest takes it', async () => {
    const license = await buy('quantum-falcon', 'lifetime');
    await stripe.refunds.create({ charge: license.charge, amount: license.amount - 1 });
    await settle();
    expect(await code(license)).toBe('VALID');
    await stripe.refunds.create({ charge: license.charge, amount: 1 });
    await settle();
    expect(await code(license)).toBe('REVOKED');
  });

  it('that comes back gives the licence back', async () => {
    const license = await subscribe('pm_card_refundFail');
    await stripe.refunds.create({ charge: license.charge });
    await settle();
    expect(await code(license)).toBe('REVOKED');
    await call('POST', '/sandbox/time/advance', { hours: 2 });
    expect(await code(license)).toBe('VALID');
  });
});

describe('POST /v1/refunds', () => {
  it('takes the licence before it answers, and the webhooks that follow change nothing', async () => {
    const license = await subscribe();
    await atStripe('/webhooks', { mode: 'hold' });
    const { status, body } = await call('POST', '/v1/refunds', { payment: license.payment, reason: 'duplicate' });
    expect([status, body]).toEqual([
      201,
      {
        id: expect.stringMatching(/^re_/),
        object: 'refund',
        status: 'succeeded',
        amount: license.amount,
        currency: 'usd',
        payment: license.payment,
        invoice: expect.stringMatching(/^in_/),
        license_ids: [license.id],
      },
    ]);
    expect(await code(license)).toBe('REVOKED');
    await atStripe('/webhooks', { mode: 'normal' });
    await atStripe('/webhooks/flush', {});
    await settle();
    expect(await code(license)).toBe('REVOKED');
    expect(await letters()).toHaveLength(2);
    expect((await stripe.refunds.list({ charge: license.charge })).data).toMatchObject([{ reason: 'duplicate' }]);
  });

  it('gives back an invoice, or a charge, in parts and never more than is left', async () => {
    const license = await subscribe();
    const [paid] = (
      await stripe.invoicePayments.list({ payment: { type: 'payment_intent', payment_intent: license.payment } })
    ).data;
    const invoice = String(paid?.invoice);
    const part = await call('POST', '/v1/refunds', { invoice, amount: 500 });
    expect(part).toMatchObject({ status: 201, body: { amount: 500, invoice, license_ids: [license.id] } });
    expect(await code(license)).toBe('VALID');
    const tooMuch = await call('POST', '/v1/refunds', { payment: license.charge, amount: license.amount - 499 });
    expect(tooMuch).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringContaining(`no more than ${license.amount - 500}`) },
    });
    const rest = await call('POST', '/v1/refunds', { payment: license.charge });
    expect(rest).toMatchObject({ status: 201, body: { amount: license.amount - 500, payment: license.payment } });
    expect(await code(license)).toBe('REVOKED');
    const again = await call('POST', '/v1/refunds', { invoice });
    expect(again).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('gives back what was paid for once', async () => {
    const license = await buy('quantum-falcon', 'lifetime');
    const { body } = await call('POST', '/v1/refunds', { payment: license.payment });
    expect(body).toMatchObject({ amount: license.amount, invoice: null, license_ids: [license.id] });
    expect(await code(license)).toBe('REVOKED');
  });

  it('is done once under one Idempotency-Key', async () => {
    const license = await subscribe();
    const key = { 'idempotency-key': `refund-${count}` };
    const body = { payment: license.payment, amount: 100 };
    const [first, second] = [
      await call('POST', '/v1/refunds', body, key),
      await call('POST', '/v1/refunds', body, key),
    ];
    expect(second).toEqual(first);
    expect((await stripe.refunds.list({ charge: license.charge })).data).toHaveLength(1);
  });

  it.each([
    [{}, 'invalid_request', 400],
    [{ payment: 'pi_1', invoice: 'in_1' }, 'invalid_request', 400],
    [{ payment: 'cus_1' }, 'invalid_request', 400],
    [{ payment: 'pi_1', amount: 0 }, 'invalid_request', 400],
    [{ payment: 'pi_1', amount: 1.5 }, 'invalid_request', 400],
    [{ payment: 'pi_1', reason: 'why not' }, 'invalid_request', 400],
    [{ payment: 'pi_unknown' }, 'resource_missing', 404],
    [{ payment: 'ch_unknown' }, 'resource_missing', 404],
    [{ invoice: 'in_unknown' }, 'resource_missing', 404],
  ])('answers %j with %s', async (body, wanted, status) => {
    expect(await call('POST', '/v1/refunds', body)).toMatchObject({ status, body: { code: wanted } });
  });

  it('says what cannot be given back: what was not paid, and what the bank has', async () => {
    const unpaid = await stripe.paymentIntents.create({ amount: 100, currency: 'usd' });
    expect(await call('POST', '/v1/refunds', { payment: unpaid.id })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringContaining('not paid') },
    });
    const license = await subscribe('pm_card_createDispute');
    expect(await call('POST', '/v1/refunds', { payment: license.payment })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', detail: expect.stringContaining('charged back') },
    });
  });
});
