import {
  type Catalog,
  coverageFor,
  earliest,
  type InvoiceFacts,
  type KnownBefore,
  monthlyRevenueCents,
  NOTHING_KNOWN,
  nextNoticeAt,
  nextReminderAt,
  nextTransitionAt,
  type Standing,
  SUBSCRIPTION_STATUSES,
  type SubscriptionStatus,
  type SubscriptionView,
  viewSubscription,
} from '@latchkey/core';
import type { Connection, Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import type { Customer, CustomerService } from '../customers/index.ts';
import type { LicenseReader, LicenseRecord, LicenseService } from '../licenses/index.ts';
import type { Notifications } from '../notifications/index.ts';
import { alertOfFailure, createSubscriptionLetters, endingFacts } from './letters.ts';
import { endedByHand, manualSource } from './manual.ts';
import { noticeDaysOf, policiesOf } from './policies.ts';
import * as repository from './repository.ts';
import { recordMovement } from './revenue.ts';

/** A subscription as its source has it: Stripe's mirror, or our own row for one kept by hand. Instants are milliseconds. */
export interface SourceSubscription {
  source: 'stripe' | 'manual';
  reference: string;
  status: string;
  startedAt: number;
  currentPeriodStart: number | null;
  currentPeriodEnd: number | null;
  trialEnd: number | null;
  cancelAt: number | null;
  canceledAt: number | null;
  endedAt: number | null;
  /** Stripe's customer, for a subscription of Stripe's. */
  stripeCustomerId: string | null;
  product: string;
  plan: string;
  amountCents: number;
  currency: string;
  interval: string | null;
  intervalCount: number;
  /** How many of the plan it is of. */
  quantity: number;
  metadata: Record<string, string>;
  invoices: SourceInvoice[];
  /** Whose key its licence gets, and what is noted with it, where the vendor sold it at Stripe themselves. */
  sold?: { user: string; notes: Readonly<Record<string, string>> } | null;
}

export interface SourceInvoice extends InvoiceFacts {
  amountDueCents: number;
  /** What was paid with it; left out where nobody says. */
  paidCents?: number;
  currency: string;
  /** Where the customer can pay it. */
  payUrl: string | null;
}

/** Reads what the source knows, in the caller's transaction; null for a subscription that is none of ours. */
export type ReadSource = (connection: Connection, reference: string) => Promise<SourceSubscription | null>;

export interface FollowingOptions {
  catalog: Catalog;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  customers: CustomerService;
  licenses: LicenseService;
  licenseReader: LicenseReader;
  notifications: Notifications;
  readStripe: ReadSource;
  /** Asks Stripe who a customer is, after the commit: somebody bought and we have no address to write to. */
  askForCustomer(transaction: Transaction, stripeCustomerId: string): Promise<void>;
}

export type FollowSubscription = ReturnType<typeof createFollowing>;

/**
 * Brings our subscription, its licence and its letters in line with what the source says now. It follows from the state
 * alone: called twice, late, or in another order, it ends the same and writes no letter twice.
 */
export function createFollowing(options: FollowingOptions) {
  const { catalog, clock, ids, audit, customers, licenses, licenseReader, notifications } = options;
  const writeLetters = createSubscriptionLetters({ catalog, notifications });

  return async function follow(
    transaction: Transaction,
    reference: string,
    source?: SourceSubscription,
  ): Promise<repository.SubscriptionRow | null> {
    const { connection } = transaction;
    await repository.lockReference(connection, reference);
    const before = await repository.findByReference(connection, reference);
    const current = source ?? (await readSource(connection, reference, before));
    if (current === null) return null;
    const now = clock.now();
    const policies = policiesOf(catalog, current.product);
    const view = viewSubscription(
      { ...current, status: knownStatus(current.status) },
      current.invoices,
      policies.dunning,
      now.getTime(),
    );
    const customer = await customerOf(transaction, current, before);
    const row = await store(transaction, { before, current, view, customer, now });
    await recordMovement(transaction, { before, row }, { clock, ids });
    await followLicenses(transaction, { before, row, current, view, customer, now });
    const whose = customer?.email ?? current.stripeCustomerId;
    await alertOfFailure(transaction, notifications, { current, view, customer: whose });
    if (customer?.email != null) {
      const change = { before: knownBefore(before), current, view, to: customer.email, now };
      await writeLetters(transaction, change);
    }
    return row;
  };

  async function readSource(
    connection: Connection,
    reference: string,
    before: repository.SubscriptionRow | null,
  ): Promise<SourceSubscription | null> {
    return before?.source === 'manual'
      ? endedByHand(manualSource(before), clock.now())
      : options.readStripe(connection, reference);
  }

  async function customerOf(
    transaction: Transaction,
    current: SourceSubscription,
    before: repository.SubscriptionRow | null,
  ): Promise<Customer | null> {
    if (current.stripeCustomerId === null) {
      return before?.customer_id == null ? null : customers.find(before.customer_id, transaction.connection);
    }
    const customer = await customers.ensure(transaction, { stripeCustomerId: current.stripeCustomerId });
    if (customer.email === null && customer.deleted_at === null) {
      await options.askForCustomer(transaction, current.stripeCustomerId);
    }
    return customer;
  }

  async function store(
    transaction: Transaction,
    { before, current, view, customer, now }: Change & { before: repository.SubscriptionRow | null },
  ): Promise<repository.SubscriptionRow> {
    const { connection } = transaction;
    const due = dueAt(catalog, { current, view, now });
    const fields = { ...columnsOf({ current, view, customer, now }), due_at: due };
    if (before === null) {
      const row = await repository.insertSubscription(connection, {
        id: ids.next('subs'),
        source: current.source,
        reference: current.reference,
        created_at: now,
        ...fields,
      });
      await audit.record(
        transaction,
        auditEntry(row.id, 'created', { status: current.status, standing: view.standing }),
      );
      return row;
    }
    const row = await repository.updateSubscription(connection, before.id, fields);
    if (before.status !== row.status || before.standing !== row.standing) {
      const step = { from: `${before.status}/${before.standing}`, to: `${row.status}/${row.standing}` };
      await audit.record(transaction, auditEntry(row.id, view.standing, step));
    }
    return row;
  }

  async function followLicenses(
    transaction: Transaction,
    {
      before,
      row,
      current,
      view,
      customer,
      now,
    }: Change & {
      before: repository.SubscriptionRow | null;
      row: repository.SubscriptionRow;
    },
  ): Promise<void> {
    const coverage = coverageFor(view, policiesOf(catalog, current.product).cancellation, now.getTime());
    const follows = {
      plan: givesAccess(view.standing) ? current.plan : view.standing === 'suspended' ? view.leavesPlan : null,
      paidBefore: before?.paid_through?.getTime() ?? null,
      quantity: { before: before?.quantity ?? current.quantity, now: current.quantity },
    };
    let covered = await licenseReader.findBySubscription(transaction.connection, row.id);
    if (covered.length === 0) {
      const links = { subscriptionId: row.id, customerId: customer?.id ?? null };
      const adopted = await licenses.adoptImported(transaction, current.reference, links);
      covered = adopted === null ? [] : [adopted];
    }
    if (covered.length === 0 && givesAccess(view.standing)) {
      const license = await issue(transaction, { row, current, view, customer, now });
      covered = license === null ? [] : [license];
    }
    for (const license of covered) {
      await licenses.cover(transaction, license.id, coverage, follows);
      await writeKeyLetter(transaction, license, customer);
    }
  }

  async function issue(
    transaction: Transaction,
    { row, current, view, customer, now }: Change & { row: repository.SubscriptionRow },
  ): Promise<LicenseRecord | null> {
    const issued = await licenses.issueOnce(transaction, {
      product: current.product,
      plan: current.plan,
      origin: `subscription:${current.reference}`,
      keyCustomer: current.sold?.user ?? current.stripeCustomerId ?? customer?.id ?? row.id,
      keySubscription: current.reference,
      customerId: customer?.id ?? null,
      subscriptionId: row.id,
      expiresAt: new Date(view.paidThrough ?? current.currentPeriodStart ?? now.getTime()),
      coverage: 'renewing',
      quantity: current.quantity,
      ...(current.sold == null ? {} : { metadata: { ...current.sold.notes } }),
    });
    return issued?.license ?? null;
  }

  /** The letter with the key, for a licence that the subscription brought. Asking again does nothing. */
  async function writeKeyLetter(
    transaction: Transaction,
    license: LicenseRecord,
    customer: Customer | null,
  ): Promise<void> {
    if (customer?.email == null || !license.origin.startsWith('subscription:')) return;
    await notifications.notify(transaction, {
      template: 'license-issued',
      to: customer.email,
      data: { licenseId: license.id },
      effectKey: `license:${license.id}:issued`,
    });
  }
}

interface Change {
  current: SourceSubscription;
  view: SubscriptionView;
  customer: Customer | null;
  now: Date;
}

/** Stripe's list of statuses is open: a new one withholds access until somebody has looked at it. */
function knownStatus(status: string): SubscriptionStatus {
  return SUBSCRIPTION_STATUSES.find((known) => known === status) ?? 'paused';
}

/** A licence is first issued while there is access; one that was never issued is not issued to be withheld at once. */
function givesAccess(standing: Standing): boolean {
  return standing === 'current' || standing === 'grace';
}

function knownBefore(row: repository.SubscriptionRow | null): KnownBefore {
  if (row === null) return NOTHING_KNOWN;
  return { standing: row.standing as Standing, paidThrough: row.paid_through?.getTime() ?? null };
}

/** When the clock next has something to say: a transition, an end, or a letter. */
function dueAt(catalog: Catalog, { current, view, now }: Pick<Change, 'current' | 'view' | 'now'>): Date | null {
  const at = now.getTime();
  const ends = current.source === 'manual' && view.standing !== 'ended' ? date(current.cancelAt) : null;
  const transition = nextTransitionAt(view, policiesOf(catalog, current.product).cancellation, at);
  const reminder = nextReminderAt(view, at);
  const notice = nextNoticeAt(endingFacts(current, view), noticeDaysOf(catalog, current), at);
  return earliest(ends, date(transition), date(reminder), date(notice));
}

function columnsOf({ current, view, customer, now }: Change) {
  return {
    customer_id: customer?.id ?? null,
    product: current.product,
    plan: current.plan,
    status: current.status,
    standing: view.standing,
    current_period_start: date(current.currentPeriodStart),
    current_period_end: date(current.currentPeriodEnd),
    trial_end: date(current.trialEnd),
    cancel_at: date(current.cancelAt),
    canceled_at: date(current.canceledAt),
    ended_at: date(current.endedAt),
    paid_through: date(view.paidThrough),
    grace_until: date(view.graceUntil),
    failed_payments: view.failedPayments,
    amount_cents: current.amountCents,
    currency: current.currency,
    recurring_interval: current.interval,
    recurring_interval_count: current.intervalCount,
    quantity: current.quantity,
    mrr_cents: monthlyRevenueCents(current),
    metadata: JSON.stringify(current.metadata),
    updated_at: now,
  };
}

function auditEntry(id: string, step: string, detail: Record<string, unknown>) {
  return { action: `subscription.${step}`, subjectType: 'subscription', subjectId: id, detail };
}

function date(milliseconds: number | null): Date | null {
  return milliseconds === null ? null : new Date(milliseconds);
}
