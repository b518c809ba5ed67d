import {
  type Catalog,
  type ChangeableSubscription,
  type ChangeWish,
  findProduct,
  type Interval,
  LatchkeyError,
  planSubscriptionChange,
  type SubscriptionChangePlan,
} from '@latchkey/core';
import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import { noteOfChange, PENDING_CHANGE, pendingChange } from './pending-change.ts';
import * as repository from './repository.ts';
import type { Subscription, SubscriptionCommands, Write } from './service.ts';

/** What a change is made from: the one thing a subscription at Stripe is of, as it is now. */
export interface SubscriptionAtStripe {
  items: number;
  itemId: string;
  priceId: string;
  quantity: number;
  amountCents: number;
  currency: string;
  interval: string | null;
  intervalCount: number;
  periodStart: number;
  periodEnd: number;
  /** What is planned with it at Stripe. */
  scheduleId: string | null;
  /** Whether none of its items costs anything, whatever is used. */
  isFree: boolean;
  latestInvoice: string | null;
}

/** A change as Stripe is told: all of it, so that it can be carried out later just as well. */
export interface ChangeRequest {
  reference: string;
  way: 'change' | 'schedule' | 'stay';
  itemId: string;
  priceId: string;
  quantity: number;
  interval: Interval;
  intervalCount: number;
  proration: SubscriptionChangePlan['proration'];
  /** In whole seconds, as Stripe counts; null where nothing is prorated. */
  prorationDate: number | null;
  /** A schedule that lets go of the subscription before. */
  releases: string | null;
  /** What is noted with the subscription: the change that is to come, or nothing. */
  note: string;
}

export interface InvoiceLine {
  description: string | null;
  amountCents: number;
  /** What is taken off of it. */
  discountCents: number;
  proration: boolean;
  periodStart: number;
  periodEnd: number;
}

/** The money of a change, as Stripe says. */
export interface ChangeInvoice {
  /** With everything taken off, but for what the customer has in credit. Below zero: it goes to their credit. */
  totalCents: number;
  amountDueCents: number;
  currency: string;
  lines: InvoiceLine[];
}

/** Changes of subscriptions at Stripe: planned with the decision, called, recorded. */
export interface ChangesAtStripe {
  /** Asks Stripe, and follows what it says; null when it does not know the subscription. */
  look(reference: string): Promise<SubscriptionAtStripe | null>;
  /** How many changes were asked for so far, and whether one is not carried out yet. */
  asked(connection: Connection, reference: string): Promise<{ count: number; isOpen: boolean }>;
  /** What exactly this request would be charged; null when nothing is to be invoiced. */
  preview(request: ChangeRequest): Promise<ChangeInvoice | null>;
  plan(transaction: Transaction, request: ChangeRequest): Promise<{ id: string }>;
  /** Answers the invoice of the change, if it made one, and with what a page has the customer pay it, where their bank asks for them. */
  carryOut(
    planned: { id: string },
    before: { latestInvoice: string | null },
  ): Promise<{ invoice: ChangeInvoice | null; clientSecret: string | null }>;
}

export interface ChangedSubscription {
  subscription: Subscription;
  plan: SubscriptionChangePlan;
  /** What is due at the moment of the change. */
  invoice: ChangeInvoice;
  /** With which a page has the customer pay: their bank asks for them, and nothing changes until they have answered. */
  clientSecret: string | null;
}

export interface PlanChangesOptions {
  database: Database;
  catalog: Catalog;
  clock: Clock;
  audit: Audit;
  subscriptions: { get(id: string): Promise<Subscription> };
  commands: Pick<SubscriptionCommands, 'cancel' | 'update'>;
  atStripe: ChangesAtStripe;
  /** The Stripe price that a plan is sold by now; null before the catalog was pushed. */
  currentPrice(connection: Connection, product: string, plan: string): Promise<{ stripePriceId: string } | null>;
}

/** A change that was decided on what was looked at, with all that Stripe is to be told. */
interface Decided {
  subscription: Subscription;
  stripe: SubscriptionAtStripe;
  plan: SubscriptionChangePlan;
  request: ChangeRequest;
  /** How many changes had been asked for before this one was decided. */
  asked: number;
}

export type PlanChanges = ReturnType<typeof createPlanChanges>;

