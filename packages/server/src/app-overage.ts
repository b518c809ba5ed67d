/** What is used beyond plans, on its way to Stripe, wired. */

import type { Foundation } from './foundation.ts';
import { createOverageBilling, type OverageBilling, type OverageBillingOptions } from './stripe/overage.ts';
import { createOverageComparison, type OverageComparison } from './stripe/overage-comparison.ts';
import { type OverageMonth, overageRevenue } from './stripe/overage-revenue.ts';

export interface OverageDesk {
  overage: OverageBilling & {
    comparison: OverageComparison;
    /** What the final invoices since then charge beyond plans, by month and currency. */
    revenue(since: Date, of?: { product?: string | undefined }): Promise<OverageMonth[]>;
  };
}

export function createOverageDesk({
  logs,
  ...options
}: Omit<OverageBillingOptions, 'log'> & Pick<Foundation, 'logs'>): OverageDesk {
  const { connection } = options.database;
  return {
    overage: {
      ...createOverageBilling({ ...options, log: logs.operations.stripe }),
      comparison: createOverageComparison(options),
      revenue: (since, of) => overageRevenue(connection, since, of),
    },
  };
}
