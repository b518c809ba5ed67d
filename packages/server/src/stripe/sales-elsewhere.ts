/** Sales that the vendor made at Stripe themselves: recognised by their metadata, and told of where they cannot be. */

import type { Connection, Transaction } from '../db/database.ts';
import type { Outbox } from '../jobs/outbox.ts';
import type { Deliverer } from '../jobs/outbox-delivery.ts';
import type { CheckoutService, RecognizeSale, SoldElsewhere } from '../modules/payments/index.ts';
import { mirror } from './mirror.ts';
import type { Observation, Projector } from './project.ts';
import type { StripeCheckoutSession, StripeMetadata, StripeSubscription } from './shapes.ts';

const KIND = 'stripe-subscription';

export interface SalesElsewhereOptions {
  recognize: RecognizeSale;
  outbox: Outbox;
  checkouts: () => Pick<CheckoutService, 'ofSubscription'>;
}

export interface SalesElsewhere {
  /** What a session sold; null for one that was made here, and where nobody recognises it. */
  ofSession(session: StripeCheckoutSession): SoldElsewhere | null;
  /** What a subscription sold: as it says itself, or the session that began it. */
  ofSubscription(connection: Connection, subscription: StripeSubscription): Promise<SoldElsewhere | null>;
  /** Asks Stripe for a subscription that was begun elsewhere, unless it is known: an endpoint may be told of sessions alone. */
  askForSubscription(transaction: Transaction, reference: string): Promise<void>;
  /** Why nothing follows from an event; null when something may. */
  explain(observation: Pick<Observation, 'type' | 'object'>): string | null;
}

export function createSalesElsewhere({ recognize, outbox, checkouts }: SalesElsewhereOptions): SalesElsewhere {
  const sold = (metadata: StripeMetadata | null): SoldElsewhere | null => {
    const found = isOurs(metadata) ? null : recognize(metadata ?? {});
    return typeof found === 'object' ? found : null;
  };
  return {
    ofSession: ({ metadata }) => sold(metadata),

    async ofSubscription(connection, { id, metadata }) {
      if (isOurs(metadata)) return null;
      const itself = sold(metadata);
      if (itself !== null) return itself;
      const checkout = await checkouts().ofSubscription(connection, id);
      if (checkout?.stripe_session_id == null) return null;
      return sold((await mirror.find(connection, 'checkout_session', checkout.stripe_session_id))?.metadata ?? null);
    },

    async askForSubscription(transaction, reference) {
      if ((await mirror.subscription(transaction.connection, reference)) !== null) return;
      const effectKey = `stripe-subscription:${reference}`;
      await outbox.enqueue(transaction, { effectKey, kind: KIND, payload: { reference } });
    },

    explain({ type, object }) {
      const outcome =
        type === 'checkout_session' && object.status === 'complete' ? OUTCOMES[String(object.mode)] : null;
      if (outcome == null) return null;
      const metadata = object.metadata as StripeMetadata | null;
      const found = isOurs(metadata) ? null : recognize(metadata ?? {});
      return typeof found === 'string' ? `${found} ${outcome}` : null;
    },
  };
}

/** What becomes of a session that was not recognised, by its mode; of one that only keeps a card nothing was to become. */
const OUTCOMES: Readonly<Record<string, string>> = {
  payment: 'Nothing is issued for it.',
  subscription: 'A licence comes of it only where its price is one of the catalog.',
};

/** What was made here says so. */
function isOurs(metadata: StripeMetadata | null): boolean {
  return metadata?.latchkey_product !== undefined;
}

export function subscriptionDeliverer(projector: Pick<Projector, 'fetchAndProject'>): Record<string, Deliverer> {
  return {
    [KIND]: {
      mode: 'external',
      async deliver({ payload }) {
        await projector.fetchAndProject('subscription', String(payload.reference));
      },
    },
  };
}
