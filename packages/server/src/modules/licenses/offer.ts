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

/** The plan that was named, or the only one the product has; `invalid_request` where it has several. */
export function planOrOnly(catalog: Catalog, productId: string, planId: string | undefined): string {
  if (planId !== undefined) return planId;
  const product = findProduct(catalog, productId);
  // Where there is no such product, `offer` says so.
  if (product === null) return '';
  const [plan, another] = product.plans;
  if (plan !== undefined && another === undefined) return plan.id;
  throw new LatchkeyError('invalid_request', `${productId} has several plans; name one. ${plansOf(product)}`, {
    path: 'plan',
  });
}

function plansOf(product: Product): string {
  return `It has: ${product.plans.map((plan) => plan.id).join(', ')}.`;
}

/** When a plan's own term ends that begins at `from`; null for ever. */
export function termEnd(termDays: number | null, from: Date): Date | null {
  return termDays === null ? null : addDays(from, termDays);
}
