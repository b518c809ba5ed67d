import { LatchkeyError } from '@latchkey/core';
import type { Connection, Database } from '../db/database.ts';
import type { StartedSubscription, SubscribeRequest, SubscribingAtStripe } from '../modules/subscriptions/index.ts';
import type { FetchedObject, StripeClient } from './client/index.ts';
import type { Intent, Intents } from './intents.ts';
import { type KeptAnswer, keepAnswer, projectAnswer } from './kept-answer.ts';
import { meteredPricesBeside } from './metered-items.ts';
import { mirror } from './mirror.ts';
import type { Projector } from './project.ts';
import type { StripeSubscription } from './shapes.ts';

const SUBSCRIBE = 'subscription.create';

/** With the metered prices as they were when it was decided: what is sent again must be the same. */
type Planned = SubscribeRequest & { meteredPriceIds?: string[] };

export interface SubscribingOptions {
  database: Database;
  client: StripeClient;
  intents: Intents;
  projector: Projector;
}

/** New subscriptions as intents: made once for each, whatever breaks in between. */
export function createSubscribingAtStripe({
  database,
  client,
  intents,
  projector,
}: SubscribingOptions): SubscribingAtStripe {
  const planner = intents.register<Planned, KeptAnswer>(SUBSCRIBE, {
    async call(stripe, request, key) {
      await replace(stripe, request.replaces, key);
      const { object, asOf } = await stripe.createSubscription(creationOf(request), key);
      if (request.paymentMethod !== null) await requirePaid(stripe, object, key);
      return keepAnswer({ object, asOf });
    },
    // The answer is projected by whoever carried it out, and the events that Stripe sends say the same.
    async record() {},
    crashPoints: { planned: 'subscribe.planned', called: 'subscribe.called' },
  });

  return {
    async catchUp(customerId, product) {
      for (const { response } of await intentsOf(database.connection, customerId, product)) {
        const id = (response as KeptAnswer | null)?.object.id;
        if (id === undefined || (await mirror.subscription(database.connection, id)) !== null) continue;
        await projector.fetchAndProject('subscription', id);
      }
    },

    async asked(connection, customerId, product) {
      const rows = await intentsOf(connection, customerId, product);
      return { count: rows.length, isOpen: rows.some(({ status }) => status === 'planned') };
    },

    async plan(transaction, request) {
      const meteredPriceIds = await meteredPricesBeside(transaction.connection, request.priceId);
      return planner.plan(transaction, subjectOf(request.customerId, request.product), { ...request, meteredPriceIds });
    },

    async carryOut(planned) {
      const { object, asOf } = await planner.carryOut(planned as Intent<Planned>).catch(tellWhatWasPaid);
      await projectAnswer(projector, 'subscription', { object, asOf });
      return started(object as unknown as StripeSubscription);
    },
  };

  async function tellWhatWasPaid(error: unknown): Promise<never> {
    const paid = error instanceof LatchkeyError ? error.meta?.paid_meanwhile : undefined;
    if (!(error instanceof LatchkeyError) || typeof paid !== 'string') throw error;
    await projector.fetchAndProject('subscription', paid);
    throw new LatchkeyError('already_subscribed', error.detail, { meta: { subscription_id: paid }, cause: error });
  }

  async function started({ id, status, latest_invoice: invoice }: StripeSubscription): Promise<StartedSubscription> {
    if (status !== 'incomplete' || invoice === null) return { reference: id, clientSecret: null };
    const payment = await client.paymentOfInvoice(invoice);
    return { reference: id, clientSecret: payment?.clientSecret ?? null };
  }
}

function intentsOf(connection: Connection, customerId: string, product: string) {
  return connection
    .selectFrom('intents')
    .select(['status', 'response'])
    .where('kind', '=', SUBSCRIBE)
    .where('subject_id', '=', subjectOf(customerId, product))
    .execute();
}

function subjectOf(customerId: string, product: string): string {
  return `${customerId}/${product}`;
}

function creationOf(request: Planned) {
  const { stripeCustomerId, priceId, quantity, paymentMethod, trialDays, discount, metadata } = request;
  const { meteredPriceIds = [] } = request;
  return {
    customerId: stripeCustomerId,
    priceId,
    quantity,
    meteredPriceIds,
    trialDays,
    metadata,
    ...(paymentMethod === null ? {} : { paymentMethodId: paymentMethod }),
    ...(discount === null ? {} : { discount }),
  };
}

/** What was begun and never paid goes before another is begun; one that was paid meanwhile stays, and there is no other. */
async function replace(stripe: StripeClient, references: readonly string[], key: string): Promise<void> {
  for (const reference of references) {
    const found = await stripe.fetch('subscription', reference);
    const status = (found?.object as StripeSubscription | undefined)?.status;
    if (status === 'incomplete') await stripe.cancelSubscription(reference, `${key}:${reference}`);
    else if (status === 'active' || status === 'trialing') {
      throw new LatchkeyError('stripe_rejected', 'What was begun before has been paid meanwhile.', {
        meta: { paid_meanwhile: reference },
      });
    }
  }
}

/** Ends what a declined card could not pay: nothing is left that could be charged later. */
async function requirePaid(stripe: StripeClient, object: FetchedObject['object'], key: string): Promise<void> {
  const { id, status, latest_invoice: invoice } = object as unknown as StripeSubscription;
  if (status !== 'incomplete' || invoice === null) return;
  const payment = await stripe.paymentOfInvoice(invoice);
  if (payment?.status !== 'requires_payment_method') return;
  await stripe.cancelSubscription(id, `${key}:undo`);
  throw new LatchkeyError('stripe_declined', payment.declined?.message ?? 'The card was declined.', {
    meta: { decline_code: payment.declined?.code ?? null },
  });
}
