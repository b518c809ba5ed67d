import { addDays, findPlan, LatchkeyError, type Plan, type Product } from '@latchkey/core';
import type { z } from 'zod';
import type { SoldElsewhere } from '../../modules/payments/index.ts';
import type { generateBody } from './schemas.ts';

/** The note on a licence that says which of the vendor's users it is for, under whose name its key was made. */
export const USER_NOTE = 'userId';

/** A key that is asked for. */
export interface KeyOrder {
  userId: string;
  email: string | null;
  plan: Plan;
  /** When it ends: null never, undefined when the plan says. */
  expiresAt: Date | null | undefined;
  paymentIntentId: string | null;
}

/** `duration` of a licence for life. */
const FOR_LIFE = -1;

/** What `POST /api/generate` asks for, with its term counted from `from`. Throws `invalid_request`, `plan_unknown`. */
export function keyOrderOf(body: z.infer<typeof generateBody>, product: Product, from: Date): KeyOrder {
  const { userId, userEmail = null, tier, duration, paymentIntentId = null } = body ?? {};
  if (!userId || !tier) throw new LatchkeyError('invalid_request', 'Missing required fields');
  return {
    userId,
    email: userEmail,
    plan: planOf(product, tier),
    expiresAt: duration == null ? undefined : duration === FOR_LIFE ? null : addDays(from, duration),
    paymentIntentId,
  };
}

function planOf(product: Product, tier: string): Plan {
  const plan = findPlan(product, tier);
  if (plan !== null) return plan;
  const tiers = product.plans.map(({ id }) => id).join(', ');
  throw new LatchkeyError('plan_unknown', `Unknown tier: there are ${tiers}.`, { path: 'tier' });
}

/** The key that `POST /api/verify` is about. Throws `invalid_request` when there is none. */
export function keyOf(license: string | null | undefined): string {
  if (license) return license;
  throw new LatchkeyError('invalid_request', 'No license provided', { path: 'license' });
}

/** What the front end's own back end sold at Stripe: `userId` and `tier` in the metadata say to whom, and what. */
export function saleOf({ userId, tier }: Readonly<Record<string, string>>, product: Product): SoldElsewhere | string {
  if (!userId || !tier) return 'The metadata name no userId and tier.';
  const plan = findPlan(product, tier);
  if (plan === null) return `The metadata name a tier that ${product.id} does not have.`;
  return { product: product.id, plan: plan.id, user: userId, notes: { [USER_NOTE]: userId } };
}
