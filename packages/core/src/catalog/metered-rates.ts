import { type MeteredOverage, meteredOverage } from '../usage/overage-price.ts';
import { isBilledByUse } from './lookup.ts';
import type { Plan, Product } from './types.ts';

/** What of a plan's use Stripe counts and bills by metered prices, also where nothing else of the plan costs anything. */
export function meteredRates(product: Pick<Product, 'overage' | 'meters'>, plan: Plan): MeteredOverage[] {
  const { price } = plan;
  if (price === null || !isBilledByUse(plan)) return meteredOverage(product, plan);
  // A plan without an amount is a free one to whoever looks at its price alone: any amount says that it is renewed.
  return meteredOverage(product, { ...plan, price: { ...price, amountCents: 1 } });
}
