import type Stripe from 'stripe';
import type { FetchedObject } from '../project.ts';
import type { Calls } from './calls.ts';

export interface NewCheckoutSession {
  mode: 'subscription' | 'payment';
  priceId: string;
  quantity?: number;
  email?: string;
  customerId?: string;
  successUrl: string;
  cancelUrl: string;
  trialDays?: number;
  metadata: Record<string, string>;
}

export interface StripeCheckoutSessions {
  createCheckoutSession(session: NewCheckoutSession, idempotencyKey: string): Promise<FetchedObject>;
}

export function checkoutSessionCalls({ sdk, timed }: Calls): StripeCheckoutSessions {
  return {
    createCheckoutSession: (session, idempotencyKey) =>
      timed('checkout.sessions.create', () =>
        sdk.checkout.sessions.create(checkoutParams(session), { idempotencyKey }),
      ),
  };
}

function checkoutParams(session: NewCheckoutSession): Stripe.Checkout.SessionCreateParams {
  const { mode, priceId, quantity = 1, email, customerId, successUrl, cancelUrl, trialDays, metadata } = session;
  const trial = trialDays === undefined || trialDays === 0 ? {} : { trial_period_days: trialDays };
  return {
    mode,
    line_items: [{ price: priceId, quantity }],
    success_url: successUrl,
    cancel_url: cancelUrl,
    metadata,
    ...(customerId === undefined ? {} : { customer: customerId }),
    ...(email === undefined || customerId !== undefined ? {} : { customer_email: email }),
    ...(mode === 'subscription'
      ? { subscription_data: { metadata, ...trial } }
      : {
          payment_intent_data: { metadata },
          ...(customerId === undefined ? { customer_creation: 'always' as const } : {}),
        }),
  };
}
