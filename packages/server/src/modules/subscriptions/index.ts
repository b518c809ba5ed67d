/** Subscriptions: what Stripe bills, mirrored, and what that gives and takes. */

export type { ReadSource, SourceInvoice, SourceSubscription } from './following.ts';
export { countStandings } from './monitor-repository.ts';
export type { SubscriptionFilter } from './repository.ts';
export { subscriptionRoutes } from './routes/index.ts';
export { revenueRoutes } from './routes/revenue.ts';
export {
  createSubscriptionService,
  type Subscription,
  type SubscriptionCommands,
  type SubscriptionService,
  type SubscriptionStatistics,
  type Write,
} from './service.ts';
