import type { Database } from '../db/database.ts';
import type { SubscriptionCommands } from '../modules/subscriptions/index.ts';
import type { StripeClient } from './client.ts';
import type { IntentPlanner, Intents } from './intents.ts';
import type { FetchedObject, Projector } from './project.ts';

interface CancelRequest {
  reference: string;
}

interface UpdateRequest {
  reference: string;
  cancelAtPeriodEnd?: boolean;
  metadata?: Record<string, string>;
}

/** An answer of Stripe's as it is kept with its intent. */
interface KeptAnswer {
  object: FetchedObject['object'];
  asOf: string;
}

/** Carries out what is asked of Stripe about subscriptions, each as an intent; the answers are projected, so that the next read sees them. */
export function createSubscriptionCommands(options: {
  database: Database;
  client: StripeClient;
  intents: Intents;
  projector: Projector;
}): SubscriptionCommands {
  const { database, client, intents, projector } = options;
  const keep = ({ object, asOf }: FetchedObject): KeptAnswer => ({ object, asOf: asOf.toISOString() });

  const cancellations = intents.register<CancelRequest, KeptAnswer>('subscription.cancel', {
    call: async (stripe, { reference }, key) => keep(await stripe.cancelSubscription(reference, key)),
    // The answer is projected by whoever carried it out, and the event that Stripe sends says the same.
    async record() {},
  });
  const updates = intents.register<UpdateRequest, KeptAnswer>('subscription.update', {
    call: async (stripe, { reference, ...changes }, key) =>
      keep(await stripe.updateSubscription(reference, changes, key)),
    async record() {},
  });

  async function carryOut<Request extends { reference: string }>(
    planner: IntentPlanner<Request, KeptAnswer>,
    request: Request,
  ): Promise<void> {
    const intent = await database.transaction({ actor: { type: 'system', id: 'subscriptions' } }, (transaction) =>
      planner.plan(transaction, request.reference, request),
    );
    const { object, asOf } = await planner.carryOut(intent);
    await projector.projectFetched('subscription', object, new Date(asOf));
  }

  return {
    cancel: (reference, { atPeriodEnd }) =>
      atPeriodEnd ? carryOut(updates, { reference, cancelAtPeriodEnd: true }) : carryOut(cancellations, { reference }),

    update: (reference, changes) => carryOut(updates, { reference, ...changes }),

    async refresh(reference) {
      for (const invoice of await client.invoicesOf(reference)) {
        await projector.projectFetched('invoice', invoice.object, invoice.asOf);
      }
      await projector.fetchAndProject('subscription', reference);
    },
  };
}
