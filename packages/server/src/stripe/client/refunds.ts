import type { FetchedObject } from '../project.ts';
import type { Calls } from './calls.ts';

export interface NewRefund {
  /** `pi_…`, or `ch_…` where there is none. */
  payment: string;
  amountCents: number;
  reason?: 'duplicate' | 'fraudulent' | 'requested_by_customer';
}

export interface StripeRefunds {
  /** Gives back a part of a payment intent, or of a charge without one. */
  createRefund(refund: NewRefund, idempotencyKey: string): Promise<FetchedObject>;
}

export function refundCalls({ sdk, timed }: Calls): StripeRefunds {
  return {
    createRefund: ({ payment, amountCents, reason }, idempotencyKey) =>
      timed('refunds.create', () =>
        sdk.refunds.create(
          {
            ...(payment.startsWith('pi_') ? { payment_intent: payment } : { charge: payment }),
            amount: amountCents,
            ...(reason === undefined ? {} : { reason }),
          },
          { idempotencyKey },
        ),
      ),
  };
}
