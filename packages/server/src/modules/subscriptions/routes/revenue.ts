import { z } from 'zod';
import type { Database } from '../../../db/database.ts';
import type { Http } from '../../../http/types.ts';
import type { Clock } from '../../../ports.ts';
import { movementsByMonth, revenueTotals } from '../revenue-repository.ts';

const MONTHS = 12;

const revenueAnswer = z.object({
  as_of: z.string(),
  totals: z.array(
    z.object({
      currency: z.string(),
      mrr_cents: z.number().describe('What all subscriptions bring in a month, without trials and taxes.'),
      arr_cents: z.number().describe('Twelve times that.'),
      paying_customers: z.number(),
    }),
  ),
  movements: z
    .array(
      z.object({
        month: z.string().describe('Its first day, UTC.'),
        currency: z.string(),
        kind: z.enum(['new', 'expansion', 'contraction', 'churn', 'reactivation']),
        delta_cents: z.number(),
        movements: z.number(),
      }),
    )
    .describe('Of this month and the twelve before it. All movements there ever were add up to the totals.'),
});

/** What comes in each month, and what moved it. */
export function revenueRoutes(http: Http, { database, clock }: { database: Database; clock: Clock }): void {
  http.get(
    '/v1/analytics/revenue',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['Analytics'],
        summary: 'Monthly recurring revenue and its movements',
        description:
          'A subscription counts while it is active or its payment is late, at its month’s share. A customer’s first revenue is `new`, more of ' +
          'it an `expansion`, less a `contraction`, none `churn`, and some again a `reactivation`.',
        response: { 200: revenueAnswer },
      },
    },
    async () => {
      const now = clock.now();
      const since = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - MONTHS, 1));
      const totals = await revenueTotals(database.connection);
      const movements = await movementsByMonth(database.connection, since);
      return {
        as_of: now.toISOString(),
        totals: totals.map(({ currency, mrrCents, payingCustomers }) => ({
          currency,
          mrr_cents: mrrCents,
          arr_cents: mrrCents * 12,
          paying_customers: payingCustomers,
        })),
        movements: movements.map(({ deltaCents, ...movement }) => ({ ...movement, delta_cents: deltaCents })),
      };
    },
  );
}
