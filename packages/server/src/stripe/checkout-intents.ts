import { LatchkeyError } from '@latchkey/core';
import type { CheckoutIntents, CheckoutRequest, CheckoutService, CheckoutSession } from '../modules/payments/index.ts';
import type { Intent, Intents } from './intents.ts';

/** Checkout sessions as intents: one session for each checkout, whatever breaks in between. */
export function createCheckoutIntents(intents: Intents, checkouts: () => CheckoutService): CheckoutIntents {
  const planner = intents.register<CheckoutRequest, CheckoutSession>('checkout.create', {
    async call(client, { checkoutId: _ours, ...session }, idempotencyKey) {
      const { object } = await client.createCheckoutSession(session, idempotencyKey);
      if (typeof object.url !== 'string')
        throw new LatchkeyError('stripe_rejected', 'Stripe gave the checkout no page.');
      return { id: object.id, url: object.url };
    },
    record: (transaction, { request }, session) => checkouts().opened(transaction, request.checkoutId, session),
    reject: (transaction, { request }, error) => checkouts().refused(transaction, request.checkoutId, error.detail),
    // Nobody comes back to a page they were never shown.
    isKept: false,
    crashPoints: { planned: 'checkout.planned', called: 'checkout.called' },
  });
  return {
    plan: (transaction, checkoutId, request) => planner.plan(transaction, checkoutId, request),
    carryOut: (planned) => planner.carryOut(planned as Intent<CheckoutRequest>),
  };
}
