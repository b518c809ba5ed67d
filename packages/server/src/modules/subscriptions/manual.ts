/** Subscriptions that are not Stripe's: their own row is their source. */

import type { SourceInvoice, SourceSubscription } from './following.ts';
import type { SubscriptionRow } from './repository.ts';

/** A subscription kept by hand as a source: its own row, with what is paid and what failed told as invoices. */
export function manualSource(row: SubscriptionRow): SourceSubscription {
  const paysUntil = row.paid_through?.getTime() ?? null;
  return {
    source: 'manual',
    reference: row.reference,
    status: row.status,
    startedAt: row.created_at.getTime(),
    currentPeriodStart: row.current_period_start?.getTime() ?? null,
    currentPeriodEnd: row.current_period_end?.getTime() ?? null,
    trialEnd: null,
    cancelAt: row.cancel_at?.getTime() ?? null,
    canceledAt: row.canceled_at?.getTime() ?? null,
    endedAt: row.ended_at?.getTime() ?? null,
    stripeCustomerId: null,
    product: row.product,
    plan: row.plan,
    amountCents: row.amount_cents,
    currency: row.currency,
    interval: row.recurring_interval,
    intervalCount: row.recurring_interval_count,
    quantity: row.quantity,
    metadata: row.metadata,
    invoices: [
      ...(paysUntil === null ? [] : [manualInvoice(row, { status: 'paid', paysUntil, attempts: 1 })]),
      ...(row.failed_payments === 0
        ? []
        : [manualInvoice(row, { status: 'open', paysUntil: null, attempts: row.failed_payments })]),
    ],
  };
}

/** A subscription kept by hand ends by itself when the time to cancel has come. */
export function endedByHand(source: SourceSubscription, now: Date): SourceSubscription {
  if (source.cancelAt === null || source.cancelAt > now.getTime() || source.status === 'canceled') return source;
  return { ...source, status: 'canceled', canceledAt: source.cancelAt, endedAt: source.cancelAt };
}

/** Grace is counted from the end of what was paid. */
function manualInvoice(
  row: SubscriptionRow,
  invoice: { status: 'paid' | 'open'; paysUntil: number | null; attempts: number },
): SourceInvoice {
  const at = row.paid_through?.getTime() ?? row.created_at.getTime();
  return {
    id: `${row.reference}-${invoice.status}-${at}`,
    status: invoice.status,
    created: at,
    finalizedAt: at,
    attemptCount: invoice.attempts,
    nextAttemptAt: null,
    paysUntil: invoice.paysUntil,
    amountDueCents: row.amount_cents,
    currency: row.currency,
    payUrl: null,
  };
}
