import type { FetchedObject } from '../project.ts';
import type { Calls } from './calls.ts';

export interface NewSubscription {
  customerId: string;
  priceId: string;
  /** Without one, and without a default of the customer's, the subscription waits for its first payment. */
  paymentMethodId?: string;
  trialDays?: number;
  metadata: Record<string, string>;
}

export interface StripeSubscriptions {
  createSubscription(subscription: NewSubscription, idempotencyKey: string): Promise<FetchedObject>;
  updateSubscription(
    id: string,
    changes: { cancelAtPeriodEnd?: boolean; metadata?: Record<string, string> },
    idempotencyKey: string,
  ): Promise<FetchedObject>;
  cancelSubscription(id: string, idempotencyKey: string): Promise<FetchedObject>;
}

export function subscriptionCalls({ sdk, timed }: Calls): StripeSubscriptions {
  return {
    createSubscription: ({ customerId, priceId, paymentMethodId, trialDays, metadata }, idempotencyKey) =>
      timed('subscriptions.create', () =>
        sdk.subscriptions.create(
          {
            customer: customerId,
            items: [{ price: priceId }],
            metadata,
            payment_behavior: paymentMethodId === undefined ? 'default_incomplete' : 'allow_incomplete',
            ...(paymentMethodId === undefined ? {} : { default_payment_method: paymentMethodId }),
            ...(trialDays === undefined || trialDays === 0 ? {} : { trial_period_days: trialDays }),
          },
          { idempotencyKey },
        ),
      ),

    updateSubscription: (id, { cancelAtPeriodEnd, metadata }, idempotencyKey) =>
      timed('subscriptions.update', () =>
        sdk.subscriptions.update(
          id,
          {
            ...(cancelAtPeriodEnd === undefined ? {} : { cancel_at_period_end: cancelAtPeriodEnd }),
            ...(metadata === undefined ? {} : { metadata }),
          },
          { idempotencyKey },
        ),
      ),

    cancelSubscription: (id, idempotencyKey) =>
      timed('subscriptions.cancel', () => sdk.subscriptions.cancel(id, {}, { idempotencyKey })),
  };
}
