import { dayMs } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../../test/support/http.ts';
import { loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import { createSubscribing } from '../../../test/support/subscribing.ts';
import type { Http } from '../../http/index.ts';
import { createRevenueReader, revenueRoutes, type SourceSubscription } from './index.ts';

const ports = createTestPorts({ startAt: new Date('2026-01-10T00:00:00Z') });
let test: TestDatabase;
let http: Http;
let house: ReturnType<typeof createSubscribing>;

const get = async (path: string) =>
  (await http.inject({ url: `/v1/analytics/revenue${path}`, headers: asAdmin })).json();

async function hear(number: number, fields: Partial<SourceSubscription>): Promise<void> {
  const startedAt = Date.UTC(2026, 0, 10);
  const reference = `sub_${number}`;
  const source: SourceSubscription = {
    source: 'stripe',
    reference,
    status: 'active',
    startedAt,
    currentPeriodStart: startedAt,
    currentPeriodEnd: startedAt + 30 * dayMs,
    trialEnd: null,
    cancelAt: null,
    canceledAt: null,
    endedAt: null,
    stripeCustomerId: `cus_${number}`,
    product: 'investment-system',
    plan: 'pro',
    amountCents: 9_900,
    currency: 'usd',
    interval: 'month',
    intervalCount: 1,
    quantity: 1,
    metadata: {},
    invoices: [],
    ...fields,
  };
  house.stripe.subscriptions.set(reference, source);
  await test.database.transaction({ actor: { type: 'stripe', id: null } }, (transaction) =>
    house.subscriptions.follow(transaction, reference),
  );
}

beforeAll(async () => {
  test = await createTestDatabase();
  house = createSubscribing(test.database, ports, await loadExampleCatalog());
  http = await createTestHttp({ database: test.database, ports });
  revenueRoutes(http, { database: test.database, clock: ports.clock });
});
afterAll(async () => {
  await http.close();
  await test.close();
});

describe('the revenue', () => {
  it('is nothing before anybody bought, and says no rate that would be a guess', async () => {
    expect(await get('')).toMatchObject({ totals: [], by_plan: [], trials: { conversion_rate: null }, movements: [] });
  });

  it('tells each month from its movements, and churn, and what a customer is worth', async () => {
    const trialEnd = Date.UTC(2026, 0, 24);
    const trial = { trialEnd, currentPeriodEnd: trialEnd };
    for (const number of [1, 2, 3]) await hear(number, {});
    await hear(4, { status: 'trialing', ...trial });
    await hear(5, { status: 'trialing', ...trial });
    const january = (await get('')).totals[0];
    expect(january).toMatchObject({ mrr_cents: 29_700, arr_cents: 356_400, paying_customers: 3, arpa_cents: 9_900 });
    expect(january).toMatchObject({ customer_churn_rate: 0, clv_cents: null });

    ports.clock.advance(31 * dayMs);
    await hear(1, { plan: 'enterprise', amountCents: 49_900 });
    await hear(2, { status: 'canceled' });
    const paid = { id: 'in_4', created: trialEnd, finalizedAt: trialEnd, attemptCount: 1, nextAttemptAt: null };
    const invoice = { ...paid, status: 'paid' as const, amountDueCents: 0, currency: 'usd', payUrl: null };
    const until = trialEnd + 30 * dayMs;
    await hear(4, { trialEnd, currentPeriodEnd: until, invoices: [{ ...invoice, paysUntil: until }] });
    await hear(5, { status: 'canceled', ...trial });

    const answer = await get('');
    const [total] = answer.totals;
    expect(total).toMatchObject({ mrr_cents: 69_700, paying_customers: 3, arpa_cents: 23_233 });
    // Three in January, four in February, and one of them left.
    expect(total).toMatchObject({ customer_churn_rate: 0.142857, clv_cents: 162_633 });
    expect(total.months).toHaveLength(13);
    expect(total.months.at(-2)).toMatchObject({ month: '2026-01-01', start_mrr_cents: 0, end_mrr_cents: 29_700 });
    expect(total.months.at(-1)).toEqual({
      month: '2026-02-01',
      start_mrr_cents: 29_700,
      new_cents: 9_900,
      expansion_cents: 40_000,
      contraction_cents: 0,
      churn_cents: -9_900,
      reactivation_cents: 0,
      end_mrr_cents: 69_700,
      start_customers: 3,
      end_customers: 3,
      customer_churn_rate: 0.25,
      revenue_churn_rate: 0.333333,
    });
    const reader = createRevenueReader({ database: test.database, clock: ports.clock });
    expect(await reader.figures({ product: 'investment-system' })).toEqual(await reader.figures());
    expect(await reader.figures({ product: 'redline2' })).toMatchObject({ currencies: [] });
    expect(answer.by_plan).toMatchObject([
      { product: 'investment-system', plan: 'enterprise', mrr_cents: 49_900, subscriptions: 1 },
      { plan: 'pro', mrr_cents: 19_800, arr_cents: 237_600, subscriptions: 2, paying_customers: 2 },
    ]);
    expect(answer.trials).toEqual({
      conversion_rate: 0.5,
      months: [{ month: '2026-01-01', ended: 2, converted: 1 }],
    });
  });

  it('can be traced to the movements that made it [Z8]', async () => {
    const { movements } = await get('');
    for (const { month, kind, currency, delta_cents, movements: count } of movements) {
      const { data } = await get(`/movements?month=${month.slice(0, 7)}&kind=${kind}&currency=${currency}&limit=100`);
      expect(data).toHaveLength(count);
      expect(data.reduce((sum: number, one: { delta_cents: number }) => sum + one.delta_cents, 0)).toBe(delta_cents);
    }
    const [churned] = (await get('/movements?kind=churn')).data;
    expect(churned).toMatchObject({ object: 'revenue_movement', kind: 'churn', delta_cents: -9_900, plan: 'pro' });
    expect((await get(`/movements?subscription=${churned.subscription_id}`)).data).toHaveLength(2);
    expect((await get('/movements?plan=enterprise')).data).toMatchObject([{ kind: 'expansion', delta_cents: 40_000 }]);
  });

  it('lists movements page by page, the newest first, and refuses what is no month', async () => {
    const first = await get('/movements?limit=4');
    const rest = await get(`/movements?limit=100&after=${first.next}`);
    const times = [...first.data, ...rest.data].map(({ at }: { at: string }) => at);
    expect(times).toHaveLength(6);
    expect(times).toEqual(times.toSorted().toReversed());
    expect(rest).toMatchObject({ has_more: false, next: null });
    expect(await get('/movements?month=2026-13')).toMatchObject({ status: 400, code: 'invalid_request' });
  });
});
