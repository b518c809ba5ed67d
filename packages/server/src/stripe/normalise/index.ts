import type { StripeObject } from '../shapes.ts';
import { latestCharge } from './2022-11-15.ts';
import { basil } from './2025-03-31-basil.ts';
import { clover } from './2025-09-30-clover.ts';
import { dahlia } from './2026-03-25-dahlia.ts';
import { referencesAsIds } from './references.ts';
import { applyChange, type ShapeChange } from './shape-change.ts';

/** In the order in which Stripe made them (https://docs.stripe.com/changelog): each starts from what the one before left. */
const changes: readonly ShapeChange[] = [latestCharge, basil, clover, dahlia, referencesAsIds];

/**
 * Brings an object, rendered in whatever version of Stripe's API, to today's shape (2026-10-28.endive) with references as ids: the one
 * shape that is known inside. What has it already is answered as it is; nothing is changed in place.
 */
export function normaliseObject(object: StripeObject): StripeObject {
  return changes.reduce<unknown>(applyChange, object) as StripeObject;
}
