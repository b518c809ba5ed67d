import { formatMeterQuantity, LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import type { Http } from '../../../http/types.ts';
import type { CreditSales } from '../credit-sales.ts';

const identifier = z.string().min(1).max(100);

const quoteAnswer = z.object({
  object: z.literal('quote'),
  product: z.string(),
  meter: z.string(),
  unit: z.string(),
  quantity: z.number(),
  pack: z.string().nullable(),
  amount_cents: z.int().describe("In the currency's smallest unit."),
  currency: z.string(),
});

/** What something costs that is bought in advance, before it is bought: for the price that changes as one types. */
export function creditRoutes(http: Http, { credits }: { credits: Pick<CreditSales, 'quote'> }): void {
  http.get(
    '/v1/products/:id/quote',
    {
      config: { access: 'anyone', quiet: true },
      schema: {
        tags: ['Products'],
        summary: 'What a quantity or a pack costs',
        description: 'The amount that a checkout for the same would ask for, before discounts and tax.',
        params: z.object({ id: identifier }),
        querystring: z.object({
          pack: identifier.optional(),
          quantity: z.string().max(40).optional().describe('In the meter’s unit, such as 2.5.'),
          meter: identifier.optional().describe('Left out: the only one of which any quantity can be bought.'),
        }),
        response: { 200: quoteAnswer },
      },
    },
    async ({ params: { id }, query }) => {
      const { meter, steps, price, pack } = quoteOf(credits, id, query);
      return {
        object: 'quote' as const,
        ...{ product: id, meter: meter.id, unit: meter.unit, pack },
        quantity: Number(formatMeterQuantity(steps, meter)),
        amount_cents: price.amountCents,
        currency: price.currency,
      };
    },
  );
}

/** The product is named by the address here, and not by a field. */
function quoteOf(credits: Pick<CreditSales, 'quote'>, id: string, order: Parameters<CreditSales['quote']>[1]) {
  try {
    return credits.quote(id, order);
  } catch (error) {
    if (!(error instanceof LatchkeyError) || error.code !== 'product_unknown') throw error;
    throw new LatchkeyError('resource_missing', error.detail);
  }
}
