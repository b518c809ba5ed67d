/** Asking Stripe who a customer is: when somebody bought, and nothing that was heard so far says where to write to. */

import type { Transaction } from '../db/database.ts';
import type { Outbox } from '../jobs/outbox.ts';
import type { Deliverer } from '../jobs/outbox-delivery.ts';
import type { Projector } from './project.ts';

const KIND = 'stripe-customer';

/** Puts the question with the transaction, once for each customer; it is asked after the commit. */
export function customerQuestion(outbox: Outbox) {
  return async (transaction: Transaction, stripeCustomerId: string): Promise<void> => {
    const effectKey = `stripe-customer:${stripeCustomerId}`;
    await outbox.enqueue(transaction, { effectKey, kind: KIND, payload: { stripeCustomerId } });
  };
}

export function customerDeliverer(projector: Projector): Record<string, Deliverer> {
  return {
    [KIND]: {
      mode: 'external',
      async deliver({ payload }) {
        await projector.fetchAndProject('customer', String(payload.stripeCustomerId));
      },
    },
  };
}
