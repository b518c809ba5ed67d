import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import type { Http } from '../../../http/types.ts';
import type { RefundService } from '../refunds.ts';

const createBody = z.object({
  payment: z
    .string()
    .regex(/^(pi|ch|py)_\w{1,250}$/)
    .optional()
    .describe('Stripe’s payment intent, pi_…, or charge, ch_….'),
  invoice: z
    .string()
    .regex(/^in_\w{1,250}$/)
    .optional()
    .describe('Stripe’s invoice, in_…, in place of the payment.'),
  amount: z.int().min(1).max(99_999_999_999).optional().describe('In the smallest unit. Left out: all that is left.'),
  reason: z.enum(['duplicate', 'fraudulent', 'requested_by_customer']).optional(),
});

const refundAnswer = z.object({
  id: z.string().describe('Stripe’s id of the refund, re_….'),
  object: z.literal('refund'),
  status: z.string().nullable(),
  amount: z.int(),
  currency: z.string(),
  payment: z.string(),
  invoice: z.string().nullable(),
  license_ids: z.array(z.string()).describe('The licences that the payment paid for.'),
});

export function refundRoutes(http: Http, { refunds }: { refunds: RefundService }): void {
  http.post(
    '/v1/refunds',
    {
      config: { access: { scope: 'payments:write' } },
      schema: {
        tags: ['Payments'],
        summary: 'Give money back',
        description:
          'All of a payment, or a part. What that means for the licence is the catalog’s to say (`withdrawal`): a part that is kept keeps it.',
        body: createBody,
        response: { 201: refundAnswer },
      },
    },
    async (request, reply) => {
      const { payment, invoice, amount, reason } = request.body;
      const input = { of: targetOf(payment, invoice), amountCents: amount, reason };
      const refund = await refunds.create(input, (work) => request.write(work));
      return reply.code(201).send({
        id: refund.id,
        object: 'refund' as const,
        status: refund.status,
        amount: refund.amountCents,
        currency: refund.currency,
        payment: refund.payment,
        invoice: refund.invoice,
        license_ids: refund.licenseIds,
      });
    },
  );
}

function targetOf(payment: string | undefined, invoice: string | undefined): { payment: string } | { invoice: string } {
  if (payment !== undefined && invoice === undefined) return { payment };
  if (invoice !== undefined && payment === undefined) return { invoice };
  throw new LatchkeyError('invalid_request', 'Name either the payment or the invoice that is to be given back.', {
    path: payment === undefined ? 'payment' : 'invoice',
  });
}
