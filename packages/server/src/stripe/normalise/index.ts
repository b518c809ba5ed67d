import type { StripeObject } from '../shapes.ts';

/** Brings an object to today's shape. */
export function normaliseObject(object: StripeObject): StripeObject {
  return object;
}
