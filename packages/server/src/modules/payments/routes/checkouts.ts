import { type Catalog, findOffer, findProduct, formatMeterQuantity, isPaid, LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { assertAccess } from '../../../http/authentication.ts';
import type { Http, Principal } from '../../../http/types.ts';
import type { CustomerService } from '../../customers/index.ts';
import type { LicenseReader } from '../../licenses/index.ts';
import type { CreditPurchases } from '../credit-purchases.ts';
import type { CreditRow } from '../credit-repository.ts';
import type { Discount } from '../discounts.ts';
import type { CheckoutService } from '../service.ts';
import { creditOrderOf, licenseToFill } from './credit-order.ts';
import { webAddress } from './fields.ts';
import { customerOf } from './whose.ts';

const TAGS = ['Checkouts'];
const identifier = z.string().min(1).max(100);

const createBody = z.object({
  product: identifier,
  plan: identifier.optional().describe('Left out: the only plan of the product that costs something.'),
  pack: identifier.optional().describe('What is bought in advance, as a pack of the catalog.'),
  quantity: z
    .union([z.number(), z.string().max(40)])
    .optional()
    .describe(
      'With a plan that is sold by it, how many, such as seats. Else what is bought in advance, in the meter’s unit: a number, or a decimal as text such as "2.5".',
    ),
  meter: identifier.optional().describe('Of the quantity. Left out: the only one of which any can be bought.'),
  email: z.email().max(254).optional(),
  customer_id: z
    .string()
    .max(255)
    .optional()
    .describe('Who buys, by our id or Stripe’s: for the vendor. With a customer’s own token it is they themself.'),
  promotion_code: z
    .string()
    .min(1)
    .max(500)
    .optional()
    .describe('A code as customers enter it, where the plan takes codes; or, for the vendor, Stripe’s promo_….'),
  coupon: z.string().min(1).max(255).optional().describe('Stripe’s id of a coupon: for the vendor.'),
  success_url: webAddress
    .optional()
    .describe('Where the customer goes after paying; {CHECKOUT_SESSION_ID} is filled in.'),
  cancel_url: webAddress.optional(),
  license_key: z
    .string()
    .min(1)
    .max(2_048)
    .optional()
    .describe(
      'The licence to which what is bought in advance is added. Left out: a new one is issued when it is paid.',
    ),
  license_id: identifier.optional().describe('In its place, for the owner and the vendor.'),
});

const session = z.object({ id: z.string().describe('Stripe’s id of the session, cs_….'), url: z.string() });

const checkoutAnswer = z.object({
  id: z.string().nullable(),
  object: z.literal('checkout'),
  product: z.string(),
  plan: z.string(),
  quantity: z.int().describe('How many of the plan.'),
  email: z.string().nullable(),
  status: z.string(),
  url: z.string().nullable(),
  stripe_subscription_id: z.string().nullable(),
  credit: z
    .object({
      meter: z.string(),
      pack: z.string().nullable(),
      quantity: z.number(),
      amount_cents: z.int(),
      currency: z.string(),
      license_id: z.string().nullable().describe('Null until it is issued.'),
      added_at: z.string().nullable().describe('When it was paid and added.'),
      withheld: z.number().describe('How much of it was refunded, or is disputed.'),
      taken_back: z.number().describe('How much of that was still there to be taken back.'),
    })
    .nullable()
    .describe('What was bought in advance; null where a plan was.'),
  created_at: z.string(),
});

const THEIRS = { scope: 'payments:write', owner: true } as const;
const VENDORS = { scope: 'payments:write' } as const;

/** Our id of whoever buys; undefined for somebody who is yet to be known. */
async function buyer(
  principal: Principal,
  named: string | undefined,
  customers: CustomerService,
): Promise<string | undefined> {
  if (named === undefined && principal.type !== 'customer') return undefined;
  assertAccess(THEIRS, principal);
  const customer = await customerOf(principal, named, customers);
  // Of one whom the vendor deleted at Stripe nothing can be had there; who signs in may buy all the same.
  return customer.deleted_at !== null && named === undefined ? undefined : customer.id;
}

/** What the vendor takes off is theirs to say; a code is for whoever knows it. */
function discountOf(
  principal: Principal,
  { coupon, promotion_code: code }: { coupon?: string | undefined; promotion_code?: string | undefined },
): Discount | undefined {
  if (coupon !== undefined && code !== undefined) {
    throw new LatchkeyError('invalid_request', 'Name either the coupon or the promotion code.', { path: 'coupon' });
  }
  if (coupon === undefined && code === undefined) return undefined;
  if (code !== undefined && !code.startsWith('promo_')) return { by: 'code', code };
  assertAccess(VENDORS, principal);
  return coupon === undefined ? { by: 'promotion_code', id: code ?? '' } : { by: 'coupon', id: coupon };
}

export interface CheckoutRouteOptions {
  checkouts: CheckoutService;
  customers: CustomerService;
  credits: Pick<CreditPurchases, 'find'>;
  licenseReader: Pick<LicenseReader, 'find' | 'findByKey'>;
  catalog: Catalog;
}

export function checkoutRoutes(http: Http, options: CheckoutRouteOptions): void {
  const { checkouts, customers, credits, catalog } = options;
  http.post(
    '/v1/checkouts',
    {
      config: { access: 'anyone', rateLimit: { name: 'checkouts', limit: 60, windowSeconds: 60 } },
      schema: {
        tags: TAGS,
        summary: 'Start a checkout',
        description:
          'Answers the address of the page where the plan can be paid, or with pack or quantity what is bought in advance. Anyone may start one; with a customer’s token what is bought is theirs, whatever address they enter.',
        body: createBody,
        response: { 201: session },
      },
    },
    async (request, reply) => {
      const { product, plan, email, success_url, cancel_url } = request.body;
      // Whoever believes to be signed in is not to buy as a stranger.
      if (request.identityError !== null) throw request.identityError;
      const { principal, body } = request;
      const quantity = planQuantityOf(body, catalog);
      const credit = quantity === undefined ? creditOrderOf(body) : undefined;
      const input = {
        product,
        plan,
        quantity,
        credit,
        licenseId: credit === undefined ? undefined : await licenseToFill(request, body, options.licenseReader),
        email,
        customerId: await buyer(principal, body.customer_id, customers),
        discount: discountOf(principal, body),
        successUrl: success_url,
        cancelUrl: cancel_url,
      };
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
      const credit = await credits.find(row.id);
      return {
        id: row.stripe_session_id,
        object: 'checkout' as const,
        product: row.product,
        plan: row.plan,
        quantity: row.quantity,
        email: row.email,
        status: row.status,
        url: row.url,
        stripe_subscription_id: row.stripe_subscription_id,
        credit: credit === null ? null : creditView(row.product, credit, catalog),
        created_at: row.created_at.toISOString(),
      };
    },
  );
}

/** How many of a plan that has to be paid for; undefined for one of it, and for what is bought in advance. */
function planQuantityOf({ product, plan, quantity, ...of }: z.infer<typeof createBody>, catalog: Catalog) {
  const sold = plan === undefined ? null : (findOffer(catalog, product, plan)?.plan ?? null);
  const isCredit = of.pack !== undefined || of.meter !== undefined;
  if (quantity === undefined || isCredit || sold === null || !isPaid(sold)) return undefined;
  return Number(quantity);
}

/** What was bought in advance, in the unit of its meter; in steps, where the catalog has that no more. */
function creditView(product: string, credit: CreditRow, catalog: Catalog): z.infer<typeof checkoutAnswer>['credit'] {
  const meter = findProduct(catalog, product)?.meters.find(({ id }) => id === credit.meter);
  const units = (steps: number) => (meter === undefined ? steps : Number(formatMeterQuantity(steps, meter)));
  return {
    meter: credit.meter,
    pack: credit.pack,
    quantity: units(credit.quantity),
    amount_cents: credit.amount_cents,
    currency: credit.currency,
    license_id: credit.license_id,
    added_at: credit.granted_at?.toISOString() ?? null,
    withheld: units(credit.withheld),
    taken_back: units(credit.taken),
  };
}
