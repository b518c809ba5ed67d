import { type Catalog, LatchkeyError, MOST_QUANTITY, type SubscriptionChangePlan } from '@latchkey/core';
import { z } from 'zod';
import { maySee } from '../../../http/authentication.ts';
import type { Http, Principal } from '../../../http/types.ts';
import type { ChangedSubscription, ChangeInvoice, PlanChanges } from '../changing.ts';
import type { SubscriptionService } from '../service.ts';
import { subscriptionAnswer, viewsOf } from './view.ts';

const TAGS = ['Subscriptions'];
const WRITE_OWN = { access: { scope: 'subscriptions:write', owner: true } } as const;
const byId = z.object({ id: z.string().min(1).max(255).describe('Our id, or Stripe’s.') });

const changeBody = z.object({
  plan: z.string().min(1).max(100),
  quantity: z.int().min(1).max(MOST_QUANTITY).optional().describe('Left out: as many as now.'),
  when: z.enum(['now', 'period_end']).optional().describe('Left out: as the catalog says (`plan_change`).'),
  preview: z.boolean().default(false).describe('Say what would happen and what it would cost, and do nothing.'),
  as_of: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('The `as_of` of a preview: within 5 minutes of it the change costs exactly what was shown.'),
});

const side = z.object({
  plan: z.string(),
  quantity: z.int(),
  amount_cents: z.int().describe('What a period costs, before discounts and taxes.'),
  currency: z.string(),
  interval: z.string(),
  interval_count: z.int(),
});

const invoiceFields = {
  amount_due: z.int().describe('What is charged at the moment of the change, in the smallest unit.'),
  total: z.int().describe('The lines with discounts and taxes. Below zero: what the customer is credited.'),
  currency: z.string(),
  lines: z.array(
    z.object({
      description: z.string().nullable(),
      amount: z.int(),
      discount: z.int().describe('What is taken off of it.'),
      proration: z.boolean(),
      period: z.object({ start: z.string(), end: z.string() }),
    }),
  ),
};

const changeAnswer = z.object({
  object: z.literal('subscription_change'),
  preview: z.boolean(),
  subscription: subscriptionAnswer,
  change: z.object({
    kind: z.enum(['upgrade', 'downgrade', 'sidegrade']),
    when: z.enum(['now', 'period_end']),
    effective_at: z.string(),
    proration: z.enum(['always_invoice', 'create_prorations', 'none']),
    from: side,
    to: side,
  }),
  ...invoiceFields,
  requires_action: z
    .boolean()
    .describe('The customer’s bank asks for them: the change is made once they have answered in a page of yours.'),
  client_secret: z.string().nullable().describe('With which Stripe’s script in the page does that.'),
  publishable_key: z.string().nullable(),
  as_of: z.string().describe('Pass it back to have exactly this carried out.'),
  because: z.string(),
});

function sideView(of: SubscriptionChangePlan['from']): z.infer<typeof side> {
  const { plan, quantity, currency, interval } = of;
  return { plan, quantity, amount_cents: of.amountCents, currency, interval, interval_count: of.intervalCount };
}

function invoiceView({ amountDueCents, totalCents, currency, lines }: ChangeInvoice) {
  return {
    amount_due: amountDueCents,
    total: totalCents,
    currency,
    lines: lines.map(({ description, amountCents, discountCents, proration, periodStart, periodEnd }) => ({
      description,
      amount: amountCents,
      discount: discountCents,
      proration,
      period: { start: iso(periodStart), end: iso(periodEnd) },
    })),
  };
}

function changeView({ plan, invoice, clientSecret }: ChangedSubscription, publishableKey: string | null) {
  return {
    object: 'subscription_change' as const,
    change: {
      kind: plan.kind,
      when: plan.when,
      effective_at: iso(plan.effectiveAt),
      proration: plan.proration,
      from: sideView(plan.from),
      to: sideView(plan.to),
    },
    ...invoiceView(invoice),
    requires_action: clientSecret !== null,
    client_secret: clientSecret,
    publishable_key: clientSecret === null ? null : publishableKey,
    as_of: iso(plan.asOf),
    because: plan.because,
  };
}

function iso(instant: number): string {
  return new Date(instant).toISOString();
}

export interface ChangeRouteOptions {
  catalog: Catalog;
  subscriptions: Pick<SubscriptionService, 'get'>;
  planChanges: PlanChanges;
  /** What Stripe's script in a page is started with; null when it is not configured. */
  publishableKey: string | null;
}

export function changeRoutes(http: Http, options: ChangeRouteOptions): void {
  const { catalog, subscriptions, planChanges, publishableKey } = options;
  const viewFor = viewsOf(catalog);

  /** Refuses what is somebody else's in the words for what does not exist. */
  async function requireVisible(principal: Principal, id: string): Promise<void> {
    const { customer_id: customerId } = await subscriptions.get(id);
    if (maySee(principal, customerId)) return;
    throw new LatchkeyError('resource_missing', `There is no subscription ${id}.`);
  }

  http.post(
    '/v1/subscriptions/:id/change',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Change the plan or quantity of a subscription',
        description:
          'Now or at the end of the period, as the catalog says. With `preview: true` the same is only shown; what a preview shows is what is charged.',
        params: byId,
        body: changeBody,
        response: { 200: changeAnswer },
      },
    },
    async (request) => {
      const { principal, params, body } = request;
      const { preview, as_of: asOf, ...wanted } = body;
      await requireVisible(principal, params.id);
      const wish = { ...wanted, ...(asOf === undefined ? {} : { asOf: Date.parse(asOf) }) };
      const write = <T>(work: Parameters<typeof request.write<T>>[0]) => request.write(work);
      const changed = preview
        ? await planChanges.preview(params.id, wish)
        : await planChanges.change(params.id, wish, write);
      return {
        preview,
        subscription: viewFor(principal, changed.subscription),
        ...changeView(changed, publishableKey),
      };
    },
  );

  http.post(
    '/v1/subscriptions/:id/change/cancel',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Take back a change that waits for the end of the period',
        params: byId,
        response: { 200: subscriptionAnswer },
      },
    },
    async (request) => {
      await requireVisible(request.principal, request.params.id);
      const write = <T>(work: Parameters<typeof request.write<T>>[0]) => request.write(work);
      return viewFor(request.principal, await planChanges.takeBack(request.params.id, write));
    },
  );
}
