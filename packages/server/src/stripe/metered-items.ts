import { overagePricesBeside } from '../catalog/overage-price-repository.ts';
import type { Connection } from '../db/database.ts';
import { pricesInUse } from './overage-repository.ts';
import type { StripeSubscription, StripeSubscriptionItem } from './shapes.ts';

/** The items of a subscription that only count what is used, beside the one that it is of. */

/** Whether an item bills what is used of it. */
export function isMetered({ price }: Pick<StripeSubscriptionItem, 'price'>): boolean {
  return price.recurring?.usage_type === 'metered';
}

/** What the subscription is of: the item that is paid for in advance, where there is one. */
export function ownItem({ items }: Pick<StripeSubscription, 'items'>): StripeSubscriptionItem | undefined {
  return items.data.find((item) => !isMetered(item)) ?? items.data[0];
}

/** The prices by which Stripe counts and bills what is used beyond the plan of a price. */
export async function meteredPricesBeside(connection: Connection, priceId: string): Promise<string[]> {
  return (await overagePricesBeside(connection, priceId)).map(({ stripePriceId }) => stripePriceId);
}

/** What a change of plan does to the metered items. */
export interface MeteredChange {
  /** Prices that are to be counted by from now on. */
  adds: string[];
  /** Items that cannot go on. */
  removes: string[];
}

/**
 * A metered item that has counted something stays to the end of the period, also when the plan is left: it bills what was used until
 * the change, and what of that is told late, at the rate that held. Only another rhythm of payment ends it then, for all items of a
 * subscription share one.
 */
export async function meteredChange(
  connection: Connection,
  subscription: Pick<StripeSubscription, 'id' | 'items'>,
  beside: readonly string[],
  rhythm: { interval: string; intervalCount: number },
): Promise<MeteredChange> {
  const metered = subscription.items.data.filter(isMetered);
  const known = metered.map(({ price }) => price.id);
  const left = known.filter((price) => !beside.includes(price));
  const inUse = await pricesInUse(connection, subscription.id, left);
  const ends = metered.filter(({ price }) => {
    const { interval, interval_count: count } = price.recurring ?? {};
    if (interval !== rhythm.interval || count !== rhythm.intervalCount) return true;
    return left.includes(price.id) && !inUse.has(price.id);
  });
  return { adds: beside.filter((price) => !known.includes(price)), removes: ends.map(({ id }) => id) };
}
