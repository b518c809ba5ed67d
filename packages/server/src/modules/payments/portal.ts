import type { Transaction } from '../../db/database.ts';
import type { Ids } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import type { CustomersAtStripe } from '../customers/index.ts';

export interface PortalOptions {
  stripe: {
    createPortalSession(
      session: { customerId: string; returnUrl: string },
      idempotencyKey: string,
    ): Promise<{ id: string; url: string }>;
  };
  customersAtStripe: Pick<CustomersAtStripe, 'ensure'>;
  ids: Ids;
  audit: Audit;
  publicUrl: () => string;
}

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

export type Portal = ReturnType<typeof createPortal>;

/** Stripe's page on which customers see to their own subscriptions, cards and invoices. */
export function createPortal({ stripe, customersAtStripe, ids, audit, publicUrl }: PortalOptions) {
  return {
    /** The page's address: whoever has it is the customer there, for minutes, so it is kept nowhere. Errors: `stripe_unavailable`. */
    async open(customerId: string, returnUrl: string | undefined, write: Write): Promise<{ url: string }> {
      const stripeCustomerId = await customersAtStripe.ensure(customerId, write);
      const session = { customerId: stripeCustomerId, returnUrl: returnUrl ?? `${publicUrl()}/account` };
      // Nothing follows from a page that nobody opens, so none is made up for later.
      const { id, url } = await stripe.createPortalSession(session, ids.next('int'));
      await write((transaction) =>
        audit.record(transaction, {
          action: 'portal.opened',
          subjectType: 'customer',
          subjectId: customerId,
          detail: { session: id },
        }),
      );
      return { url };
    },
  };
}
