import type { Resource } from './resource.ts';

/** Discounts have no calls of their own: they are seen in what they are on. */
export const discounts: Resource = {
  object: 'discount',
  operations: [],
  expandable: { customer: 'customer', promotion_code: 'promotion_code', 'source.coupon': 'coupon' },
};
