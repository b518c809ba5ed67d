import { annualRunRateCents, MOVEMENT_KINDS, type RevenueMonth, rateOf } from '@latchkey/core';
import { z } from 'zod';
import type { Database } from '../../../db/database.ts';
import { decodeCursor, pageOf, pageQuery, toPage } from '../../../http/paging.ts';
import type { Http } from '../../../http/types.ts';
import type { Clock } from '../../../ports.ts';
import { type CurrencyFigures, type RevenueFigures, revenueFigures } from '../revenue-figures.ts';
import { listMovements, type Movement } from '../revenue-repository.ts';

const TAGS = ['Analytics'];
const kind = z.enum(MOVEMENT_KINDS);
const rate = z.number().nullable();
const cents = z.number().nullable();

const monthAnswer = z.object({
  month: z.string().describe('Its first day, UTC.'),
  start_mrr_cents: z.number(),
  ...Object.fromEntries(MOVEMENT_KINDS.map((one) => [`${one}_cents`, z.number()])),
  end_mrr_cents: z.number().describe('The start and the five before this.'),
  start_customers: z.number(),
  end_customers: z.number(),
  customer_churn_rate: rate.describe('Who left, of all who paid at the start or came. Null where there was nobody.'),
  revenue_churn_rate: rate.describe('What churn and contraction took, of the start. Null where it was nothing.'),
});

const totalAnswer = z.object({
  currency: z.string(),
  mrr_cents: z.number().describe('What all subscriptions bring in a month, without trials and taxes.'),
  arr_cents: z.number().describe('Twelve times that.'),
  paying_customers: z.number(),
  arpa_cents: cents.describe('What a paying customer brings in a month on average.'),
  customer_churn_rate: rate.describe('A month, over all the months below.'),
  revenue_churn_rate: rate,
  clv_cents: cents.describe('`arpa_cents` over the churn rate. Null while nobody has left: there is no number for it.'),
  months: z.array(monthAnswer).describe('The twelve before this one, and this one, the oldest first.'),
});

const planAnswer = z.object({
  product: z.string(),
  plan: z.string(),
  currency: z.string(),
  mrr_cents: z.number(),
  arr_cents: z.number(),
  subscriptions: z.number(),
  paying_customers: z.number(),
});

const revenueAnswer = z.object({
  as_of: z.string(),
  totals: z.array(totalAnswer),
  by_plan: z.array(planAnswer).describe('The plan that brings most first.'),
  trials: z.object({
    conversion_rate: rate.describe(
      'Of the trials that ended in these months, those after which something was paid for.',
    ),
    months: z.array(z.object({ month: z.string(), ended: z.number(), converted: z.number() })),
  }),
  overage_revenue: z
    .array(z.object({ month: z.string(), currency: z.string(), amount_cents: z.number() }))
    .describe(
      'What the invoices that became final in these months charge beyond plans, before discounts and taxes. Not part of the monthly revenue.',
    ),
  movements: z
    .array(z.object({ month: z.string(), currency: z.string(), kind, delta_cents: z.number(), movements: z.number() }))
    .describe('Of this month and the twelve before it. All movements there ever were add up to the totals.'),
});

const movementAnswer = z.object({
  id: z.string(),
  object: z.literal('revenue_movement'),
  kind,
  currency: z.string(),
  delta_cents: z.number(),
  subscription_id: z.string(),
  customer_id: z.string().nullable(),
  product: z.string(),
  plan: z.string(),
  at: z.string(),
});

const movementsQuery = pageQuery.extend({
  month: z
    .string()
    .regex(/^\d{4}-(0[1-9]|1[0-2])(-01)?$/, 'must be a month such as 2026-03')
    .optional(),
  kind: kind.optional(),
  currency: z.string().max(10).optional(),
  product: z.string().max(100).optional(),
  plan: z.string().max(100).optional(),
  subscription: z.string().max(100).optional().describe('Our id.'),
});

export interface RevenueRouteOptions {
  database: Database;
  clock: Clock;
  /** What final invoices since then charge beyond plans. */
  overageRevenue?: (since: Date) => Promise<{ month: string; currency: string; cents: number }[]>;
}

