import { overagePricesBeside } from '../catalog/overage-price-repository.ts';
import type { Connection } from '../db/database.ts';
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
 * A metered item of the plan that is left stays to the end of the period: it bills what was used until the change, and what of
 * that is told late, at the rate that held. Only another rhythm of payment ends it, for all items of a subscription share one.
 */
export function meteredChange(
  subscription: Pick<StripeSubscription, 'items'>,
  beside: readonly string[],
  rhythm: { interval: string; intervalCount: number },
): MeteredChange {
  const metered = subscription.items.data.filter(isMetered);
  const known = new Set(metered.map(({ price }) => price.id));
  const ends = metered.filter(
    ({ price: { recurring } }) =>
      recurring?.interval !== rhythm.interval || recurring.interval_count !== rhythm.intervalCount,
  );
  return { adds: beside.filter((price) => !known.has(price)), removes: ends.map(({ id }) => id) };
}
