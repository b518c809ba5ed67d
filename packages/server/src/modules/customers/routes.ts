import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { ownerOf } from '../../http/authentication.ts';
import { decodeCursor, pageOf, pageQuery, toPage } from '../../http/paging.ts';
import type { Http, HttpRequest } from '../../http/types.ts';
import type { CustomersAtStripe } from './at-stripe.ts';
import { createBody, customerAnswer, customerView, updateBody } from './schemas.ts';
import type { CustomerService } from './service.ts';

const TAGS = ['Customers'];
const READ = { access: { scope: 'customers:read' } } as const;
const WRITE = { access: { scope: 'customers:write' } } as const;
const byId = z.object({ id: z.string().min(1).max(100).describe('Our id, or Stripe’s.') });

export interface CustomerRouteOptions {
  customers: CustomerService;
  customersAtStripe: CustomersAtStripe;
}

export function customerRoutes(http: Http, options: CustomerRouteOptions): void {
  listing(http, options);
  reading(http, options);
  writing(http, options);
}

function listing(http: Http, { customers }: CustomerRouteOptions): void {
  http.get(
    '/v1/customers',
    {
      config: READ,
      schema: {
        tags: TAGS,
        summary: 'List customers',
        querystring: pageQuery.extend({
          email: z.string().max(254).optional(),
          external_id: z.string().max(255).optional(),
          stripe_customer_id: z.string().max(255).optional(),
        }),
        response: { 200: pageOf(customerAnswer) },
      },
    },
    async ({ query }) => {
      const position = decodeCursor(query.after);
      const rows = await customers.list(
        { email: query.email, externalId: query.external_id, stripeCustomerId: query.stripe_customer_id },
        { limit: query.limit + 1, after: position === null ? null : { createdAt: position.at, id: position.id } },
      );
      return toPage(rows, query.limit, (row) => ({ at: row.created_at, id: row.id }), customerView);
    },
  );
}

function reading(http: Http, { customers }: CustomerRouteOptions): void {
  http.get(
    '/v1/customers/me',
    {
      config: { access: 'owner' },
      schema: {
        tags: TAGS,
        summary: 'Read the customer who calls',
        description: "For a customer's own token. The vendor's notes (`metadata`) are left out.",
        response: { 200: customerAnswer },
      },
    },
    async ({ principal }) => {
      if (ownerOf(principal) === null || principal.id === null)
        throw new LatchkeyError('resource_missing', "This token is no customer's, so there is no me.");
      return { ...customerView(await customers.get(principal.id)), metadata: {} };
    },
  );

  http.get(
    '/v1/customers/:id',
    {
      config: READ,
      schema: { tags: TAGS, summary: 'Read a customer', params: byId, response: { 200: customerAnswer } },
    },
    async ({ params }) => customerView(await customers.get(params.id)),
  );
}

function writing(http: Http, { customers, customersAtStripe }: CustomerRouteOptions): void {
  const writerOf =
    (request: HttpRequest) =>
    <T>(work: Parameters<typeof request.write<T>>[0]) =>
      request.write(work);

  http.post(
    '/v1/customers',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Make a customer known',
        description:
          'The same external id, or the same address where none is given, is the same customer: what is known of them stays, and `PATCH` changes it.',
        body: createBody,
        response: { 201: customerAnswer },
      },
    },
    async (request, reply) => {
      const { email, name, external_id, metadata, at_stripe } = request.body;
      const customer = await request.write((tx) =>
        customers.ensure(tx, { email, name, externalId: external_id, metadata }),
      );
      if (!at_stripe) return reply.code(201).send(customerView(customer));
      await customersAtStripe.ensure(customer.id, writerOf(request));
      return reply.code(201).send(customerView(await customers.get(customer.id)));
    },
  );

  http.patch(
    '/v1/customers/:id',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Change a customer',
        description: 'Stripe is told as well, at once or as soon as it answers.',
        params: byId,
        body: updateBody,
        response: { 200: customerAnswer },
      },
    },
    async (request) => {
      const { email, name, external_id, metadata } = request.body;
      const { id } = await customers.get(request.params.id);
      const changes = { email, name, externalId: external_id, metadata: metadata && withoutEmpty(metadata) };
      return customerView(await customersAtStripe.update(id, changes, writerOf(request)));
    },
  );
}

function withoutEmpty(metadata: Record<string, string | null>): Record<string, string | null> {
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, value === '' ? null : value]));
}