/** What comes in each month, what moved it, and what follows from that. */
export function revenueRoutes(http: Http, options: RevenueRouteOptions): void {
  const { database, clock, overageRevenue } = options;
  http.get(
    '/v1/analytics/revenue',
    {
      config: { access: 'admin', keptSeconds: 15 },
      schema: {
        tags: TAGS,
        summary: 'Monthly recurring revenue, its movements, and churn',
        description:
          'A subscription counts while it is active or its payment is late, at its month’s share. A customer’s first revenue is `new`, more of ' +
          'it an `expansion`, less a `contraction`, none `churn`, and some again a `reactivation`.',
        response: { 200: revenueAnswer },
      },
    },
    async () => {
      const now = clock.now();
      const figures = await revenueFigures(database.connection, now);
      const overage =
        (await overageRevenue?.(new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 12, 1)))) ?? [];
      return {
        as_of: now.toISOString(),
        ...present(figures),
        overage_revenue: overage.map(({ cents: amount_cents, ...one }) => ({ ...one, amount_cents })),
      };
    },
  );

  http.get(
    '/v1/analytics/revenue/movements',
    {
      config: { access: 'admin' },
      schema: {
        tags: TAGS,
        summary: 'The movements behind the revenue',
        description: 'The newest first. Those of a month and a kind add up to what that month says of it.',
        querystring: movementsQuery,
        response: { 200: pageOf(movementAnswer) },
      },
    },
    async ({ query }) => {
      const { limit, after, month, subscription: subscriptionId, kind, currency, product, plan } = query;
      const filter = { ...spanOf(month), kind, currency, product, plan, subscriptionId };
      const page = { limit: limit + 1, after: decodeCursor(after) };
      const rows = await listMovements(database.connection, filter, page);
      return toPage(rows, limit, (row) => row, movementView);
    },
  );
}

function present({ currencies, plans, trials, trialConversion, movements }: RevenueFigures) {
  return {
    totals: currencies.map(totalView),
    by_plan: plans.map(({ mrrCents, payingCustomers, ...plan }) => ({
      ...plan,
      mrr_cents: mrrCents,
      arr_cents: annualRunRateCents(mrrCents),
      paying_customers: payingCustomers,
    })),
    trials: { conversion_rate: rateOf(trialConversion), months: trials },
    movements: movements.map(({ deltaCents, ...movement }) => ({ ...movement, delta_cents: deltaCents })),
  };
}

function totalView(figures: CurrencyFigures): z.infer<typeof totalAnswer> {
  return {
    currency: figures.currency,
    mrr_cents: figures.mrrCents,
    arr_cents: figures.arrCents,
    paying_customers: figures.payingCustomers,
    arpa_cents: figures.averagePerCustomerCents,
    customer_churn_rate: rateOf(figures.customerChurn),
    revenue_churn_rate: rateOf(figures.revenueChurn),
    clv_cents: figures.lifetimeValueCents,
    months: figures.months.map(monthView),
  };
}

function monthView({ month, start, end, deltaCents, customerChurn, revenueChurn }: RevenueMonth) {
  return {
    month,
    start_mrr_cents: start.mrrCents,
    ...Object.fromEntries(MOVEMENT_KINDS.map((one) => [`${one}_cents`, deltaCents[one]])),
    end_mrr_cents: end.mrrCents,
    start_customers: start.customers,
    end_customers: end.customers,
    customer_churn_rate: rateOf(customerChurn),
    revenue_churn_rate: rateOf(revenueChurn),
  };
}

function spanOf(month: string | undefined): { since: Date | null; until: Date | null } {
  if (month === undefined) return { since: null, until: null };
  const since = new Date(`${month.slice(0, 7)}-01T00:00:00Z`);
  return { since, until: new Date(Date.UTC(since.getUTCFullYear(), since.getUTCMonth() + 1, 1)) };
}

function movementView(row: Movement): z.infer<typeof movementAnswer> {
  const { id, kind: movedBy, currency, delta_cents, subscription_id, customer_id, product, plan, at } = row;
  const what = { id, object: 'revenue_movement' as const, kind: movedBy, currency, delta_cents };
  return { ...what, subscription_id, customer_id, product, plan, at: at.toISOString() };
}
