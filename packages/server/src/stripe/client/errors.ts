import { LatchkeyError } from '@latchkey/core';
import Stripe from 'stripe';

/** Whether Stripe, or the way to it, is out of order: the next attempt may fare better. */
export function isOutage(error: unknown): boolean {
  if (error instanceof Stripe.errors.StripeConnectionError || error instanceof Stripe.errors.StripeRateLimitError)
    return true;
  if (!(error instanceof Stripe.errors.StripeError)) return false;
  // 409: another attempt under the same idempotency key is still being carried out.
  return error.statusCode === undefined || error.statusCode >= 500 || error.statusCode === 409;
}

/** For `catch`: a 404 is an answer, null. */
export function absentIfMissing(error: unknown): null {
  if (error instanceof Stripe.errors.StripeError && error.statusCode === 404) return null;
  throw error;
}

/** The id or the lookup key was given away a moment ago. */
export function isTaken(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    (error.code === 'resource_already_exists' || error.param === 'lookup_key')
  );
}

/** What went wrong, as an error of ours. */
export function translate(error: unknown, isRefusal: boolean, openSeconds: number): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  if (isRefusal || isOutage(error)) {
    return new LatchkeyError(
      'stripe_unavailable',
      'Stripe does not answer at the moment. Nothing was lost; try again soon.',
      {
        retryAfterSeconds: openSeconds,
        cause: error,
      },
    );
  }
  if (error instanceof Stripe.errors.StripeCardError) {
    return new LatchkeyError('stripe_declined', error.message, {
      meta: { decline_code: error.decline_code ?? error.code ?? null },
      cause: error,
    });
  }
  if (error instanceof Stripe.errors.StripeError) {
    const missing = error.statusCode === 404;
    return new LatchkeyError(missing ? 'resource_missing' : 'stripe_rejected', `Stripe refused: ${error.message}`, {
      meta: { stripe_code: error.code ?? null, stripe_request_id: error.requestId ?? null },
      cause: error,
    });
  }
  return new LatchkeyError('internal', 'A call to Stripe broke off in an unexpected way.', { cause: error });
}
