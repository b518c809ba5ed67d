import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { maySee } from '../../../http/authentication.ts';
import type { Http, HttpRequest, Principal } from '../../../http/types.ts';
import type { CustomerService } from '../../customers/index.ts';
import type { PaymentMethod, PaymentMethodService } from '../payment-methods.ts';
import { customerId, stripeId } from './fields.ts';
import { customerOf, customersOf } from './whose.ts';

const TAGS = ['Payment methods'];
const READ_OWN = { access: { scope: 'payments:read', owner: true } } as const;
const WRITE_OWN = { access: { scope: 'payments:write', owner: true } } as const;
const byId = z.object({ id: stripeId.describe('Stripe’s id, pm_….') });

const paymentMethodAnswer = z.object({
  id: z.string().describe('Stripe’s id, pm_….'),
  object: z.literal('payment_method'),
  customer_id: z.string(),
  type: z.string(),
  card: z
    .object({ brand: z.string(), last4: z.string(), exp_month: z.int(), exp_year: z.int() })
    .nullable()
    .describe('Null for what is no card.'),
  is_default: z.boolean().describe('Whether the customer’s invoices are charged to it.'),
  created_at: z.string(),
});

function paymentMethodView({
  id,
  customerId: customer_id,
  type,
  card,
  isDefault,
  createdAt,
}: PaymentMethod): z.infer<typeof paymentMethodAnswer> {
  return {
    id,
    object: 'payment_method',
    customer_id,
    type,
    card:
      card === null ? null : { brand: card.brand, last4: card.last4, exp_month: card.expMonth, exp_year: card.expYear },
    is_default: isDefault,
    created_at: createdAt.toISOString(),
  };
}

export interface PaymentMethodRouteOptions {
  paymentMethods: PaymentMethodService;
  customers: CustomerService;
  /** What Stripe's script in a page is started with; null when it is not configured. */
  publishableKey: string | null;
}

const writerOf =
  (request: HttpRequest) =>
  <T>(work: Parameters<typeof request.write<T>>[0]) =>
    request.write(work);

export function paymentMethodRoutes(http: Http, options: PaymentMethodRouteOptions): void {
  const { paymentMethods } = options;

  /** Refuses what is somebody else's in the words for what does not exist. */
  async function requireVisible(principal: Principal, id: string): Promise<void> {
    if (maySee(principal, (await paymentMethods.get(id)).customerId)) return;
    throw new LatchkeyError('resource_missing', `There is no payment method ${id}.`);
  }

  adding(http, options);

  http.get(
    '/v1/payment-methods',
    {
      config: READ_OWN,
      schema: {
        tags: TAGS,
        summary: 'List how a customer can pay',
        description: 'As Stripe has it now. Of a card no more is shown, and nothing kept, than names it to people.',
        querystring: z.object({ customer_id: customerId }),
        response: { 200: z.object({ data: z.array(paymentMethodAnswer) }) },
      },
    },
    async ({ principal, query }) => {
      const of = await customersOf(principal, query.customer_id, options.customers);
      return { data: (await paymentMethods.list(of)).map(paymentMethodView) };
    },
  );

  http.post(
    '/v1/payment-methods/:id/default',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Have invoices charged to it',
        description: 'The customer’s, and those of their running subscriptions that name another one.',
        params: byId,
        response: { 200: paymentMethodAnswer },
      },
    },
    async (request) => {
      const { id } = request.params;
      await requireVisible(request.principal, id);
      return paymentMethodView(await paymentMethods.makeDefault(id, writerOf(request)));
    },
  );

  http.post(
    '/v1/payment-methods/:id/detach',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Take it from its customer',
        description:
          'For good. Refused (`payment_method_in_use`) when a running subscription would have nothing left to pay with, unless `force`.',
        params: byId,
        body: z.object({ force: z.boolean().default(false) }).nullish(),
        response: { 200: paymentMethodAnswer },
      },
    },
    async (request) => {
      const { id } = request.params;
      await requireVisible(request.principal, id);
      const force = request.body?.force ?? false;
      return paymentMethodView(await paymentMethods.detach(id, { force, write: writerOf(request) }));
    },
  );
}

function adding(http: Http, { paymentMethods, customers, publishableKey }: PaymentMethodRouteOptions): void {
  http.post(
    '/v1/payment-methods',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Give a customer a payment method',
        description: 'One that Stripe’s script made in a page of yours: card numbers never come here.',
        body: z.object({
          customer_id: customerId,
          payment_method: stripeId.describe('Stripe’s id, pm_….'),
          make_default: z.boolean().default(false),
        }),
        response: { 201: paymentMethodAnswer },
      },
    },
    async (request, reply) => {
      const { customer_id, payment_method, make_default } = request.body;
      const { id } = await customerOf(request.principal, customer_id, customers);
      const attached = await paymentMethods.attach(id, payment_method, writerOf(request));
      const method = make_default ? await paymentMethods.makeDefault(attached.id, writerOf(request)) : attached;
      return reply.code(201).send(paymentMethodView(method));
    },
  );

  http.post(
    '/v1/payment-methods/setup',
    {
      config: WRITE_OWN,
      schema: {
        tags: TAGS,
        summary: 'Begin to take down a card in a page',
        description:
          'Answers a setup intent’s secret for Stripe’s script in the page, which asks the bank where it has to and gives the card to the customer.',
        body: z.object({ customer_id: customerId }).nullish(),
        response: {
          201: z.object({
            setup_intent: z.string(),
            client_secret: z.string(),
            publishable_key: z.string().nullable(),
          }),
        },
      },
    },
    async (request, reply) => {
      const { id } = await customerOf(request.principal, request.body?.customer_id, customers);
      const made = await paymentMethods.setUp(id, writerOf(request));
      return reply
        .code(201)
        .send({ setup_intent: made.id, client_secret: made.clientSecret, publishable_key: publishableKey });
    },
  );
}
