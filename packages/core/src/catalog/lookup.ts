/** Finding one's way in a catalog. */

import type { Allowance, Catalog, KeySchemeName, Plan, Product } from './types.ts';

export function findProduct(catalog: Catalog, productId: string): Product | null {
  return catalog.products.find((product) => product.id === productId) ?? null;
}

export function findPlan(product: Product, planId: string): Plan | null {
  return product.plans.find((plan) => plan.id === planId) ?? null;
}

/** The product and plan together; null when either is unknown. */
export function findOffer(
  catalog: Catalog,
  productId: string,
  planId: string,
): { product: Product; plan: Plan } | null {
  const product = findProduct(catalog, productId);
  const plan = product === null ? null : findPlan(product, planId);
  return product === null || plan === null ? null : { product, plan };
}

/** A plan that somebody has to pay for: in advance, or by what they use of it. */
export function isPaid(plan: Plan): boolean {
  return (plan.price !== null && plan.price.amountCents > 0) || isBilledByUse(plan);
}

/** A plan of which nothing is paid in advance: it is subscribed to, and each period's end bills what was used. */
export function isBilledByUse({ price, allowances }: Plan): boolean {
  return price !== null && price.amountCents === 0 && price.interval !== null && allowances.some(billsBeyond);
}

function billsBeyond({ limit, included, overage }: Allowance): boolean {
  return limit === 'overage' && included !== -1 && overage !== null && overage.amountCents > 0;
}

/** A plan that is paid again and again. */
export function isRecurring(plan: Plan): boolean {
  return isPaid(plan) && plan.price?.interval !== null;
}

/** How a scheme's secret is written, or null for the schemes that need none of the vendor's. */
export const SCHEME_SECRETS: Readonly<Record<KeySchemeName, 'utf8' | 'hex32' | null>> = {
  'sha512-hmac': 'utf8',
  sealed: 'hex32',
  random: null,
  'tier-signature': 'utf8',
  signed: null,
};