/** Changing what a subscription is of. A preview and the change are the same plan, and Stripe is sent the same for both. */
export function createPlanChanges(options: PlanChangesOptions) {
  const { database, catalog, clock, audit, subscriptions, commands, atStripe, currentPrice } = options;

  return {
    /**
     * What a change would do and cost. Errors: `plan_unknown`, `invalid_request`, `plan_change_not_possible`,
     * `subscription_state_conflict`, `subscription_change_outdated`, `subscription_change_in_progress`, `stripe_unavailable`.
     */
    async preview(id: string, wish: ChangeWish): Promise<ChangedSubscription> {
      const { subscription, plan, request } = await decide(id, wish);
      return { subscription, plan, invoice: await previewOf(plan, request), clientSecret: null };
    },

    /**
     * Carries a change out. Beside the errors of a preview: `stripe_declined` when what is due cannot be paid, and nothing has changed;
     * `conflict` when somebody else changed the subscription meanwhile. When Stripe cannot be reached, it is carried out as soon as it can.
     */
    async change(id: string, wish: ChangeWish, write: Write): Promise<ChangedSubscription> {
      const decided = await decide(id, wish);
      const { subscription, plan, request, stripe } = decided;
      if (plan.way === 'end' || endsAnyway(decided)) {
        await endOrStay(decided, write);
        return {
          subscription: await subscriptions.get(subscription.id),
          plan,
          invoice: nothing(plan),
          clientSecret: null,
        };
      }
      // What waits for the next invoice is not on any yet: it is told as it was shown.
      const shown = plan.invoicesNow ? null : await previewOf(plan, request);
      const planned = await write((transaction) => planUnderLock(transaction, decided));
      const made = await atStripe.carryOut(planned, stripe).catch((error: unknown) => explain(error, plan));
      const invoice = shown ?? made.invoice ?? nothing(plan);
      const { clientSecret } = made;
      return { subscription: await subscriptions.get(subscription.id), plan, invoice, clientSecret };
    },

    /** Takes back what was asked for the end of the period. `subscription_state_conflict` when nothing was. */
    async takeBack(id: string, write: Write): Promise<Subscription> {
      const subscription = await subscriptions.get(id);
      if (pendingChange(subscription, catalog) === null) {
        throw new LatchkeyError('subscription_state_conflict', 'No change is waiting for the end of the period.');
      }
      return (await this.change(id, { plan: subscription.plan }, write)).subscription;
    },
  };

  /** Looks at everything, asks core, and says what Stripe is to be told. */
  async function decide(id: string, wish: ChangeWish): Promise<Decided> {
    const first = await subscriptions.get(id);
    if (first.source !== 'stripe') {
      throw refusal('plan_change_not_possible', 'This subscription is kept by hand, and is not one of Stripe’s.', {
        reason: 'by_hand',
      });
    }
    const product = findProduct(catalog, first.product);
    if (product === null) throw new LatchkeyError('product_unknown', `There is no product "${first.product}".`);
    // Before Stripe is asked: what is not there now and is under the lock was asked for meanwhile.
    const asked = await atStripe.asked(database.connection, first.reference);
    if (asked.isOpen) throw inProgress();
    const stripe = await atStripe.look(first.reference);
    if (stripe === null) throw new LatchkeyError('resource_missing', `Stripe does not know ${first.reference}.`);
    const subscription = await subscriptions.get(first.id);
    if (subscription.plan !== first.plan) throw changedMeanwhile();
    requirePlain(subscription, stripe);
    const own = await currentPrice(database.connection, product.id, subscription.plan);
    const now = clock.now().getTime();
    const changeable = changeableOf(subscription, stripe, own?.stripePriceId === stripe.priceId);
    const decision = planSubscriptionChange(product, changeable, wish, now);
    if (!decision.possible) {
      const { code, detail, path, reason } = decision;
      throw refusal(code, detail, { path, reason });
    }
    const { plan } = decision;
    const target =
      plan.to.plan === subscription.plan ? own : await currentPrice(database.connection, product.id, plan.to.plan);
    const priceId = plan.way === 'change' || plan.way === 'schedule' ? target?.stripePriceId : stripe.priceId;
    if (priceId === undefined) {
      const detail = `${product.name} is not known to Stripe yet. Run "latchkey catalog push" once.`;
      throw new LatchkeyError('stripe_not_configured', detail);
    }
    const request = requestOf(subscription.reference, stripe, plan, priceId);
    return { subscription, stripe, plan, request, asked: asked.count };
  }

  function changeableOf(
    subscription: Subscription,
    stripe: SubscriptionAtStripe,
    priceIsCurrent: boolean,
  ): ChangeableSubscription {
    return {
      status: subscription.status,
      plan: subscription.plan,
      quantity: stripe.quantity,
      amountCents: stripe.amountCents,
      currency: stripe.currency,
      interval: stripe.interval as Interval | null,
      intervalCount: stripe.intervalCount,
      currentPeriodStart: stripe.periodStart,
      currentPeriodEnd: stripe.periodEnd,
      isEnding: subscription.cancel_at !== null,
      pendingPlan: pendingChange(subscription, catalog)?.plan ?? null,
      priceIsCurrent,
      isFree: stripe.isFree,
    };
  }

  /** One change at a time: whoever comes second is told so, and nothing is charged twice. */
  async function planUnderLock(transaction: Transaction, decided: Decided): Promise<{ id: string }> {
    const { subscription, plan, request } = decided;
    await requireUnchanged(transaction, decided);
    await record(transaction, subscription, plan);
    return atStripe.plan(transaction, request);
  }

  /** Locks the subscription, and goes on only if nobody asked for anything since it was looked at. */
  async function requireUnchanged({ connection }: Transaction, { subscription, asked }: Decided): Promise<void> {
    await repository.lockReference(connection, subscription.reference);
    const now = await atStripe.asked(connection, subscription.reference);
    if (now.isOpen) throw inProgress();
    const row = await repository.findById(connection, subscription.id);
    if (now.count !== asked || row?.plan !== subscription.plan) throw changedMeanwhile();
  }

  /** To fall back to a free plan is to end, and to stay after all is not to: both have a way of their own. */
  async function endOrStay(decided: Decided, write: Write): Promise<void> {
    const { subscription, plan } = decided;
    await write(async (transaction) => {
      await requireUnchanged(transaction, decided);
      await record(transaction, subscription, plan);
    });
    if (plan.way === 'end') await commands.cancel(subscription.reference, { atPeriodEnd: true });
    else await commands.update(subscription.reference, { cancelAtPeriodEnd: false });
  }

  async function record(transaction: Transaction, { id }: Subscription, plan: SubscriptionChangePlan): Promise<void> {
    const { kind, way, from, to, effectiveAt } = plan;
    await audit.record(transaction, {
      action: 'subscription.change_asked',
      subjectType: 'subscription',
      subjectId: id,
      detail: {
        kind,
        way,
        from: { plan: from.plan, quantity: from.quantity },
        to: { plan: to.plan, quantity: to.quantity },
        effective_at: new Date(effectiveAt).toISOString(),
      },
    });
  }

  async function previewOf(plan: SubscriptionChangePlan, request: ChangeRequest): Promise<ChangeInvoice> {
    const isNothing = plan.way !== 'change' || (!plan.invoicesNow && plan.proration === 'none');
    const invoice = isNothing ? null : await atStripe.preview(request).catch((error: unknown) => explain(error, plan));
    if (invoice === null) return nothing(plan);
    if (plan.invoicesNow) return invoice;
    // Of the next invoice, what the change puts on it; nothing of that is due now.
    const lines = invoice.lines.filter(({ proration }) => proration);
    const totalCents = lines.reduce((sum, { amountCents, discountCents }) => sum + amountCents - discountCents, 0);
    return { ...invoice, lines, totalCents, amountDueCents: 0 };
  }
}

