import { fileURLToPath } from 'node:url';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openShop, type Shop } from '../../../packages/server/test/support/shop.ts';
import { changeCents, type Period, periodEnd } from './sums.ts';

let shop: Shop;
let stripe: Stripe;

beforeAll(async () => {
  shop = await openShop({ CATALOG: fileURLToPath(new URL('catalog.yaml', import.meta.url)) });
  const address = new URL(shop.server.app.localStripe?.url ?? '');
  stripe = new Stripe('sk_test_lives', { protocol: 'http', host: address.hostname, port: address.port });
});
afterAll(() => shop.close());

const DAY_HOURS = 24;

async function advance(hours: number): Promise<void> {
  const { status, body } = await shop.vendor('POST', '/sandbox/time/advance', { hours });
  expect(status, JSON.stringify(body)).toBe(200);
}

/** To some hours after an instant, in seconds of Stripe's. */
async function advancePast(at: number, hours: number): Promise<void> {
  const now = shop.server.app.clock.now().getTime() / 1_000;
  await advance((at - now) / 3_600 + hours);
}

async function done(method: string, path: string, body?: unknown) {
  const answer = await shop.vendor(method, path, body);
  expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300);
  await shop.settle();
  return answer.body;
}

/** What was charged to a customer, the oldest first. */
async function charged(customer: string): Promise<number[]> {
  const { data } = await stripe.charges.list({ customer, limit: 100 });
  return data
    .filter(({ status }) => status === 'succeeded')
    .map(({ amount }) => amount)
    .reverse();
}

const card = (customer: string, payment_method: string) =>
  shop.control(`/customers/${customer}/payment_method`, { payment_method });

interface Life {
  name: string;
  product: string;
  plan: { id: string; cents: number };
  better: { id: string; cents: number };
  months: number;
  trialDays: number;
  /** What is left in the end: taken back with the money, or the free plan. */
  end: { status: string; plan: string };
}

const studio = { product: 'studio', end: { status: 'revoked', plan: '' } };
const LIVES: Life[] = [
  {
    ...studio,
    name: 'a plan by the month',
    plan: { id: 'basic', cents: 1_999 },
    better: { id: 'pro', cents: 4_750 },
    months: 1,
    trialDays: 0,
  },
  {
    ...studio,
    name: 'a plan by the year',
    plan: { id: 'basic-year', cents: 19_990 },
    better: { id: 'pro-year', cents: 34_990 },
    months: 12,
    trialDays: 0,
  },
  {
    ...studio,
    name: 'a plan with a trial',
    plan: { id: 'tried', cents: 1_250 },
    better: { id: 'basic', cents: 1_999 },
    months: 1,
    trialDays: 14,
  },
  {
    name: 'a plan with a free one to fall back to',
    product: 'notes',
    plan: { id: 'plus', cents: 599 },
    better: { id: 'max', cents: 1_301 },
    months: 1,
    trialDays: 0,
    end: { status: 'active', plan: 'free' },
  },
];

/** A subscription, seen from the vendor's and from Stripe's side. */
async function begin({ product, plan }: Pick<Life, 'product' | 'plan'>, email: string) {
  const session = await shop.buy({ product, plan: plan.id, email });
  const reference: string = session.subscription;
  return {
    reference,
    customer: String(session.customer),
    ours: () => done('GET', `/v1/subscriptions/${reference}`),
    async license() {
      const { data } = await done('GET', `/v1/licenses?product=${product}&limit=100`);
      const { id } = await done('GET', `/v1/subscriptions/${reference}`);
      const found = data.filter((one: { subscription_id: string }) => one.subscription_id === id);
      expect(found).toHaveLength(1);
      return found[0];
    },
    async period(): Promise<Period> {
      const [item] = (await stripe.subscriptions.retrieve(reference)).items.data;
      return { start: item?.current_period_start ?? 0, end: item?.current_period_end ?? 0 };
    },
    /** Changes the plan as a preview says, and answers what that was. */
    async change(plan: string) {
      const path = `/v1/subscriptions/${reference}/change`;
      const shown = await done('POST', path, { plan, when: 'now', preview: true });
      const changed = await done('POST', path, { plan, when: 'now', as_of: shown.as_of });
      expect(changed).toMatchObject({ amount_due: shown.amount_due, total: shown.total, as_of: shown.as_of });
      return { at: Date.parse(shown.as_of) / 1_000, due: shown.amount_due, total: shown.total };
    },
    /** The same by another program, which settles it with the next invoice; at a second that it names. */
    async changeAtStripe(plan: string): Promise<number> {
      const [item] = (await stripe.subscriptions.retrieve(reference)).items.data;
      const price = await priceOf(product, plan);
      const proration_date = Math.floor(shop.server.app.clock.now().getTime() / 1_000);
      const items = [{ id: item?.id ?? '', price }];
      await stripe.subscriptions.update(reference, { items, proration_behavior: 'create_prorations', proration_date });
      await shop.settle();
      return proration_date;
    },
  };
}

