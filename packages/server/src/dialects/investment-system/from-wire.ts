/** What these calls ask, in the words of the house. Pure. */

import type { z } from 'zod';
import type { subscribeBody, upgradeBody } from './schemas.ts';

/** Tiers are written in capitals in some places and not in others. */
function planOf(tier: string): string {
  return tier.toLowerCase();
}

export function subscribeInput({ tier, payment_method_id }: z.infer<typeof subscribeBody>) {
  return { plan: planOf(tier), paymentMethod: payment_method_id };
}

export function changeWish({ tier, when, as_of }: z.infer<typeof upgradeBody>) {
  return {
    plan: planOf(tier),
    when,
    ...(as_of === undefined ? {} : { asOf: Date.parse(as_of) }),
  };
}
