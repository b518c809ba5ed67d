/** What Stripe says of a subscription, and what that means for access. Instants are milliseconds since the epoch, in domain time. */

import type { DunningPolicy } from '../catalog/types.ts';
import { dayMs } from '../time.ts';

/** Stripe's statuses (https://docs.stripe.com/api/subscriptions/object). The list is open; anything else counts as `paused`. */
export const SUBSCRIPTION_STATUSES = [
  'incomplete',
  'incomplete_expired',
  'trialing',
  'active',
  'past_due',
  'canceled',
  'unpaid',
  'paused',
] as const;

export type SubscriptionStatus = (typeof SUBSCRIPTION_STATUSES)[number];

/** A subscription as the mirror (or the vendor, for one kept by hand) has it. */
export interface SubscriptionFacts {
  status: SubscriptionStatus;
  startedAt: number;
  currentPeriodStart: number | null;
  currentPeriodEnd: number | null;
}

/** An invoice of the subscription, as far as access depends on it. */
export interface InvoiceFacts {
  id: string;
  status: 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';
  created: number;
  finalizedAt: number | null;
  /** Attempts to charge so far, as Stripe counts them. */
  attemptCount: number;
  nextAttemptAt: number | null;
  /** The latest end of a period that a line of it pays for. */
  paysUntil: number | null;
}

/**
 * Where a subscription stands, in words of access rather than of billing.
 * - `pending`: not paid yet for the first time
 * - `current`: paid, or on trial
 * - `grace`: a charge failed; access goes on for the grace time
 * - `suspended`: grace is over, or Stripe paused it
 * - `revoked`: as many charges failed as the catalog allows
 * - `ended`: canceled, or never completed
 */
export type Standing = 'pending' | 'current' | 'grace' | 'suspended' | 'revoked' | 'ended';

/** Everything access and letters depend on, derived from the facts alone: the order in which they arrived leaves no trace. */
export interface SubscriptionView {
  standing: Standing;
  /** The end of the time that has been paid for; null when nothing is known to be paid. */
  paidThrough: number | null;
  /** Failed attempts on the owed invoice that had most of them; 0 when nothing is owed. */
  failedPayments: number;
  /** The end of the grace time; null when nothing is owed or the policy never suspends. */
  graceUntil: number | null;
  /** The latest invoice that is owed; null when none is, or none is known. */
  owedInvoice: InvoiceFacts | null;
  /** When to remind of what is owed, a day before the grace time ends; null when it has no end, or is too short for it. */
  remindAt: number | null;
  /** Whether that moment has come, and the end has not. */
  isReminderDue: boolean;
  /** The plan that the licence is of once the grace time is over, until it is paid; null: it is withheld, or not touched. */
  leavesPlan: string | null;
  /** Whether what was paid last had failed before. */
  isPaidAfterFailure: boolean;
  /** Names the time without payment once and for all, by its oldest owed invoice or by the pause; null when there is none, or its invoice is not known yet. */
  lapse: string | null;
}

/** A shorter grace time is over before a reminder could help. */
const REMINDED_FROM_DAYS = 2;

/** Derives the view at `now`. */
export function viewSubscription(
  facts: SubscriptionFacts,
  invoices: readonly InvoiceFacts[],
  dunning: DunningPolicy,
  now: number,
): SubscriptionView {
  const owing = facts.status === 'past_due' || facts.status === 'unpaid' || facts.status === 'canceled';
  const owed = owing ? owedInvoices(invoices) : [];
  const failedPayments = Math.max(0, ...owed.map((invoice) => invoice.attemptCount));
  const graceUntil = owing && facts.status !== 'canceled' ? graceEnd(facts, owed[0] ?? null, dunning) : null;
  const remindAt = graceUntil === null || dunning.graceDays < REMINDED_FROM_DAYS ? null : graceUntil - dayMs;
  const standing = standingOf(facts.status, { failedPayments, graceUntil, dunning, now });
  return {
    standing,
    paidThrough: paidThrough(facts, invoices),
    failedPayments,
    graceUntil,
    remindAt,
    isReminderDue: standing === 'grace' && remindAt !== null && now >= remindAt,
    leavesPlan: graceUntil !== null && dunning.whenGraceEnds === 'downgrade' ? (dunning.downgradeTo ?? null) : null,
    isPaidAfterFailure: (lastPaid(invoices)?.attemptCount ?? 0) > 1,
    owedInvoice: owed.at(-1) ?? null,
    lapse: facts.status === 'paused' ? `pause-${facts.currentPeriodStart ?? facts.startedAt}` : (owed[0]?.id ?? null),
  };
}

