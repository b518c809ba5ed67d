import { type Catalog, LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { customersFor, maySee } from '../../../http/authentication.ts';
import { decodeCursor, pageOf, pageQuery, toPage } from '../../../http/paging.ts';
import type { Http, Principal } from '../../../http/types.ts';
import { normalizeEmail } from '../../customers/index.ts';
import type { Subscription, SubscriptionService } from '../service.ts';
import { subscriptionAnswer, viewsOf } from './view.ts';

const TAGS = ['Subscriptions'];
const READ = { access: { scope: 'subscriptions:read' } } as const;
const READ_OWN = { access: { scope: 'subscriptions:read', owner: true } } as const;
const WRITE_OWN = { access: { scope: 'subscriptions:write', owner: true } } as const;
const byId = z.object({ id: z.string().min(1).max(255).describe('Our id, or Stripe’s.') });

const readAnswer = subscriptionAnswer.extend({
  price_is_current: z
    .boolean()
    .nullable()
    .describe(
      'False where the plan is sold by another price now: they keep theirs until they are moved. Null for one kept by hand.',
    ),
});

const statisticsAnswer = z.object({
  total_subscriptions: z.number(),
  active: z.number(),
  canceled: z.number(),
  expired: z.number(),
  suspended: z.number(),
  monthly_revenue_cents: z.record(z.string(), z.number()),
  annual_run_rate_cents: z.record(z.string(), z.number()),
});

const cancelBody = z.object({
  at_period_end: z.boolean().default(false).describe('Leave what was paid for, and end then.'),
});

const OWN = "With a customer's token: their own alone, without the vendor's notes (`metadata`).";

export interface SubscriptionRouteOptions {
  catalog: Catalog;
  subscriptions: SubscriptionService;
  /** Which of these, by Stripe's ids, are paid by a price that nothing is sold by any more. */
  onOldPrices(references: readonly string[]): Promise<ReadonlySet<string>>;
}

export function subscriptionRoutes(
  http: Http,
  { catalog, subscriptions, onOldPrices }: SubscriptionRouteOptions,
): void {
  const viewFor = viewsOf(catalog);

  /** The views of rows, with what is asked for all of them at once. */
  async function reading(
    principal: Principal,
    rows: readonly Subscription[],
  ): Promise<(row: Subscription) => z.infer<typeof readAnswer>> {
    const references = rows.filter(({ source }) => source === 'stripe').map(({ reference }) => reference);
    const old = await onOldPrices(references);
    return (row) => ({
      ...viewFor(principal, row),
      price_is_current: row.source === 'stripe' ? !old.has(row.reference) : null,
    });
  }

  /** The subscription, if it is there for whoever calls; else the same answer as for one that does not exist. */
  async function visible(principal: Principal, id: string): Promise<Subscription> {
    const subscription = await subscriptions.get(id);
    if (maySee(principal, subscription.customer_id)) return subscription;
    throw new LatchkeyError('resource_missing', `There is no subscription ${id}.`);
  }

  http.get(
    '/v1/subscriptions',
    {
      config: READ_OWN,
      schema: {
        tags: TAGS,
        summary: 'List subscriptions',
        description: OWN,
        querystring: pageQuery.extend({
          status: z.string().max(50).optional(),
          customer: z.string().max(100).optional(),
          product: z.string().max(100).optional(),
          email: z.string().max(254).optional(),
        }),
        response: { 200: pageOf(readAnswer) },
      },
    },
    async ({ query, principal }) => {
      const position = decodeCursor(query.after);
      const rows = await subscriptions.list(
        {
          status: query.status,
          product: query.product,
          customerId: customersFor(principal, query.customer),
          email: query.email === undefined ? undefined : normalizeEmail(query.email),
        },
        { limit: query.limit + 1, after: position === null ? null : { createdAt: position.at, id: position.id } },
      );
      const view = await reading(principal, rows);
      return toPage(rows, query.limit, (row) => ({ at: row.created_at, id: row.id }), view);
    },
  );

  http.get(
    '/v1/subscriptions/statistics',
    {
      config: READ,
      schema: {
        tags: TAGS,
        summary: 'Totals by standing, and what comes in',
        querystring: z.object({ product: z.string().max(100).optional() }),
        response: { 200: statisticsAnswer },
      },
    },
    async ({ query }) => {
      const { totalSubscriptions, monthlyRevenueCents, ...counts } = await subscriptions.statistics(query);
      const yearly = Object.entries(monthlyRevenueCents).map(([currency, cents]) => [currency, cents * 12]);
      return {
        total_subscriptions: totalSubscriptions,
        ...counts,
        monthly_revenue_cents: monthlyRevenueCents,
        annual_run_rate_cents: Object.fromEntries(yearly),
      };
    },
  );

  http.get(
    '/v1/subscriptions/:id',
    {
      config: READ_OWN,
      schema: {
        tags: TAGS,
        summary: 'Read a subscription',
        description: OWN,
        params: byId,
        response: { 200: readAnswer },
      },
    },
    async ({ params, principal }) => {
      const subscription = await visible(principal, params.id);
      return (await reading(principal, [subscription]))(subscription);
    },
  );

  http.post(
    '/v1/subscriptions/:id/cancel',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Cancel a subscription',
        description:
          'At once, or at the end of the paid period. What that means for the licence is the catalog’s to say.',
        params: byId,
        body: cancelBody.nullish(),
        response: { 200: subscriptionAnswer },
      },
    },
    async (request) => {
      const atPeriodEnd = request.body?.at_period_end ?? false;
      const { id } = await visible(request.principal, request.params.id);
      const write = <T>(work: Parameters<typeof request.write<T>>[0]) => request.write(work);
      return viewFor(request.principal, await subscriptions.cancel(id, { atPeriodEnd, write }));
    },
  );

  http.post(
    '/v1/subscriptions/:id/resume',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Undo a cancellation that has not happened yet',
        params: byId,
        response: { 200: subscriptionAnswer },
      },
    },
    async (request) => {
      const { id } = await visible(request.principal, request.params.id);
      const write = <T>(work: Parameters<typeof request.write<T>>[0]) => request.write(work);
      return viewFor(request.principal, await subscriptions.resume(id, write));
    },
  );
}
