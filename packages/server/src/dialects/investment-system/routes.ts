/** The calls that change something: subscribe, upgrade, cancel. */

import type { Http, HttpRequest } from '../../http/index.ts';
import { callerOf, theirSubscription } from './caller.ts';
import type { Context } from './context.ts';
import { changeWish, subscribeInput } from './from-wire.ts';
import { BILLING_LIMIT } from './limits.ts';
import { cancelAnswer, cancelBody, subscribeAnswer, subscribeBody, upgradeAnswer, upgradeBody } from './schemas.ts';
import { actionView, cancelView, upgradeView } from './to-wire.ts';

export const TAGS = ['investment-system'];
export const CUSTOMERS = { access: 'owner', rateLimit: BILLING_LIMIT } as const;

const writerOf =
  (request: HttpRequest) =>
  <T>(work: Parameters<typeof request.write<T>>[0]) =>
    request.write(work);

export function changingRoutes(http: Http, context: Context): void {
  subscribe(http, context);
  upgrade(http, context);
  cancel(http, context);
}

function subscribe(http: Http, { product, config, customers, newSubscriptions }: Context): void {
  http.post(
    '/billing/subscribe',
    {
      config: CUSTOMERS,
      schema: {
        tags: TAGS,
        summary: 'Subscribe to a tier with a card',
        description:
          '201 once it is paid; 200 with `requires_action` where the bank asks; 402 when the card is declined.',
        body: subscribeBody,
        response: { 200: subscribeAnswer, 201: subscribeAnswer },
      },
    },
    async (request, reply) => {
      const { customer, owns } = await callerOf(request.principal, customers);
      const input = { customerId: customer.id, owns, product: product.id, ...subscribeInput(request.body) };
      const { subscription, clientSecret } = await newSubscriptions.subscribe(input, writerOf(request));
      return reply.code(clientSecret === null ? 201 : 200).send({
        subscription_id: subscription.reference,
        tier: subscription.plan,
        status: subscription.status,
        ...actionView(clientSecret, config.stripe.publishableKey),
      });
    },
  );
}

function upgrade(http: Http, { product, config, customers, subscriptions, planChanges }: Context): void {
  http.post(
    '/billing/upgrade',
    {
      config: CUSTOMERS,
      schema: {
        tags: TAGS,
        summary: 'Change the tier, up or down',
        description:
          'With `preview` nothing changes. What a preview shows is what is charged, if its `as_of` is passed back within 5 minutes.',
        body: upgradeBody,
        response: { 200: upgradeAnswer },
      },
    },
    async (request) => {
      const { preview } = request.body;
      const { id } = await theirSubscription(await callerOf(request.principal, customers), product, subscriptions);
      const wish = changeWish(request.body);
      const changed = preview
        ? await planChanges.preview(id, wish)
        : await planChanges.change(id, wish, writerOf(request));
      return upgradeView(changed, { preview, publishableKey: config.stripe.publishableKey });
    },
  );
}

function cancel(http: Http, { product, customers, subscriptions }: Context): void {
  http.post(
    '/billing/cancel',
    {
      config: CUSTOMERS,
      schema: {
        tags: TAGS,
        summary: 'End the subscription, at the end of its period or at once',
        body: cancelBody,
        response: { 200: cancelAnswer },
      },
    },
    async (request) => {
      const { id } = await theirSubscription(await callerOf(request.principal, customers), product, subscriptions);
      const atPeriodEnd = request.body?.at_period_end ?? true;
      return cancelView(await subscriptions.cancel(id, { atPeriodEnd, write: writerOf(request) }));
    },
  );
}
