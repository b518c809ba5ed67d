import { addDays, type Catalog, findOffer, findProduct, LatchkeyError, type Plan, type Product } from '@latchkey/core';

/** The product and plan; `product_unknown` or `plan_unknown`, naming what there is, where they do not exist. */
export function offer(catalog: Catalog, productId: string, planId: string): { product: Product; plan: Plan } {
  const found = findOffer(catalog, productId, planId);
  if (found !== null) return found;
  const product = findProduct(catalog, productId);
  throw product === null
    ? new LatchkeyError('product_unknown', `There is no product "${productId}" in the catalog.`, { path: 'product' })
    : new LatchkeyError('plan_unknown', `${productId} has no plan "${planId}". ${plansOf(product)}`, { path: 'plan' });
}

function plansOf(product: Product): string {
  return `It has: ${product.plans.map((plan) => plan.id).join(', ')}.`;
}

/** When a plan's own term ends that begins at `from`; null for ever. */
export function termEnd(termDays: number | null, from: Date): Date | null {
  return termDays === null ? null : addDays(from, termDays);
}
