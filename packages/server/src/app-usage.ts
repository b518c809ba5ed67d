/** Use, wired: counted by the periods of subscriptions. */

import type { Config } from './config/config.ts';
import type { Notifications } from './modules/notifications/index.ts';
import { currentPeriods } from './modules/subscriptions/index.ts';
import {
  createUsage,
  createUsageRetention,
  createUseFollower,
  type Usage,
  type UsageOptions,
  type UsageRetention,
} from './modules/usage/index.ts';

export interface UsageDesk {
  usage: Usage;
  usageRetention: UsageRetention;
}

export interface UsageDeskOptions extends Omit<UsageOptions, 'periods' | 'recorded'> {
  config: Pick<Config, 'alertEmail' | 'usageEventsKeepMonths'>;
  notifications: Pick<Notifications, 'notify'>;
}

export function createUsageDesk(options: UsageDeskOptions): UsageDesk {
  const recorded = createUseFollower({ ...options, alertEmail: options.config.alertEmail });
  return {
    usage: createUsage({ ...options, periods: currentPeriods, recorded }),
    usageRetention: createUsageRetention({ ...options, keepMonths: options.config.usageEventsKeepMonths }),
  };
}