function standingOf(
  status: SubscriptionStatus,
  owed: { failedPayments: number; graceUntil: number | null; dunning: DunningPolicy; now: number },
): Standing {
  switch (status) {
    case 'incomplete':
      return 'pending';
    case 'trialing':
    case 'active':
      return 'current';
    case 'canceled':
    case 'incomplete_expired':
      return 'ended';
    case 'paused':
      return 'suspended';
    case 'past_due':
    case 'unpaid': {
      const limit = owed.dunning.failuresBeforeRevocation;
      if (limit !== null && owed.failedPayments >= limit) return 'revoked';
      if (owed.dunning.whenGraceEnds === 'keep') return 'grace';
      return owed.graceUntil !== null && owed.now >= owed.graceUntil ? 'suspended' : 'grace';
    }
  }
}

/**
 * The invoices whose charge failed since the last one that was paid, oldest first. They stay owed when Stripe gave up on them,
 * and one that was left behind by a later payment is owed no more: what failed long ago must not count against today's period.
 */
function owedInvoices(invoices: readonly InvoiceFacts[]): InvoiceFacts[] {
  const paid = invoices.filter((invoice) => invoice.status === 'paid').map((invoice) => invoice.created);
  const lastPaid = Math.max(Number.NEGATIVE_INFINITY, ...paid);
  return invoices
    .filter((invoice) => invoice.status === 'open' || invoice.status === 'uncollectible')
    .filter((invoice) => invoice.attemptCount > 0 && invoice.created >= lastPaid)
    .sort((one, other) => one.created - other.created || (one.id < other.id ? -1 : 1));
}

/** The invoice that pays furthest. */
function lastPaid(invoices: readonly InvoiceFacts[]): InvoiceFacts | null {
  let last: InvoiceFacts | null = null;
  for (const invoice of invoices) {
    if (invoice.status !== 'paid' || invoice.paysUntil === null) continue;
    const further = invoice.paysUntil - (last?.paysUntil ?? Number.NEGATIVE_INFINITY);
    if (last === null || further > 0 || (further === 0 && invoice.id < last.id)) last = invoice;
  }
  return last;
}

/**
 * Grace runs from the first attempt to charge: when the oldest owed invoice was finalised, or, until that is known, the start of
 * the period it is for. A further unpaid period therefore grants no further grace.
 */
function graceEnd(facts: SubscriptionFacts, owed: InvoiceFacts | null, dunning: DunningPolicy): number | null {
  if (dunning.whenGraceEnds === 'keep') return null;
  const start = owed?.finalizedAt ?? facts.currentPeriodStart;
  return start === null ? null : start + dunning.graceDays * dayMs;
}

/**
 * The paid invoices say how far is paid, but nobody has paid for more than the period that runs: what an invoice paid for beyond it
 * was given back when a shorter one began, as from a yearly price to a monthly. Until an invoice is known, a subscription in good
 * standing stands in for them: its first period is never called active without having been paid for; of a later one only what
 * came before it is sure to be paid.
 */
function paidThrough(facts: SubscriptionFacts, invoices: readonly InvoiceFacts[]): number | null {
  let end: number | null = null;
  for (const invoice of invoices) {
    if (invoice.status !== 'paid' || invoice.paysUntil === null) continue;
    if (end === null || invoice.paysUntil > end) end = invoice.paysUntil;
  }
  if (end !== null) return Math.min(end, facts.currentPeriodEnd ?? end);
  if (facts.status !== 'active' && facts.status !== 'trialing') return null;
  const firstPeriod = facts.currentPeriodStart !== null && facts.currentPeriodStart <= facts.startedAt;
  return firstPeriod ? facts.currentPeriodEnd : facts.currentPeriodStart;
}
