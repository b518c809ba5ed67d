/** What is done with subscriptions at somebody's wish, wired. */

import { currentPrice } from './catalog/price-repository.ts';
import { createPlanChanges, type PlanChanges, type PlanChangesOptions } from './modules/subscriptions/index.ts';
import { createSubscriptionChanges, type SubscriptionChangesOptions } from './stripe/subscription-changes.ts';

export interface SubscriptionDesk {
  planChanges: PlanChanges;
}

export type SubscriptionDeskOptions = Omit<PlanChangesOptions, 'atStripe' | 'currentPrice'> &
  SubscriptionChangesOptions;

export function createSubscriptionDesk(options: SubscriptionDeskOptions): SubscriptionDesk {
  const atStripe = createSubscriptionChanges(options);
  return { planChanges: createPlanChanges({ ...options, atStripe, currentPrice }) };
}