function endsAnyway({ plan, subscription }: Decided): boolean {
  return plan.way === 'stay' && subscription.cancel_at !== null;
}

function nothing({ to }: SubscriptionChangePlan): ChangeInvoice {
  return { totalCents: 0, amountDueCents: 0, currency: to.currency, lines: [] };
}

function requirePlain(subscription: Subscription, { items, scheduleId }: SubscriptionAtStripe): void {
  if (items !== 1) {
    const detail = 'At Stripe this subscription is of several things: change it there.';
    throw refusal('plan_change_not_possible', detail, { reason: 'several_items' });
  }
  if (scheduleId !== null && subscription.metadata[PENDING_CHANGE] === undefined) {
    const detail = 'A schedule that was made at Stripe says what becomes of this subscription: change it there.';
    throw refusal('plan_change_not_possible', detail, { reason: 'schedule' });
  }
}

function requestOf(
  reference: string,
  stripe: SubscriptionAtStripe,
  { way, to, proration, asOf, effectiveAt }: SubscriptionChangePlan,
  priceId: string,
): ChangeRequest {
  return {
    reference,
    way: way === 'end' ? 'stay' : way,
    itemId: stripe.itemId,
    priceId,
    quantity: to.quantity,
    interval: to.interval,
    intervalCount: to.intervalCount,
    proration,
    prorationDate: proration === 'none' ? null : asOf / 1_000,
    releases: stripe.scheduleId,
    note: way === 'schedule' ? noteOfChange({ plan: to.plan, quantity: to.quantity, at: effectiveAt }) : '',
  };
}

function inProgress(): LatchkeyError {
  return new LatchkeyError(
    'subscription_change_in_progress',
    'Another change of this subscription is being carried out. Look at what came of it first.',
  );
}

function changedMeanwhile(): LatchkeyError {
  return new LatchkeyError('conflict', 'The subscription was changed at this moment. Look at it again first.');
}

function refusal(
  code: LatchkeyError['code'],
  detail: string,
  { path, reason }: { path?: string | undefined; reason?: string | undefined },
): LatchkeyError {
  return new LatchkeyError(code, detail, {
    ...(path === undefined ? {} : { path }),
    ...(reason === undefined ? {} : { meta: { reason } }),
  });
}

/** Stripe does not prorate as of a period that is over: it ended between the preview and the change. */
function explain(error: unknown, plan: SubscriptionChangePlan): never {
  const isTime =
    error instanceof LatchkeyError && error.code === 'stripe_rejected' && /proration_date/.test(error.detail);
  if (!isTime || plan.way !== 'change') throw error;
  throw new LatchkeyError('subscription_change_outdated', 'The period ended meanwhile. Ask for another preview.', {
    path: 'as_of',
    cause: error,
  });
}
