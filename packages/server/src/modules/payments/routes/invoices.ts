import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { customersFor, maySee, ownerOf } from '../../../http/authentication.ts';
import { decodeCursor, pageOf, pageQuery, toPage } from '../../../http/paging.ts';
import type { Http } from '../../../http/types.ts';
import type { BillingReader } from '../invoices.ts';
import { invoiceAnswer, invoiceView, paymentAnswer, paymentView } from './billing-schemas.ts';

const READ_OWN = { access: { scope: 'payments:read', owner: true } } as const;
const identifier = z.string().max(255);
const NOTE =
  'From what Stripe told, so that it is answered while Stripe is away. With a customer’s token: their own alone';

export function invoiceRoutes(http: Http, { billing }: { billing: BillingReader }): void {
  http.get(
    '/v1/invoices',
    {
      config: READ_OWN,
      schema: {
        tags: ['Invoices'],
        summary: 'List invoices',
        description: `${NOTE}, without drafts.`,
        querystring: pageQuery.extend({
          customer: identifier.optional(),
          subscription: identifier.optional().describe('Our id, or Stripe’s.'),
          status: z.enum(['draft', 'open', 'paid', 'uncollectible', 'void']).optional(),
        }),
        response: { 200: pageOf(invoiceAnswer) },
      },
    },
    async ({ query, principal }) => {
      const { customer, subscription, status, limit, after } = query;
      const customers = customersFor(principal, customer);
      const filter = { customers, subscription, status, drafts: ownerOf(principal) === null };
      const rows = await billing.invoices(filter, { limit: limit + 1, after: decodeCursor(after) });
      return toPage(rows, limit, (row) => ({ at: row.createdAt, id: row.id }), invoiceView);
    },
  );

  http.get(
    '/v1/invoices/:id',
    {
      config: READ_OWN,
      schema: {
        tags: ['Invoices'],
        summary: 'Read an invoice',
        params: z.object({ id: identifier.min(1).describe('Stripe’s id, in_….') }),
        response: { 200: invoiceAnswer },
      },
    },
    async ({ params, principal }) => {
      const invoice = await billing.invoice(params.id);
      const isThere = invoice !== null && maySee(principal, invoice.customerId);
      const isHidden = invoice?.status === 'draft' && ownerOf(principal) !== null;
      if (isThere && !isHidden) return invoiceView(invoice);
      throw new LatchkeyError('resource_missing', `There is no invoice ${params.id}.`);
    },
  );

  http.get(
    '/v1/payments',
    {
      config: READ_OWN,
      schema: {
        tags: ['Payments'],
        summary: 'List payments',
        description: `Every charge, also those that failed. ${NOTE}.`,
        querystring: pageQuery.extend({
          customer: identifier.optional(),
          status: z.enum(['succeeded', 'pending', 'failed']).optional(),
        }),
        response: { 200: pageOf(paymentAnswer) },
      },
    },
    async ({ query, principal }) => {
      const { customer, status, limit, after } = query;
      const filter = { customers: customersFor(principal, customer), status };
      const rows = await billing.payments(filter, { limit: limit + 1, after: decodeCursor(after) });
      return toPage(rows, limit, (row) => ({ at: row.createdAt, id: row.id }), paymentView);
    },
  );
}
