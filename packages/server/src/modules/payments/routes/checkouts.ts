import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import type { Http } from '../../../http/types.ts';
import type { CheckoutService } from '../service.ts';

const TAGS = ['Checkouts'];
const identifier = z.string().min(1).max(100);
const address = z.url({ protocol: /^https?$/ }).max(2_000);

const createBody = z.object({
  product: identifier,
  plan: identifier.optional().describe('Left out: the only plan of the product that costs something.'),
  pack: identifier.optional().describe('Prepaid packs are not sold by this version.'),
  quantity: z.number().optional().describe('Prepaid credits are not sold by this version.'),
  email: z.email().max(254).optional(),
  success_url: address.optional().describe('Where the customer goes after paying; {CHECKOUT_SESSION_ID} is filled in.'),
  cancel_url: address.optional(),
  license_key: z.string().max(2_048).optional(),
});

const session = z.object({ id: z.string().describe('Stripe’s id of the session, cs_….'), url: z.string() });

const checkoutAnswer = z.object({
  id: z.string().nullable(),
  object: z.literal('checkout'),
  product: z.string(),
  plan: z.string(),
  email: z.string().nullable(),
  status: z.string(),
  url: z.string().nullable(),
  stripe_subscription_id: z.string().nullable(),
  created_at: z.string(),
});

export function checkoutRoutes(http: Http, { checkouts }: { checkouts: CheckoutService }): void {
  http.post(
    '/v1/checkouts',
    {
      config: { access: 'anyone', rateLimit: { name: 'checkouts', limit: 60, windowSeconds: 60 } },
      schema: {
        tags: TAGS,
        summary: 'Start a checkout',
        description: 'Answers the address of the page where the plan can be paid.',
        body: createBody,
        response: { 201: session },
      },
    },
    async (request, reply) => {
      const { product, plan, pack, quantity, email, success_url, cancel_url } = request.body;
      if (pack !== undefined || quantity !== undefined) {
        const path = pack === undefined ? 'quantity' : 'pack';
        throw new LatchkeyError('invalid_request', 'Prepaid credits are not sold by this version; name a plan.', {
          path,
        });
      }
      const input = { product, plan, email, successUrl: success_url, cancelUrl: cancel_url };
      const { id, url } = await checkouts.create(input, (work) => request.write(work));
      return reply.code(201).send({ id, url });
    },
  );

  http.get(
    '/v1/checkouts/:id',
    {
      config: { access: { scope: 'payments:read' } },
      schema: {
        tags: TAGS,
        summary: 'Read a checkout',
        params: z.object({ id: z.string().min(1).max(255) }),
        response: { 200: checkoutAnswer },
      },
    },
    async ({ params }) => {
      const row = await checkouts.get(params.id);
      return {
        id: row.stripe_session_id,
        object: 'checkout' as const,
        product: row.product,
        plan: row.plan,
        email: row.email,
        status: row.status,
        url: row.url,
        stripe_subscription_id: row.stripe_subscription_id,
        created_at: row.created_at.toISOString(),
      };
    },
  );
}
