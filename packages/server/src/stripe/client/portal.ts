import type { Calls } from './calls.ts';

export interface StripePortal {
  /** A page on which the customer sees to their subscriptions, cards and invoices; its address is good for minutes. */
  createPortalSession(
    session: { customerId: string; returnUrl: string },
    idempotencyKey: string,
  ): Promise<{ id: string; url: string }>;
}

export function portalCalls({ sdk, call }: Calls): StripePortal {
  return {
    async createPortalSession({ customerId, returnUrl }, idempotencyKey) {
      const { id, url } = await call('billing_portal.sessions.create', () =>
        sdk.billingPortal.sessions.create({ customer: customerId, return_url: returnUrl }, { idempotencyKey }),
      );
      return { id, url };
    },
  };
}
