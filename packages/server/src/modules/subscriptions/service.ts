import {
  addDays,
  DEFAULT_LICENSE_POLICY,
  findOffer,
  type Interval,
  LatchkeyError,
  monthlyAmountCents,
} from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import { createFollowing, type FollowingOptions, type SourceSubscription } from './following.ts';
import { manualSource } from './manual.ts';
import * as repository from './repository.ts';

export type Subscription = repository.SubscriptionRow;

/** What is asked of Stripe about a subscription. Each call is carried through even when this process dies in between. */
export interface SubscriptionCommands {
  cancel(reference: string, options: { atPeriodEnd: boolean }): Promise<void>;
  update(reference: string, changes: { cancelAtPeriodEnd?: boolean; metadata?: Record<string, string> }): Promise<void>;
  /** Fetches Stripe's truth and follows it. */
  refresh(reference: string): Promise<void>;
}

export interface SubscriptionServiceOptions extends FollowingOptions {
  database: Database;
  commands: SubscriptionCommands;
}

export interface SubscriptionStatistics {
  totalSubscriptions: number;
  active: number;
  canceled: number;
  expired: number;
  suspended: number;
  /** What active and past due subscriptions bring in a month, in the smallest unit, by currency. */
  monthlyRevenueCents: Record<string, number>;
}

export type SubscriptionService = ReturnType<typeof createSubscriptionService>;

const SYSTEM = { type: 'system', id: 'monitor' } as const;
/** Subscriptions that one round of the monitor looks at. */
const MONITOR_BATCH = 100;
/** How long before its end a subscription counts as about to renew. */
const RENEWAL_WINDOW_DAYS = 1;

