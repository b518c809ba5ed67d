import type { RateLimitPolicy } from '../../http/index.ts';

/** For each address: what somebody does who looks at their plan, and far below what trying out stolen cards takes. */
export const BILLING_LIMIT: RateLimitPolicy = { name: 'billing', limit: 120, windowSeconds: 60 };
