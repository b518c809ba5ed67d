import { LatchkeyError } from '@latchkey/core';
import type { StripeClient } from './client/index.ts';

async function refuse(): Promise<never> {
  throw new LatchkeyError(
    'stripe_not_configured',
    'Set STRIPE_SECRET_KEY to take payments; everything that needs no payment works without it.',
  );
}

/** Stands where the Stripe client would, on a server that was started without a Stripe key: every call says so. */
export const stripeNotConfigured = new Proxy({} as StripeClient, {
  get: (_target, name) => (name === 'circuit' ? 'closed' : refuse),
});
