/** What is done with subscriptions at somebody's wish, wired. */

import { currentPrice } from './catalog/price-repository.ts';
import {
  createNewSubscriptions,
  createPlanChanges,
  createRevenueReader,
  type NewSubscriptions,
  type NewSubscriptionsOptions,
  type PlanChanges,
  type PlanChangesOptions,
  type RevenueReader,
} from './modules/subscriptions/index.ts';
import { createSubscribingAtStripe } from './stripe/subscribing.ts';
import { createSubscriptionChanges, type SubscriptionChangesOptions } from './stripe/subscription-changes.ts';

export interface SubscriptionDesk {
  planChanges: PlanChanges;
  newSubscriptions: NewSubscriptions;
  revenue: RevenueReader;
}

type Wired = 'atStripe' | 'subscribingAtStripe' | 'currentPrice' | 'findPromotionCode';

export type SubscriptionDeskOptions = Omit<PlanChangesOptions & NewSubscriptionsOptions, Wired> &
  SubscriptionChangesOptions;

export function createSubscriptionDesk(options: SubscriptionDeskOptions): SubscriptionDesk {
  const { client } = options;
  return {
    planChanges: createPlanChanges({ ...options, atStripe: createSubscriptionChanges(options), currentPrice }),
    newSubscriptions: createNewSubscriptions({
      ...options,
      subscribingAtStripe: createSubscribingAtStripe(options),
      currentPrice,
      findPromotionCode: (code) => client.promotionCode(code),
    }),
    revenue: createRevenueReader(options),
  };
}
