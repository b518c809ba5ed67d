import type { Database, Transaction } from '../db/database.ts';
import type { SubscriptionCommands } from '../modules/subscriptions/index.ts';
import type { StripeClient } from './client/index.ts';
import type { Intent, IntentPlanner, Intents } from './intents.ts';
import { type KeptAnswer, keepAnswer, projectAnswer } from './kept-answer.ts';
import { mirror } from './mirror.ts';
import type { Projector } from './project.ts';
import { CHANGE } from './subscription-changes.ts';

interface CancelRequest {
  reference: string;
}

interface UpdateRequest {
  reference: string;
  /** A schedule that lets go of the subscription before: one that has a schedule does not take a cancellation. */
  releases?: string | null;
  cancelAtPeriodEnd?: boolean;
  metadata?: Record<string, string>;
}

/** Carries out what is asked of Stripe about subscriptions, each as an intent; the answers are projected, so that the next read sees them. */
export function createSubscriptionCommands(options: {
  database: Database;
  client: StripeClient;
  intents: Intents;
  projector: Projector;
}): SubscriptionCommands {
  const { database, client, intents, projector } = options;

  const cancellations = intents.register<CancelRequest, KeptAnswer>('subscription.cancel', {
    call: async (stripe, { reference }, key) => keepAnswer(await stripe.cancelSubscription(reference, key)),
    // The answer is projected by whoever carried it out, and the event that Stripe sends says the same.
    async record() {},
    crashPoints: { planned: 'cancel.planned', called: 'cancel.called' },
  });
  const updates = intents.register<UpdateRequest, KeptAnswer>('subscription.update', {
    async call(stripe, { reference, releases = null, ...changes }, key) {
      if (releases !== null) await stripe.releaseSchedule(releases, `${key}:release`);
      return keepAnswer(await stripe.updateSubscription(reference, changes, key));
    },
    async record() {},
  });

  const asSystem = { actor: { type: 'system', id: 'subscriptions' } } as const;

  async function carryOut<Request extends { reference: string }>(
    planner: IntentPlanner<Request, KeptAnswer>,
    plan: (transaction: Transaction) => Promise<Intent<Request>>,
  ): Promise<void> {
    const intent = await database.transaction(asSystem, plan);
    await projectAnswer(projector, 'subscription', await planner.carryOut(intent));
  }

  /** What Stripe could not be told before goes with it, except where this says otherwise; so nothing old comes after it. */
  const update = (request: UpdateRequest) =>
    carryOut(updates, async (transaction) => {
      const { reference, cancelAtPeriodEnd } = request;
      const open = await updates.withdraw(transaction, reference);
      const merged = [...open, request].reduce(mergeUpdates);
      if (cancelAtPeriodEnd === undefined) return updates.plan(transaction, reference, merged);
      await cancellations.withdraw(transaction, reference);
      await intents.withdraw(transaction, CHANGE, reference);
      const known = await mirror.subscription(transaction.connection, reference);
      return updates.plan(transaction, reference, { ...merged, releases: known?.schedule ?? null });
    });

  const cancel = (reference: string) =>
    carryOut(cancellations, async (transaction) => {
      await cancellations.withdraw(transaction, reference);
      await updates.withdraw(transaction, reference);
      // Nobody is charged for another plan that Stripe could not be told of before they left.
      await intents.withdraw(transaction, CHANGE, reference);
      return cancellations.plan(transaction, reference, { reference });
    });

  return {
    cancel: (reference, { atPeriodEnd }) =>
      atPeriodEnd ? update({ reference, cancelAtPeriodEnd: true }) : cancel(reference),

    update: (reference, changes) => update({ reference, ...changes }),

    async refresh(reference) {
      for (const invoice of await client.invoicesOf(reference)) {
        await projector.projectFetched('invoice', invoice.object, invoice.asOf);
      }
      await projector.fetchAndProject('subscription', reference);
    },
  };
}

function mergeUpdates(older: UpdateRequest, newer: UpdateRequest): UpdateRequest {
  const metadata = { ...older.metadata, ...newer.metadata };
  return { ...older, ...newer, ...(Object.keys(metadata).length === 0 ? {} : { metadata }) };
}
