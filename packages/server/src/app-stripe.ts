/** Which Stripe the house speaks to. */

import type { Foundation } from './foundation.ts';
import { type LocalStripe, SANDBOX_SECRET_KEY } from './sandbox/boot.ts';
import { createStripeClient, type StripeClient } from './stripe/client/index.ts';
import { stripeNotConfigured } from './stripe/unconfigured.ts';

/** The client of the local Stripe where there is one, of the configured one, or one that refuses every call. */
export function openStripe(
  { config, logs, metrics, patience }: Foundation,
  localStripe: LocalStripe | null,
): StripeClient {
  const { secretKey, apiUrl } = config.stripe;
  const time = metrics.durations(
    'latchkey_stripe_call_duration_seconds',
    'How long calls to Stripe took, retries and all, by call and outcome.',
  );
  const options = {
    log: logs.operations.stripe,
    resilience: patience,
    called: (call: string, outcome: string, seconds: number) => time({ call, outcome }, seconds),
  };
  if (localStripe !== null) {
    return createStripeClient({ ...options, secretKey: secretKey ?? SANDBOX_SECRET_KEY, apiUrl: localStripe.url });
  }
  return secretKey === null ? stripeNotConfigured : createStripeClient({ ...options, secretKey, apiUrl });
}