/** Subscriptions: mirrored from Stripe or kept by hand, with the licence that depends on each. */
export function createSubscriptionService(options: SubscriptionServiceOptions) {
  const { database, clock, commands, catalog, licenseReader, licenses, ids } = options;
  const follow = createFollowing(options);

  async function find(id: string): Promise<Subscription> {
    const { connection } = database;
    const row = (await repository.findById(connection, id)) ?? (await repository.findByReference(connection, id));
    if (row === null) throw new LatchkeyError('resource_missing', `There is no subscription ${id}.`);
    return row;
  }

  /** Writes down who wanted what, before Stripe is told; what came of it is written when Stripe says so. */
  const asked = (transaction: Transaction, { id }: Subscription, what: 'cancel' | 'resume', detail: object) =>
    options.audit.record(transaction, {
      action: `subscription.${what}_asked`,
      subjectType: 'subscription',
      subjectId: id,
      detail: { ...detail },
    });

  /** Changes a subscription kept by hand, and follows what that means. */
  async function changeManual(
    transaction: Transaction,
    subscription: Subscription,
    change: (source: SourceSubscription) => SourceSubscription,
  ): Promise<Subscription> {
    await repository.lockReference(transaction.connection, subscription.reference);
    const row = await repository.findByReference(transaction.connection, subscription.reference);
    if (row === null) throw new LatchkeyError('resource_missing', `There is no subscription ${subscription.id}.`);
    const followed = await follow(transaction, row.reference, change(manualSource(row)));
    return followed ?? row;
  }

  return {
    /** Brings one subscription in line with its source. */
    follow,
    get: find,

    list: (filter: repository.SubscriptionFilter, page: Parameters<typeof repository.listSubscriptions>[2]) =>
      repository.listSubscriptions(database.connection, filter, page),

    referencesOf: (transaction: Transaction, customerId: string) =>
      repository.referencesOf(transaction.connection, customerId),

    /** Subscriptions whose paid time ends within so many days, the first to end first; at most 100. */
    expiring: (withinDays = RENEWAL_WINDOW_DAYS) =>
      repository.listExpiring(database.connection, addDays(clock.now(), withinDays), MONITOR_BATCH),

    /** When the clock alone next changes something here. */
    nextDueAt: () => repository.nextDueAt(database.connection),

    /** Keeps a subscription by hand for a licence, or ties the licence to one that Stripe already told us of. */
    async add(
      transaction: Transaction,
      input: { reference: string; licenseId: string; customerId: string | null },
    ): Promise<Subscription> {
      const { connection } = transaction;
      await repository.lockReference(connection, input.reference);
      const existing = await repository.findByReference(connection, input.reference);
      const row = existing ?? (await insertManual(transaction, input));
      await licenses.attach(transaction, input.licenseId, {
        subscriptionId: row.id,
        customerId: input.customerId ?? row.customer_id,
      });
      return (await follow(transaction, input.reference)) ?? row;
    },

    /** Ends a subscription now, or when what was paid for ends. */
    async cancel(id: string, { atPeriodEnd, write }: { atPeriodEnd: boolean; write: Write }): Promise<Subscription> {
      const subscription = await find(id);
      if (subscription.standing === 'ended') {
        throw new LatchkeyError('subscription_state_conflict', 'The subscription has already ended.');
      }
      if (subscription.source === 'stripe') {
        await write((transaction) => asked(transaction, subscription, 'cancel', { at_period_end: atPeriodEnd }));
        await commands.cancel(subscription.reference, { atPeriodEnd });
        return find(subscription.id);
      }
      const now = clock.now().getTime();
      return write((transaction) =>
        changeManual(transaction, subscription, (source) =>
          atPeriodEnd
            ? { ...source, cancelAt: source.currentPeriodEnd }
            : { ...source, status: 'canceled', canceledAt: now, endedAt: now },
        ),
      );
    },

    /** Takes back a cancellation that has not happened yet. */
    async resume(id: string, write: Write): Promise<Subscription> {
      const subscription = await find(id);
      if (subscription.standing === 'ended') {
        throw new LatchkeyError(
          'subscription_state_conflict',
          'The subscription has ended; a new one has to be bought.',
        );
      }
      if (subscription.source === 'stripe') {
        await write((transaction) => asked(transaction, subscription, 'resume', {}));
        await commands.update(subscription.reference, { cancelAtPeriodEnd: false });
        return find(subscription.id);
      }
      return write((transaction) =>
        changeManual(transaction, subscription, (source) => ({ ...source, cancelAt: null })),
      );
    },

    /** Renews: one of Stripe's takes over Stripe's truth, for only Stripe charges; one kept by hand runs another term and owes nothing. */
    async renew(id: string, write: Write): Promise<Subscription> {
      const subscription = await find(id);
      if (subscription.source === 'stripe') {
        await commands.refresh(subscription.reference);
        return find(subscription.id);
      }
      return write((transaction) =>
        changeManual(transaction, subscription, (source) => renewedByHand(source, termDays(source), clock.now())),
      );
    },

    /** A charge failed: one of Stripe's takes over Stripe's count, one kept by hand counts one more. */
    async paymentFailed(id: string, write: Write): Promise<Subscription> {
      const subscription = await find(id);
      if (subscription.source === 'stripe') {
        await commands.refresh(subscription.reference);
        return find(subscription.id);
      }
      return write(async (transaction) => {
        await repository.lockReference(transaction.connection, subscription.reference);
        const row = await repository.findByReference(transaction.connection, subscription.reference);
        if (row === null || row.standing === 'ended') {
          throw new LatchkeyError('subscription_state_conflict', 'The subscription has already ended.');
        }
        const failed = { ...row, status: 'past_due', failed_payments: row.failed_payments + 1 };
        return (await follow(transaction, row.reference, manualSource(failed))) ?? row;
      });
    },

    /** Changes what may be changed from outside: metadata, whether it renews, and, of one kept by hand, its period. */
    async update(
      id: string,
      changes: { metadata?: Record<string, string>; cancelAtPeriodEnd?: boolean; currentPeriodEnd?: Date },
      write: Write,
    ): Promise<Subscription> {
      const subscription = await find(id);
      const { currentPeriodEnd, ...forStripe } = changes;
      if (subscription.source === 'stripe') {
        if (currentPeriodEnd !== undefined) {
          throw new LatchkeyError('subscription_state_conflict', 'Stripe decides the periods of its subscriptions.', {
            path: 'currentPeriodEnd',
          });
        }
        await commands.update(subscription.reference, forStripe);
        return find(subscription.id);
      }
      return write((transaction) =>
        changeManual(transaction, subscription, (source) => changedByHand(source, changes)),
      );
    },

    /**
     * Looks at every subscription that the clock has something to say about: grace that ended, time that ran out. Answers how
     * many there were.
     */
    async monitor(): Promise<number> {
      let looked = 0;
      for (;;) {
        const due = await repository.listDue(database.connection, clock.now(), MONITOR_BATCH);
        for (const reference of due) {
          await database.transaction({ actor: SYSTEM }, (transaction) => follow(transaction, reference));
        }
        looked += due.length;
        if (due.length < MONITOR_BATCH) return looked;
      }
    },

    /** Takes over Stripe's truth for what is about to renew or should have been; answers how many were extended. It never charges. */
    async autoRenew(): Promise<number> {
      const before = addDays(clock.now(), RENEWAL_WINDOW_DAYS);
      const expiring = await repository.listExpiring(database.connection, before, MONITOR_BATCH);
      let renewed = 0;
      for (const subscription of expiring) {
        if (subscription.source !== 'stripe') continue;
        await commands.refresh(subscription.reference);
        const after = await find(subscription.id);
        if ((after.paid_through ?? 0) > (subscription.paid_through ?? 0)) renewed += 1;
      }
      return renewed;
    },

    /** Totals by standing, and what comes in each month. */
    async statistics(filter: { product?: string | undefined } = {}): Promise<SubscriptionStatistics> {
      const graces = catalog.products.map((product) => product.dunning.graceDays);
      const lapsedBefore = addDays(clock.now(), -Math.max(0, ...graces));
      const counts = await repository.countByStanding(database.connection, filter, lapsedBefore);
      return summarize(counts);
    },
  };

  function termDays(source: { product: string; plan: string }): number {
    const offer = findOffer(catalog, source.product, source.plan);
    return (offer?.plan.license ?? DEFAULT_LICENSE_POLICY).termDays ?? 30;
  }

  async function insertManual(
    transaction: Transaction,
    input: { reference: string; licenseId: string; customerId: string | null },
  ): Promise<Subscription> {
    const license = await licenseReader.get(input.licenseId, transaction.connection);
    const price = findOffer(catalog, license.product, license.plan)?.plan.price ?? null;
    const now = clock.now();
    const end = license.expiresAt === null ? addDays(now, termDays(license)) : new Date(license.expiresAt);
    return repository.insertSubscription(transaction.connection, {
      id: ids.next('subs'),
      source: 'manual',
      reference: input.reference,
      customer_id: input.customerId ?? license.customerId,
      product: license.product,
      plan: license.plan,
      status: 'active',
      standing: 'current',
      current_period_start: now,
      current_period_end: end,
      trial_end: null,
      cancel_at: null,
      canceled_at: null,
      ended_at: null,
      paid_through: end,
      grace_until: null,
      amount_cents: price?.amountCents ?? 0,
      currency: price?.currency ?? 'usd',
      recurring_interval: price?.interval ?? null,
      recurring_interval_count: price?.intervalCount ?? 1,
      due_at: null,
      created_at: now,
      updated_at: now,
    });
  }
}

