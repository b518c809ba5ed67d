import { z } from 'zod';
import type { Http } from '../../../http/types.ts';
import type { CustomerService } from '../../customers/index.ts';
import type { Portal } from '../portal.ts';
import { customerId, webAddress } from './fields.ts';
import { customerOf } from './whose.ts';

export interface PortalRouteOptions {
  portal: Portal;
  customers: CustomerService;
}

export function portalRoutes(http: Http, { portal, customers }: PortalRouteOptions): void {
  http.post(
    '/v1/portal-sessions',
    {
      config: { access: { scope: 'payments:write', owner: true } },
      schema: {
        tags: ['Customers'],
        summary: 'Open Stripe’s page for a customer',
        description:
          'Answers an address where the customer sees to their subscriptions, cards and invoices. Send them there at once: whoever has it is the customer on that page.',
        body: z
          .object({
            customer_id: customerId,
            return_url: webAddress.optional().describe('Where the page leads back to.'),
          })
          .nullish(),
        response: { 201: z.object({ url: z.string() }) },
      },
    },
    async (request, reply) => {
      const { customer_id, return_url } = request.body ?? {};
      const { id } = await customerOf(request.principal, customer_id, customers);
      return reply.code(201).send(await portal.open(id, return_url, (work) => request.write(work)));
    },
  );
}
