import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { ownerOf } from '../../http/authentication.ts';
import { decodeCursor, pageOf, pageQuery, toPage } from '../../http/paging.ts';
import type { Http } from '../../http/types.ts';
import type { Customer, CustomerService } from './service.ts';

const TAGS = ['Customers'];
const READ = { access: { scope: 'customers:read' } } as const;
const WRITE = { access: { scope: 'customers:write' } } as const;

const customerAnswer = z.object({
  id: z.string(),
  object: z.literal('customer'),
  email: z.string().nullable(),
  name: z.string().nullable(),
  external_id: z.string().nullable().describe("The vendor's own id."),
  stripe_customer_id: z.string().nullable(),
  metadata: z.record(z.string(), z.string()),
  created_at: z.string(),
});

const createBody = z.object({
  email: z.email().max(254),
  name: z.string().trim().min(1).max(255).optional(),
  external_id: z.string().min(1).max(255).optional(),
});

function customerView(customer: Customer): z.infer<typeof customerAnswer> {
  return {
    id: customer.id,
    object: 'customer',
    email: customer.email,
    name: customer.name,
    external_id: customer.external_id,
    stripe_customer_id: customer.stripe_customer_id,
    metadata: customer.metadata,
    created_at: customer.created_at.toISOString(),
  };
}

export function customerRoutes(http: Http, { customers }: { customers: CustomerService }): void {
  http.post(
    '/v1/customers',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Make a customer known',
        description: 'The same external id, or the same address where none is given, is the same customer.',
        body: createBody,
        response: { 201: customerAnswer },
      },
    },
    async (request, reply) => {
      const { email, name, external_id } = request.body;
      const customer = await request.write((tx) => customers.ensure(tx, { email, name, externalId: external_id }));
      return reply.code(201).send(customerView(customer));
    },
  );

  http.get(
    '/v1/customers',
    {
      config: READ,
      schema: {
        tags: TAGS,
        summary: 'List customers',
        querystring: pageQuery.extend({ email: z.string().max(254).optional() }),
        response: { 200: pageOf(customerAnswer) },
      },
    },
    async ({ query }) => {
      const position = decodeCursor(query.after);
      const rows = await customers.list(
        { email: query.email },
        { limit: query.limit + 1, after: position === null ? null : { createdAt: position.at, id: position.id } },
      );
      return toPage(rows, query.limit, (row) => ({ at: row.created_at, id: row.id }), customerView);
    },
  );

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
      schema: {
        tags: TAGS,
        summary: 'Read a customer',
        description: 'By our id or by Stripe’s.',
        params: z.object({ id: z.string().min(1).max(100) }),
        response: { 200: customerAnswer },
      },
    },
    async ({ params }) => customerView(await customers.get(params.id)),
  );
}