/** Opens the transaction of whoever asked. */
export type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

function renewedByHand(source: SourceSubscription, days: number, now: Date): SourceSubscription {
  const from = Math.max(source.currentPeriodEnd ?? 0, now.getTime());
  const until = addDays(new Date(from), days).getTime();
  const paid = source.invoices.find((invoice) => invoice.status === 'paid');
  return {
    ...source,
    status: 'active',
    currentPeriodStart: from,
    currentPeriodEnd: until,
    invoices: paid === undefined ? [] : [{ ...paid, paysUntil: until }],
  };
}

function changedByHand(
  source: SourceSubscription,
  changes: { metadata?: Record<string, string>; cancelAtPeriodEnd?: boolean; currentPeriodEnd?: Date },
): SourceSubscription {
  const { metadata, cancelAtPeriodEnd, currentPeriodEnd } = changes;
  const end = currentPeriodEnd?.getTime() ?? source.currentPeriodEnd;
  return {
    ...source,
    metadata: metadata === undefined ? source.metadata : { ...source.metadata, ...metadata },
    currentPeriodEnd: end,
    cancelAt: cancelAtPeriodEnd === undefined ? source.cancelAt : cancelAtPeriodEnd ? end : null,
    invoices: source.invoices.map((invoice) => (invoice.status === 'paid' ? { ...invoice, paysUntil: end } : invoice)),
  };
}

function summarize(counts: readonly repository.StandingCount[]): SubscriptionStatistics {
  const total: SubscriptionStatistics = {
    totalSubscriptions: 0,
    active: 0,
    canceled: 0,
    expired: 0,
    suspended: 0,
    monthlyRevenueCents: {},
  };
  for (const count of counts) {
    total.totalSubscriptions += count.subscriptions;
    const place = placeOf(count);
    if (place !== null) total[place] += count.subscriptions;
    if (count.interval !== null && (count.status === 'active' || count.status === 'past_due')) {
      const monthly = monthlyAmountCents(count.amountCents, count.interval as Interval, count.intervalCount);
      total.monthlyRevenueCents[count.currency] =
        (total.monthlyRevenueCents[count.currency] ?? 0) + monthly * count.subscriptions;
    }
  }
  return total;
}

function placeOf(count: repository.StandingCount): 'active' | 'canceled' | 'expired' | 'suspended' | null {
  switch (count.standing) {
    case 'current':
      return count.lapsed && count.status !== 'trialing' ? 'expired' : 'active';
    case 'grace':
      return 'active';
    case 'suspended':
    case 'revoked':
      return 'suspended';
    case 'ended':
      return count.status === 'incomplete_expired' ? 'expired' : 'canceled';
    case 'pending':
      return null;
  }
}
