import { LatchkeyError } from '@latchkey/core';
import Stripe from 'stripe';

/** What came in Stripe's place: a page of a proxy, half an answer, an error that calls itself a success. */
export class NotStripesAnswer extends Error {
  override readonly name = 'NotStripesAnswer';
}

/** Whether Stripe, or the way to it, is out of order: the next attempt may fare better. */
export function isOutage(error: unknown): boolean {
  if (error instanceof NotStripesAnswer) return true;
  if (error instanceof Stripe.errors.StripeConnectionError || error instanceof Stripe.errors.StripeRateLimitError)
    return true;
  if (!(error instanceof Stripe.errors.StripeError)) return false;
  // 409: another attempt under the same idempotency key is still being carried out.
  const { statusCode } = error;
  return statusCode === undefined || statusCode < 400 || statusCode >= 500 || statusCode === 409;
}

/** The Retry-After of an answer, in milliseconds; null when there is none, or it names a date. */
export function waitAsked(error: unknown): number | null {
  if (!(error instanceof Stripe.errors.StripeError)) return null;
  const seconds = Number(error.headers?.['retry-after'] ?? Number.NaN);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1_000 : null;
}

/**
 * Hands on what is an object of Stripe's, a list of them, or the absence of one. The SDK takes an error without the key `error` for a
 * success, and whatever a proxy says as JSON for an object.
 */
export function stripesAnswer<T>(answer: T): T {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return answer;
  if ('object' in answer && typeof answer.object === 'string') return answer;
  throw new NotStripesAnswer('The answer is no object of Stripe.');
}

/** For `catch`: a 404 is an answer, null. */
export function absentIfMissing(error: unknown): null {
  if (error instanceof Stripe.errors.StripeError && error.statusCode === 404) return null;
  throw error;
}

/** The id or the lookup key, or what else a param has to be alone with, was given away a moment ago. */
export function isTaken(error: unknown, param = 'lookup_key'): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    (error.code === 'resource_already_exists' || error.param === param)
  );
}

/** What went wrong, as an error of ours. */
export function translate(error: unknown, isRefusal: boolean, openSeconds: number): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  if (isRefusal || isOutage(error)) {
    const asked = Math.ceil((waitAsked(error) ?? 0) / 1_000);
    return new LatchkeyError(
      'stripe_unavailable',
      'Stripe does not answer at the moment. Nothing was lost; try again soon.',
      {
        retryAfterSeconds: Math.max(openSeconds, asked),
        ...(asked > 0 ? { meta: { stripe_retry_after_s: asked } } : {}),
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
