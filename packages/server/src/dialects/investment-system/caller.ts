import { LatchkeyError, type Product } from '@latchkey/core';
import { ownerOf } from '../../http/authentication.ts';
import type { Principal } from '../../http/index.ts';
import type { Customer, CustomerService } from '../../modules/customers/index.ts';
import type { Subscription, SubscriptionService } from '../../modules/subscriptions/index.ts';

/** Whoever calls: the customer that pays, and every id under which they bought. */
export interface Caller {
  customer: Customer;
  owns: readonly string[];
}

/** Everything here is about whoever calls, so the vendor, who is nobody's customer, is sent to `/v1`. */
export async function callerOf(principal: Principal, customers: Pick<CustomerService, 'several'>): Promise<Caller> {
  const owns = ownerOf(principal);
  if (owns === null) {
    throw new LatchkeyError('forbidden', 'This call is a customer’s own. For the vendor there is /v1.');
  }
  const known = await customers.several(owns);
  // Who bought under several ids pays under the first that Stripe knows.
  const customer = known.find((one) => one.stripe_customer_id !== null && one.deleted_at === null) ?? known[0];
  if (customer === undefined) throw new LatchkeyError('unauthorized', 'This customer is not known any more.');
  return { customer, owns };
}

/** Their subscription to the product that runs, if one does. */
export async function runningSubscription(
  { owns }: Caller,
  product: Product,
  subscriptions: Pick<SubscriptionService, 'list'>,
): Promise<Subscription | null> {
  const known = await subscriptions.list({ customerId: owns, product: product.id }, { limit: 100, after: null });
  return known.find(({ standing }) => standing !== 'ended' && standing !== 'pending') ?? null;
}

/** The same where there has to be one: `resource_missing` where there is none. */
export async function theirSubscription(...of: Parameters<typeof runningSubscription>): Promise<Subscription> {
  const running = await runningSubscription(...of);
  if (running !== null) return running;
  throw new LatchkeyError('resource_missing', 'There is no subscription. POST /billing/subscribe makes one.');
}
