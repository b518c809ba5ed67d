import { LatchkeyError } from '@latchkey/core';
import type { CheckoutIntents, CheckoutRequest, CheckoutService, CheckoutSession } from '../modules/payments/index.ts';
import type { Intent, Intents } from './intents.ts';
import { meteredPricesBeside } from './metered-items.ts';

/** With the metered prices as they were when it was decided: what is sent again must be the same. */
type Planned = CheckoutRequest & { meteredPriceIds?: string[] };

/** Checkout sessions as intents: one session for each checkout, whatever breaks in between. */
export function createCheckoutIntents(intents: Intents, checkouts: () => CheckoutService): CheckoutIntents {
  const planner = intents.register<Planned, CheckoutSession>('checkout.create', {
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
    async plan(transaction, checkoutId, request) {
      const { mode, priceId } = request;
      const isRenewed = mode === 'subscription' && priceId !== undefined;
      const meteredPriceIds = isRenewed ? await meteredPricesBeside(transaction.connection, priceId) : [];
      return planner.plan(transaction, checkoutId, { ...request, meteredPriceIds });
    },
    carryOut: (planned) => planner.carryOut(planned as Intent<Planned>),
  };
}
