import { z } from 'zod';
import type { PushedPlan } from '../../../catalog/push.ts';
import type { Http } from '../../../http/index.ts';

const pushed = z.object({
  product: z.string(),
  plan: z.string(),
  stripe_price_id: z.string(),
  change: z.enum(['added', 'replaced', 'unchanged']),
});

/** `POST /v1/catalog/push`: brings products and prices into Stripe, once, however often it is called. */
export function catalogRoutes(http: Http, { push }: { push(): Promise<PushedPlan[]> }): void {
  http.post(
    '/v1/catalog/push',
    {
      config: { access: 'admin', idempotency: false },
      schema: {
        tags: ['Products'],
        summary: 'Push the catalog to Stripe',
        description: 'Makes the products and prices that Stripe does not have yet. Running it again changes nothing.',
        response: { 200: z.object({ data: z.array(pushed) }) },
      },
    },
    async () => ({
      data: (await push()).map(({ stripePriceId, ...rest }) => ({ ...rest, stripe_price_id: stripePriceId })),
    }),
  );
}
