import {
  type CancellationPolicy,
  type Catalog,
  DEFAULT_CANCELLATION_POLICY,
  DEFAULT_DUNNING_POLICY,
  DEFAULT_LICENSE_POLICY,
  type DunningPolicy,
  findOffer,
  findProduct,
} from '@latchkey/core';

/** What the catalog says of unpaid and of ended subscriptions; the defaults stand in for a product that is no longer in it. */
export function policiesOf(
  catalog: Catalog,
  productId: string,
): { dunning: DunningPolicy; cancellation: CancellationPolicy } {
  const product = findProduct(catalog, productId);
  return {
    dunning: product?.dunning ?? DEFAULT_DUNNING_POLICY,
    cancellation: product?.cancellation ?? DEFAULT_CANCELLATION_POLICY,
  };
}

/** Days before an end at which it is announced. */
export function noticeDaysOf(
  catalog: Catalog,
  { product, plan }: { product: string; plan: string },
): readonly number[] {
  return (findOffer(catalog, product, plan)?.plan.license ?? DEFAULT_LICENSE_POLICY).expiringNoticeDays;
}
