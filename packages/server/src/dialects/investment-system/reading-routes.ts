/** The calls that only look: prices, where somebody stands, their cards, the portal, and the vendor's figures. */

import type { Http } from '../../http/index.ts';
import { callerOf, runningSubscription } from './caller.ts';
import type { Context } from './context.ts';
import { CUSTOMERS, TAGS } from './routes.ts';
import { paymentMethodsAnswer, portalAnswer, pricingAnswer, statsAnswer, statusAnswer } from './schemas.ts';
import { standingOf } from './standing.ts';
import { paymentMethodsView, pricingView, statsView, statusView } from './to-wire.ts';

/** Customers whose cards one call lists: more are one only where something went wrong. */
const MOST = 10;
/** Full months of overage that the statistics add up, beside the one that is running. */
const MONTHS = 12;

export function readingRoutes(http: Http, context: Context): void {
  pricing(http, context);
  status(http, context);
  paymentMethods(http, context);
  portal(http, context);
  stats(http, context);
}

function pricing(http: Http, { product }: Context): void {
  http.get(
    '/pricing',
    {
      config: { access: 'anyone' },
      schema: { tags: TAGS, summary: 'What the tiers cost and include', response: { 200: pricingAnswer } },
    },
    async () => pricingView(product),
  );
}

function status(http: Http, context: Context): void {
  http.get(
    '/billing/status',
    {
      config: CUSTOMERS,
      schema: {
        tags: TAGS,
        summary: 'The subscription of whoever calls, and what they used',
        description: 'Without a subscription the answer is that of the free tier.',
        response: { 200: statusAnswer },
      },
    },
    async ({ principal }) => {
      const caller = await callerOf(principal, context.customers);
      const subscription = await runningSubscription(caller, context.product, context.subscriptions);
      return statusView(subscription, await standingOf(caller, subscription, context));
    },
  );
}

function paymentMethods(http: Http, context: Context): void {
  http.get(
    '/billing/payment-methods',
    {
      config: CUSTOMERS,
      schema: {
        tags: TAGS,
        summary: 'The cards of whoever calls',
        description: 'To add one, make it the default or take it away, see /v1/payment-methods.',
        response: { 200: paymentMethodsAnswer },
      },
    },
    async ({ principal }) => {
      const { owns } = await callerOf(principal, context.customers);
      return paymentMethodsView(
        await context.paymentMethods.list(await context.customers.several(owns.slice(0, MOST))),
      );
    },
  );
}

function portal(http: Http, context: Context): void {
  http.get(
    '/billing/portal',
    {
      config: CUSTOMERS,
      schema: { tags: TAGS, summary: 'Open Stripe’s page for whoever calls', response: { 200: portalAnswer } },
    },
    async (request) => {
      const { customer } = await callerOf(request.principal, context.customers);
      return context.portal.open(customer.id, undefined, (work) => request.write(work));
    },
  );
}

function stats(http: Http, { product, revenue, overage, clock, subscriptions }: Context): void {
  http.get(
    '/billing/admin/stats',
    {
      config: { access: 'admin', keptSeconds: 15 },
      schema: {
        tags: TAGS,
        summary: 'What this product brings',
        description:
          'Amounts in dollars, and beside each the exact cents. Where they come from: /v1/analytics/revenue.',
        response: { 200: statsAnswer },
      },
    },
    async () => {
      const scope = { product: product.id };
      const { active } = await subscriptions.statistics(scope);
      const now = clock.now();
      const since = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS, 1));
      const beyond = await overage.revenue(since, scope);
      return statsView(product, await revenue.figures(scope), { activeSubscriptions: active, overage: beyond });
    },
  );
}
