import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../../test/support/changing.yaml', import.meta.url));

let shop: Shop;
let count = 0;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
});
afterAll(() => shop?.close());

interface Subscriber {
  id: string;
  reference: string;
  customer: string;
  token: string;
}

/** Somebody who bought a plan. */
async function subscribe(plan: string): Promise<Subscriber> {
  count += 1;
  const name = `changer${count}`;
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
const invoices = async ({ reference }: Subscriber): Promise<Wire[]> =>
  (await shop.stripe('GET', `/v1/invoices?subscription=${reference}&limit=100`)).data;

describe('a change of plan', () => {
  it('charges an upgrade at once, exactly what the preview said, and moves the licence', async () => {
    const someone = await subscribe('basic');
    await pass({ days: 10 });
    const preview = await change(someone.id, { plan: 'pro', preview: true });
    expect(preview).toMatchObject({ status: 200, body: { preview: true, change: { kind: 'upgrade', when: 'now' } } });
    expect(preview.body.amount_due).toBeGreaterThan(0);
    expect(await read(someone.id)).toMatchObject({ plan: 'basic' });
    expect(await invoices(someone)).toHaveLength(1);

    await pass({ minutes: 4 });
    const changed = await change(someone.id, { plan: 'pro', as_of: preview.body.as_of });
    expect(changed.status).toBe(200);
    const { preview: _shown, subscription: _before, ...shown } = preview.body;
    expect(changed.body).toMatchObject({ preview: false, subscription: { plan: 'pro' } });
    expect({ ...changed.body }).toMatchObject(shown);
    const [latest, ...others] = await invoices(someone);
    expect(latest).toMatchObject({ billing_reason: 'subscription_update', amount_paid: preview.body.amount_due });
    expect(others).toHaveLength(1);
    await shop.settle();
    const { body: licenses } = await shop.call('GET', '/v1/licenses', someone.token);
    expect(licenses.data).toMatchObject([{ plan: 'pro', status: 'active' }]);
  });

  it('refuses a preview that is more than five minutes old', async () => {
    const someone = await subscribe('basic');
    const { body } = await change(someone.id, { plan: 'pro', preview: true });
    await pass({ minutes: 6 });
    const late = await change(someone.id, { plan: 'pro', as_of: body.as_of });
    expect(late).toMatchObject({ status: 409, body: { code: 'subscription_change_outdated' } });
    expect(await invoices(someone)).toHaveLength(1);
  });

  it('charges the quantity', async () => {
    const someone = await subscribe('basic');
    const { body } = await change(someone.id, { plan: 'basic', quantity: 4 });
    expect(body).toMatchObject({
      change: { kind: 'upgrade', to: { quantity: 4, amount_cents: 4_000 } },
      amount_due: 3_000,
    });
    expect(await read(someone.id)).toMatchObject({ amount_cents: 4_000 });
  });

  it('to another interval begins a period', async () => {
    const someone = await subscribe('pro');
    const { body } = await change(someone.id, { plan: 'pro-yearly' });
    expect(body).toMatchObject({ change: { kind: 'upgrade' }, amount_due: 27_000 });
    const { current_period_start: start, current_period_end: end } = await read(someone.id);
    expect((Date.parse(end) - Date.parse(start)) / 86_400_000).toBeGreaterThanOrEqual(365);
  });

  it('costs nothing and waits for nothing during a trial', async () => {
    const someone = await subscribe('tried');
    expect(await read(someone.id)).toMatchObject({ status: 'trialing' });
    const { body } = await change(someone.id, { plan: 'basic' });
    expect(body).toMatchObject({
      change: { kind: 'downgrade', when: 'now', proration: 'none' },
      amount_due: 0,
      lines: [],
    });
    expect(await read(someone.id)).toMatchObject({ plan: 'basic', status: 'trialing' });
  });

  it('that cannot be paid changes nothing and charges nothing', async () => {
    const someone = await subscribe('basic');
    await shop.control(`/customers/${someone.customer}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    const refused = await change(someone.id, { plan: 'team' });
    expect(refused).toMatchObject({ status: 402, body: { code: 'stripe_declined', decline_code: 'generic_decline' } });
    await shop.settle();
    expect(await read(someone.id)).toMatchObject({ plan: 'basic', status: 'active', amount_cents: 1_000 });
    expect(await invoices(someone)).toHaveLength(1);
  });

  it('waits where the bank asks for the customer, and is made once they have answered', async () => {
    const someone = await subscribe('basic');
    const method = { payment_method: 'pm_card_authenticationRequired' };
    await shop.control(`/customers/${someone.customer}/payment_method`, method);
    const { status, body } = await change(someone.id, { plan: 'pro' });
    expect({ status, body }).toMatchObject({
      status: 200,
      body: { requires_action: true, amount_due: 2_000, subscription: { plan: 'basic', status: 'active' } },
    });
    const [intent] = body.client_secret.split('_secret_');
    await shop.settle();
    expect(await read(someone.id)).toMatchObject({ plan: 'basic', status: 'active', amount_cents: 1_000 });
    await shop.control(`/payment_intents/${intent}/authenticate`, { outcome: 'succeed' });
    await shop.settle();
    expect(await read(someone.id)).toMatchObject({ plan: 'pro', status: 'active', amount_cents: 3_000 });
    const paid = (await invoices(someone)).map(({ amount_paid: amount }) => amount);
    expect(paid).toEqual([2_000, 1_000]);
    const { body: licenses } = await shop.call('GET', '/v1/licenses', someone.token);
    expect(licenses.data).toMatchObject([{ plan: 'pro', status: 'active' }]);
  });

  it('credits a downgrade that was asked for now', async () => {
    const someone = await subscribe('team');
    const { body } = await change(someone.id, { plan: 'basic', when: 'now' });
    expect(body).toMatchObject({ change: { kind: 'downgrade', when: 'now' }, amount_due: 0, total: -6_777 });
    const customer = await shop.stripe('GET', `/v1/customers/${someone.customer}`);
    expect(customer.balance).toBe(-6_777);
  });

  it.each([
    ['an unknown plan', { plan: 'none' }, 400, { code: 'plan_unknown' }],
    ['the plan it is on', { plan: 'basic' }, 400, { code: 'invalid_request', path: 'plan' }],
    ['a plan in another currency', { plan: 'euro' }, 409, { code: 'plan_change_not_possible', reason: 'currency' }],
    [
      'a plan that is paid for once',
      { plan: 'lifetime' },
      409,
      { code: 'plan_change_not_possible', reason: 'one_time' },
    ],
    ['a free plan at once', { plan: 'free', when: 'now' }, 409, { reason: 'free_plan' }],
    ['no quantity', { plan: 'pro', quantity: 0 }, 400, { code: 'invalid_request' }],
    ['a time that no preview gave', { plan: 'pro', as_of: '2099-01-01T00:00:00Z' }, 400, { path: 'as_of' }],
    ['what is no time', { plan: 'pro', as_of: 'yesterday' }, 400, { code: 'invalid_request' }],
  ])('is refused to %s', async (_name, body, status, refusal) => {
    const someone = await subscribe('basic');
    expect(await change(someone.id, body)).toMatchObject({ status, body: refusal });
    expect(await invoices(someone)).toHaveLength(1);
  });

  it('is refused once the subscription has ended, and for one that there is not', async () => {
    const ended = await subscribe('basic');
    await shop.vendor('POST', `/v1/subscriptions/${ended.id}/cancel`);
    const refused = { status: 409, body: { code: 'subscription_state_conflict' } };
    expect(await change(ended.id, { plan: 'pro' })).toMatchObject(refused);
    expect(await change('subs_none', { plan: 'pro' })).toMatchObject({ status: 404 });
  });

  it('is the customer’s to make, and nobody else’s', async () => {
    const someone = await subscribe('basic');
    const other = await subscribe('basic');
    const path = `/v1/subscriptions/${someone.id}/change`;
    expect(await shop.call('POST', path, other.token, { plan: 'pro' })).toMatchObject({ status: 404 });
    expect(await shop.call('POST', path, null, { plan: 'pro' })).toMatchObject({ status: 401 });
    expect(await shop.call('POST', path, someone.token, { plan: 'pro', preview: true })).toMatchObject({ status: 200 });
    expect(await shop.call('POST', path, someone.token, { plan: 'pro' })).toMatchObject({
      status: 200,
      body: { subscription: { plan: 'pro', metadata: {} } },
    });
  });

  it('to the free plan ends with what was paid for, falls back then, and can be taken back before', async () => {
    const someone = await subscribe('basic');
    const { body } = await change(someone.id, { plan: 'free' });
    expect(body).toMatchObject({
      change: { kind: 'downgrade', when: 'period_end' },
      amount_due: 0,
      subscription: { plan: 'basic', pending_change: { plan: 'free' } },
    });
    const back = await shop.vendor('POST', `/v1/subscriptions/${someone.id}/change/cancel`);
    expect(back).toMatchObject({ status: 200, body: { pending_change: null, cancel_at: null } });
    expect(await shop.vendor('POST', `/v1/subscriptions/${someone.id}/change/cancel`)).toMatchObject({ status: 409 });
    await change(someone.id, { plan: 'free' });
    await pass({ days: 32 });
    expect(await read(someone.id)).toMatchObject({ status: 'canceled', pending_change: null });
    const { body: licenses } = await shop.call('GET', '/v1/licenses', someone.token);
    expect(licenses.data).toMatchObject([{ plan: 'free', status: 'active' }]);
  });
});
