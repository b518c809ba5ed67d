import type { Connection, Database } from '../db/database.ts';
import type {
  ChangeInvoice,
  ChangeRequest,
  ChangesAtStripe,
  SubscriptionAtStripe,
} from '../modules/subscriptions/index.ts';
import { PENDING_CHANGE } from '../modules/subscriptions/index.ts';
import type { FetchedObject, StripeClient } from './client/index.ts';
import type { ItemChange } from './client/subscriptions.ts';
import type { Intent, Intents } from './intents.ts';
import { type KeptAnswer, keepAnswer, projectAnswer } from './kept-answer.ts';
import { isMetered, type MeteredChange, meteredChange, meteredPricesBeside, ownItem } from './metered-items.ts';
import { mirror } from './mirror.ts';
import type { Projector } from './project.ts';
import type { StripeInvoice, StripeInvoiceLine, StripeSubscription } from './shapes.ts';

export const CHANGE = 'subscription.change';

/** With what becomes of metered items as it was decided: what is sent again must be the same. */
type Planned = ChangeRequest & { metered?: MeteredChange; meteredPriceIds?: string[] };

export interface SubscriptionChangesOptions {
  database: Database;
  client: StripeClient;
  intents: Intents;
  projector: Projector;
}

/** Changes of subscriptions as intents: each charged once, whatever breaks in between. */
export function createSubscriptionChanges(options: SubscriptionChangesOptions): ChangesAtStripe {
  const { database, client, intents, projector } = options;

  const planner = intents.register<Planned, KeptAnswer>(CHANGE, {
    async call(stripe, request, key) {
      return keepAnswer(await callStripe(stripe, request, key));
    },
    // The answer is projected by whoever carried it out, and the event that Stripe sends says the same.
    async record() {},
    crashPoints: { planned: 'change.planned', called: 'change.called' },
  });

  async function look(reference: string): Promise<SubscriptionAtStripe | null> {
    const found = await client.fetch('subscription', reference);
    if (found === null) return null;
    await projector.projectFetched('subscription', found.object, found.asOf);
    return atStripe(found.object as unknown as StripeSubscription);
  }

  return {
    look,

    async asked(connection: Connection, reference: string) {
      const { asked, open } = await connection
        .selectFrom('intents')
        .select(({ fn }) => [
          fn.countAll<string>().as('asked'),
          fn.countAll<string>().filterWhere('status', '=', 'planned').as('open'),
        ])
        .where('kind', '=', CHANGE)
        .where('subject_id', '=', reference)
        .executeTakeFirstOrThrow();
      return { count: Number(asked), isOpen: Number(open) > 0 };
    },

    async preview(request) {
      const invoice = await client.previewItemChange(
        request.reference,
        itemChange(await withMetered(database.connection, request)),
      );
      return invoice === null ? null : invoiceOf(invoice as StripeInvoice);
    },

    async plan(transaction, request) {
      return planner.plan(transaction, request.reference, await withMetered(transaction.connection, request));
    },

    async carryOut(planned, before) {
      const kept = await planner.carryOut(planned as Intent<Planned>);
      await projectAnswer(projector, 'subscription', kept);
      const { latest_invoice: invoice, pending_update: waits } = kept.object as unknown as StripeSubscription;
      if (invoice === null || invoice === before.latestInvoice) return { invoice: null, clientSecret: null };
      const found = await client.fetch('invoice', invoice);
      if (found === null) return { invoice: null, clientSecret: null };
      await projector.projectFetched('invoice', found.object, found.asOf);
      const payment = waits == null ? null : await client.paymentOfInvoice(invoice);
      return {
        invoice: invoiceOf(found.object as unknown as StripeInvoice),
        clientSecret: payment?.clientSecret ?? null,
      };
    },
  };
}

/** Adds what becomes of the metered items: the same for the preview and for the change, which look at the same mirror. */
async function withMetered(connection: Connection, request: ChangeRequest): Promise<Planned> {
  if (request.way === 'stay') return request;
  const meteredPriceIds = await meteredPricesBeside(connection, request.priceId);
  const subscription = await mirror.subscription(connection, request.reference);
  if (subscription === null) return { ...request, meteredPriceIds };
  return {
    ...request,
    meteredPriceIds,
    metered: await meteredChange(connection, subscription, meteredPriceIds, request),
  };
}

/** Every step may be taken again under its key. */
async function callStripe(stripe: StripeClient, request: Planned, key: string): Promise<FetchedObject> {
  const { reference, way, releases, note } = request;
  if (releases !== null) await stripe.releaseSchedule(releases, `${key}:release`);
  if (way === 'change') return stripe.changeSubscriptionItem(reference, itemChange(request), key);
  if (way === 'schedule') await stripe.scheduleItemChange(reference, request, `${key}:schedule`);
  return stripe.updateSubscription(reference, { metadata: { [PENDING_CHANGE]: note } }, key);
}

function itemChange({ itemId, priceId, quantity, proration, prorationDate, metered }: Planned): ItemChange {
  const change = { itemId, priceId, quantity, proration, prorationDate };
  return metered === undefined ? change : { ...change, metered };
}

function atStripe(subscription: StripeSubscription): SubscriptionAtStripe | null {
  const { items, schedule, latest_invoice: latestInvoice } = subscription;
  const item = ownItem(subscription);
  if (item === undefined) return null;
  const { price, quantity = 1 } = item;
  return {
    items: items.data.filter((one) => one === item || !isMetered(one)).length,
    itemId: item.id,
    priceId: price.id,
    quantity,
    amountCents: (price.unit_amount ?? 0) * quantity,
    currency: price.currency,
    interval: price.recurring?.interval ?? null,
    intervalCount: price.recurring?.interval_count ?? 1,
    periodStart: item.current_period_start * 1_000,
    periodEnd: item.current_period_end * 1_000,
    scheduleId: schedule ?? null,
    isFree: items.data.every((one) => one.price.unit_amount === 0),
    latestInvoice,
  };
}

/** What is read of an invoice's lines beyond the mirror's shape. */
type Line = StripeInvoiceLine & {
  readonly discount_amounts?: readonly { readonly amount: number }[] | null;
  readonly parent: { readonly invoice_item_details?: { readonly proration: boolean } | null } | null;
};

function invoiceOf({ total, amount_due: amountDueCents, currency, lines }: StripeInvoice): ChangeInvoice {
  return {
    totalCents: total,
    amountDueCents,
    currency,
    lines: (lines.data as readonly Line[]).map(({ description, amount, discount_amounts, parent, period }) => ({
      description: description ?? null,
      amountCents: amount,
      discountCents: (discount_amounts ?? []).reduce((sum, { amount: taken }) => sum + taken, 0),
      proration: (parent?.subscription_item_details ?? parent?.invoice_item_details)?.proration ?? false,
      periodStart: period.start * 1_000,
      periodEnd: period.end * 1_000,
    })),
  };
}
