/** What is used beyond plans, on its way to Stripe, wired. */

import type { Foundation } from './foundation.ts';
import { createOverageBilling, type OverageBilling, type OverageBillingOptions } from './stripe/overage.ts';

export interface OverageDesk {
  overage: OverageBilling;
}

export function createOverageDesk({
  logs,
  ...options
}: Omit<OverageBillingOptions, 'log'> & Pick<Foundation, 'logs'>): OverageDesk {
  return { overage: createOverageBilling({ ...options, log: logs.operations.stripe }) };
}
