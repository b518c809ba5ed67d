/** Use, wired: counted by the periods of subscriptions. */

import { currentPeriods } from './modules/subscriptions/index.ts';
import { createUsage, type Usage, type UsageOptions } from './modules/usage/index.ts';

export interface UsageDesk {
  usage: Usage;
}

export type UsageDeskOptions = Omit<UsageOptions, 'periods'>;

export function createUsageDesk(options: UsageDeskOptions): UsageDesk {
  return { usage: createUsage({ ...options, periods: currentPeriods }) };
}
