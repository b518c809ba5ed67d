import { LatchkeyError } from '@latchkey/core';
import type Stripe from 'stripe';
import type { FetchedObject } from '../project.ts';
import type { StripeObject } from '../shapes.ts';

/** An answer with the moment as of which it holds. */
export function toFetched<T extends object>(answer: Stripe.Response<T>): FetchedObject {
  return { object: plain(answer), asOf: dateOf(answer) };
}

/** Plain JSON as it came over the wire: the SDK turns decimals into objects of its own. */
export function plain(object: object): StripeObject {
  return JSON.parse(JSON.stringify(object)) as StripeObject;
}

interface AnswerHeaders {
  lastResponse: { headers: Record<string, string> };
}

/**
 * The answer's `Date`: Stripe's own clock, in whole seconds, which orders fetches against events. An answer that Stripe kept
 * and gives again under the same idempotency key carries today's date and an old state: it is dated so early that nothing
 * newer gives way to it.
 */
export function dateOf({ lastResponse: { headers } }: AnswerHeaders): Date {
  if (headers['idempotent-replayed'] === 'true') return new Date(0);
  const date = new Date(headers.date ?? '');
  if (Number.isNaN(date.getTime())) throw new LatchkeyError('stripe_rejected', 'Stripe answered without a date.');
  return date;
}
