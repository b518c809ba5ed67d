import { type Catalog, LatchkeyError, MOST_QUANTITY } from '@latchkey/core';
import { z } from 'zod';
import { assertAccess, maySee, ownerOf } from '../../../http/authentication.ts';
import type { Http, Principal } from '../../../http/types.ts';
import { type Customer, type CustomerService, normalizeEmail } from '../../customers/index.ts';
import type { Discount } from '../../payments/index.ts';
import type { Write } from '../service.ts';
import type { NewSubscriptions } from '../subscribing.ts';
import { subscriptionAnswer, viewsOf } from './view.ts';

const VENDORS = { scope: 'subscriptions:write' } as const;
const WRITE_OWN = { access: { ...VENDORS, owner: true } } as const;
const stripeId = z.string().regex(/^\w{1,255}$/, 'An id has letters, digits and underscores.');

const subscribeBody = z.object({
  product: z.string().min(1).max(100),
  plan: z.string().min(1).max(100),
  quantity: z.int().min(1).max(MOST_QUANTITY).default(1),
  customer_id: stripeId.optional().describe('Our id, or Stripe’s. With a customer’s own token it is they themself.'),
  email: z
    .email()
    .max(254)
    .optional()
    .describe('In the place of customer_id, for the vendor: whoever has this address.'),
  payment_method: stripeId
    .optional()
    .describe('A pm_… that a page made. Left out, the customer pays in a page, with the client_secret of the answer.'),
  promotion_code: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('A code as customers enter it, where the plan takes codes; or, for the vendor, Stripe’s promo_….'),
  coupon: z.string().min(1).max(255).optional().describe('Stripe’s id of a coupon: for the vendor.'),
  trial: z
    .boolean()
    .optional()
    .describe('Left out: the plan’s trial, for whoever had no subscription to the product before. For the vendor.'),
});
type Body = z.infer<typeof subscribeBody>;

const subscribeAnswer = subscriptionAnswer.extend({
  requires_action: z.boolean().describe('The customer has to pay, or to answer their bank, in a page of yours.'),
  client_secret: z.string().nullable().describe('With which Stripe’s script in the page does that.'),
  publishable_key: z.string().nullable(),
  license_id: z.string().nullable().describe('Null until it is paid for the first time.'),
});

function discountOf(principal: Principal, { coupon, promotion_code: code }: Body): Discount | undefined {
  if (coupon !== undefined && code !== undefined) {
    throw new LatchkeyError('invalid_request', 'Name either the coupon or the promotion code.', { path: 'coupon' });
  }
  if (coupon === undefined && code === undefined) return undefined;
  if (code !== undefined && !code.startsWith('promo_')) return { by: 'code', code };
  assertAccess(VENDORS, principal);
  return coupon === undefined ? { by: 'promotion_code', id: code ?? '' } : { by: 'coupon', id: coupon };
}

export interface SubscribeRouteOptions {
  catalog: Catalog;
  customers: Pick<CustomerService, 'get' | 'several' | 'ensure'>;
  newSubscriptions: NewSubscriptions;
  /** What Stripe's script in a page is started with; null when it is not configured. */
  publishableKey: string | null;
}

export function subscribeRoutes(http: Http, options: SubscribeRouteOptions): void {
  const { customers, newSubscriptions, publishableKey } = options;
  const viewFor = viewsOf(options.catalog);

  /** Whoever the call is about. Somebody else is answered as one who does not exist. */
  async function customerOf(
    principal: Principal,
    { customer_id: named, email }: Body,
    write: Write,
  ): Promise<Customer> {
    const owner = ownerOf(principal);
    if (named !== undefined) {
      const customer = await customers.get(named);
      if (maySee(principal, customer.id)) return customer;
      throw new LatchkeyError('resource_missing', `There is no customer ${named}.`);
    }
    if (owner !== null) {
      const own = await customers.several(owner);
      return (
        own.find((one) => one.stripe_customer_id !== null && one.deleted_at === null) ?? customers.get(owner[0] ?? '')
      );
    }
    if (email === undefined) {
      throw new LatchkeyError('invalid_request', 'Name the customer, or an address.', { path: 'customer_id' });
    }
    return write((transaction) => customers.ensure(transaction, { email: normalizeEmail(email) }));
  }

  http.post(
    '/v1/subscriptions',
    {
      config: WRITE_OWN,
      schema: {
        tags: ['Subscriptions'],
        summary: 'Subscribe a customer',
        description:
          '201 once it is paid or on trial. 200 with `requires_action` when the customer has to do something first: the licence comes when it is paid. A declined card is answered 402, and nothing is left that could be charged.',
        body: subscribeBody,
        response: { 200: subscribeAnswer, 201: subscribeAnswer },
      },
    },
    async (request, reply) => {
      const { principal, body } = request;
      const { product, plan, quantity, payment_method: paymentMethod, trial } = body;
      const discount = discountOf(principal, body);
      if (trial !== undefined) assertAccess(VENDORS, principal);
      const write = <T>(work: Parameters<typeof request.write<T>>[0]) => request.write(work);
      const customer = await customerOf(principal, body, write);
      const owns = ownerOf(principal) ?? [customer.id];
      const input = { customerId: customer.id, owns, product, plan, quantity, paymentMethod, discount, trial };
      const { subscription, clientSecret, licenseId } = await newSubscriptions.subscribe(input, write);
      return reply.code(clientSecret === null ? 201 : 200).send({
        ...viewFor(principal, subscription),
        requires_action: clientSecret !== null,
        client_secret: clientSecret,
        publishable_key: clientSecret === null ? null : publishableKey,
        license_id: licenseId,
      });
    },
  );
}
