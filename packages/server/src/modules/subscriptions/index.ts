/** Subscriptions: what Stripe bills, mirrored, and what that gives and takes. */

export {
  type ChangeInvoice,
  type ChangeRequest,
  type ChangesAtStripe,
  createPlanChanges,
  type PlanChanges,
  type PlanChangesOptions,
  type SubscriptionAtStripe,
} from './changing.ts';
export type { ReadSource, SourceInvoice, SourceSubscription } from './following.ts';
export { createMonitor } from './monitor.ts';
export { countStandings } from './monitor-repository.ts';
export { createLicenseNotices, type LicenseNotices } from './notices.ts';
export { PENDING_CHANGE } from './pending-change.ts';
export { currentPeriods } from './periods-repository.ts';
export type { SubscriptionFilter } from './repository.ts';
export { createRevenueReader, type RevenueFigures, type RevenueReader } from './revenue-figures.ts';
export { changeRoutes } from './routes/changes.ts';
export { subscriptionRoutes } from './routes/index.ts';
export { revenueRoutes } from './routes/revenue.ts';
export { subscribeRoutes } from './routes/subscribe.ts';
export {
  createSubscriptionService,
  type Subscription,
  type SubscriptionCommands,
  type SubscriptionService,
  type SubscriptionStatistics,
  type Write,
} from './service.ts';
export {
  createNewSubscriptions,
  type NewSubscriptions,
  type NewSubscriptionsOptions,
  type StartedSubscription,
  type SubscribeRequest,
  type SubscribingAtStripe,
} from './subscribing.ts';