async function priceOf(product: string, plan: string): Promise<string> {
  const row = await shop.server.app.database.connection
    .selectFrom('catalog_prices')
    .select('stripe_price_id')
    .where('product', '=', product)
    .where('plan', '=', plan)
    .executeTakeFirstOrThrow();
  return row.stripe_price_id;
}

async function monthlyRevenue(): Promise<number> {
  const { totals } = await done('GET', '/v1/analytics/revenue');
  return totals[0]?.mrr_cents ?? 0;
}

const monthly = (cents: number, months: number) => Math.round(cents / months);

describe('the whole life of', () => {
  it.each(LIVES)(
    '$name: every charge is to the cent what Stripe’s rules come to, and the licence follows',
    async (life) => {
      const { plan, better, months } = life;
      const bought = await begin(life, `${life.plan.id}@example.com`);
      const { customer, reference } = bought;
      const sums: number[] = [];

      if (life.trialDays > 0) {
        expect(await charged(customer)).toEqual([]);
        expect(await bought.ours()).toMatchObject({ status: 'trialing', standing: 'current' });
        expect(await monthlyRevenue()).toBe(0);
        await advancePast((await bought.period()).end, 2);
      }
      sums.push(plan.cents);
      expect(await charged(customer)).toEqual(sums);
      expect(await bought.ours()).toMatchObject({ status: 'active', plan: plan.id });
      expect(await bought.license()).toMatchObject({ status: 'active', plan: plan.id });
      expect(await monthlyRevenue()).toBe(monthly(plan.cents, months));

      const first = await bought.period();
      expect(first.end).toBe(periodEnd(first.start, months));
      await advance(7.3 * DAY_HOURS);
      const upgraded = await bought.change(better.id);
      sums.push(changeCents(plan.cents, better.cents, first, upgraded.at));
      expect(upgraded.due).toBe(sums.at(-1));
      expect(await charged(customer)).toEqual(sums);
      expect(await bought.license()).toMatchObject({ status: 'active', plan: better.id });
      expect(await monthlyRevenue()).toBe(monthly(better.cents, months));

      await advance(5.1 * DAY_HOURS);
      const downgraded = await bought.change(plan.id);
      const givenBack = changeCents(better.cents, plan.cents, first, downgraded.at);
      expect(downgraded).toMatchObject({ due: 0, total: givenBack });
      const renewal = plan.cents + givenBack;
      expect(await charged(customer)).toEqual(sums);
      expect(await bought.license()).toMatchObject({ status: 'active', plan: plan.id });

      await card(customer, 'pm_card_chargeCustomerFail');
      await advancePast(first.end, 2);
      const [invoice] = (await stripe.invoices.list({ subscription: reference, limit: 1 })).data;
      expect(invoice?.amount_due).toBe(renewal);
      expect(await bought.ours()).toMatchObject({ status: 'past_due', standing: 'grace', failed_payments: 1 });
      expect(await bought.license()).toMatchObject({ status: 'grace' });
      await advance(3 * DAY_HOURS);
      expect(await bought.ours()).toMatchObject({ standing: 'suspended', failed_payments: 2 });
      expect(await bought.license()).toMatchObject({ status: 'suspended' });
      await card(customer, 'pm_card_visa');
      await stripe.invoices.pay(invoice?.id ?? '');
      await shop.settle();
      sums.push(renewal);
      expect(await charged(customer)).toEqual(sums);
      expect(await bought.ours()).toMatchObject({ status: 'active', standing: 'current' });
      expect(await bought.license()).toMatchObject({ status: 'active', plan: plan.id });

      const second = await bought.period();
      expect(second).toEqual({ start: first.end, end: periodEnd(first.end, months) });
      await done('POST', `/v1/subscriptions/${reference}/cancel`, { at_period_end: true });
      expect(await bought.ours()).toMatchObject({ cancel_at: new Date(second.end * 1_000).toISOString() });
      await done('POST', `/v1/subscriptions/${reference}/resume`, {});
      expect(await bought.ours()).toMatchObject({ cancel_at: null, status: 'active' });
      await done('POST', `/v1/subscriptions/${reference}/cancel`, { at_period_end: false });
      expect(await bought.ours()).toMatchObject({ status: 'canceled', standing: 'ended' });
      expect(await bought.license()).toMatchObject({ status: 'active', plan: plan.id });
      expect(await monthlyRevenue()).toBe(0);
      if (life.end.plan === 'free') await advancePast(second.end, 1);

      const [last] = (await stripe.charges.list({ customer, limit: 1 })).data;
      expect(last?.amount).toBe(sums.at(-1));
      expect(await done('POST', '/v1/refunds', { payment: last?.id })).toMatchObject({ amount: sums.at(-1) });
      expect(await charged(customer)).toEqual(sums);
      expect((await stripe.charges.retrieve(last?.id ?? '')).amount_refunded).toBe(sums.at(-1));
      expect(await bought.license()).toMatchObject({ ...life.end, plan: life.end.plan || plan.id });
    },
    120_000,
  );

  it('a plan that gives back more than its next month costs: that month is free, and the rest pays of the one after', async () => {
    const [plan, worse] = [
      { id: 'pro', cents: 4_750 },
      { id: 'basic', cents: 1_999 },
    ];
    const bought = await begin({ product: 'studio', plan }, 'credit@example.com');
    const first = await bought.period();
    await advance(2 * DAY_HOURS);
    const changedAt = await bought.changeAtStripe(worse.id);
    const credit = worse.cents + changeCents(plan.cents, worse.cents, first, changedAt);
    expect(credit).toBeLessThan(0);
    await advancePast(first.end, 2);
    expect(await charged(bought.customer)).toEqual([plan.cents]);
    expect(await bought.license()).toMatchObject({ status: 'active', plan: worse.id });
    await advancePast((await bought.period()).end, 2);
    expect(await charged(bought.customer)).toEqual([plan.cents, worse.cents + credit]);
    await done('POST', `/v1/subscriptions/${bought.reference}/cancel`, {});
  }, 60_000);

  it('a plan that is paid for once: one charge, no end, and gone with its money', async () => {
    const session = await shop.buy({ product: 'studio', plan: 'lifetime', email: 'lifetime@example.com' });
    expect(await charged(session.customer)).toEqual([99_900]);
    const find = async () => {
      const { data } = await done('GET', '/v1/licenses?product=studio&limit=100');
      return data.filter((one: { plan: string }) => one.plan === 'lifetime');
    };
    expect(await find()).toMatchObject([{ status: 'active', expires_at: null }]);
    await advance(800 * DAY_HOURS);
    expect(await find()).toMatchObject([{ status: 'active', expires_at: null }]);
    expect(await charged(session.customer)).toEqual([99_900]);
    expect(await monthlyRevenue()).toBe(0);

    const half = await done('POST', '/v1/refunds', { payment: session.payment_intent, amount: 40_000 });
    expect(half).toMatchObject({ amount: 40_000 });
    expect(await find()).toMatchObject([{ status: 'active' }]);
    expect(await done('POST', '/v1/refunds', { payment: session.payment_intent })).toMatchObject({ amount: 59_900 });
    expect(await find()).toMatchObject([{ status: 'revoked' }]);
  }, 60_000);
});
