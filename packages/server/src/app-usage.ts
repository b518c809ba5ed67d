/** Use, wired: counted by the periods of subscriptions. */

import type { Config } from './config/config.ts';
import type { Notifications } from './modules/notifications/index.ts';
import { currentPeriods } from './modules/subscriptions/index.ts';
import { createUsage, createUseFollower, type Usage, type UsageOptions } from './modules/usage/index.ts';

export interface UsageDesk {
  usage: Usage;
}

export interface UsageDeskOptions extends Omit<UsageOptions, 'periods' | 'recorded'> {
  config: Pick<Config, 'alertEmail'>;
  notifications: Pick<Notifications, 'notify'>;
}

export function createUsageDesk(options: UsageDeskOptions): UsageDesk {
  const recorded = createUseFollower({ ...options, alertEmail: options.config.alertEmail });
  return { usage: createUsage({ ...options, periods: currentPeriods, recorded }) };
}
