import type { Catalog, Interval } from '@latchkey/core';
import { z } from 'zod';
import { ownerOf } from '../../../http/authentication.ts';
import type { Principal } from '../../../http/types.ts';
import { pendingChange } from '../pending-change.ts';
import type { Subscription } from '../service.ts';

/** A subscription as it is answered. */
export const subscriptionAnswer = z.object({
  id: z.string(),
  object: z.literal('subscription'),
  stripe_subscription_id: z.string().nullable(),
  reference: z.string().describe('Stripe’s id, or the vendor’s own for a subscription kept by hand.'),
  customer_id: z.string().nullable(),
  product: z.string(),
  plan: z.string(),
  status: z.string().describe('Stripe’s status.'),
  standing: z.string().describe('What it means for access: pending, current, grace, suspended, revoked or ended.'),
  current_period_start: z.string().nullable(),
  current_period_end: z.string().nullable(),
  trial_end: z.string().nullable(),
  cancel_at: z.string().nullable(),
  canceled_at: z.string().nullable(),
  ended_at: z.string().nullable(),
  paid_through: z.string().nullable().describe('The end of the time that has been paid for.'),
  grace_until: z.string().nullable(),
  failed_payments: z.number(),
  amount_cents: z.number(),
  currency: z.string(),
  interval: z.string().nullable(),
  interval_count: z.number(),
  quantity: z.int().describe('How many of the plan it is of, such as seats; amount_cents is of all of them.'),
  pending_change: z
    .object({ plan: z.string(), quantity: z.int(), at: z.string() })
    .nullable()
    .describe('What it changes to when its period ends; null where it does not.'),
  metadata: z.record(z.string(), z.string()),
  created_at: z.string(),
});

function subscriptionView(row: Subscription, catalog: Catalog): z.infer<typeof subscriptionAnswer> {
  const iso = (date: Date | null) => date?.toISOString() ?? null;
  const pending = pendingChange(row, catalog);
  return {
    id: row.id,
    object: 'subscription',
    stripe_subscription_id: row.source === 'stripe' ? row.reference : null,
    reference: row.reference,
    customer_id: row.customer_id,
    product: row.product,
    plan: row.plan,
    status: row.status,
    standing: row.standing,
    current_period_start: iso(row.current_period_start),
    current_period_end: iso(row.current_period_end),
    trial_end: iso(row.trial_end),
    cancel_at: iso(row.cancel_at),
    canceled_at: iso(row.canceled_at),
    ended_at: iso(row.ended_at),
    paid_through: iso(row.paid_through),
    grace_until: iso(row.grace_until),
    failed_payments: row.failed_payments,
    amount_cents: row.amount_cents,
    currency: row.currency,
    interval: row.recurring_interval as Interval | null,
    interval_count: row.recurring_interval_count,
    quantity: row.quantity,
    pending_change: pending === null ? null : { ...pending, at: pending.at.toISOString() },
    metadata: row.metadata,
    created_at: row.created_at.toISOString(),
  };
}

export type ViewFor = (principal: Principal, row: Subscription) => z.infer<typeof subscriptionAnswer>;

/** An owner sees everything but the notes that the vendor keeps with a subscription. */
export const viewsOf =
  (catalog: Catalog): ViewFor =>
  (principal, row) => {
    const view = subscriptionView(row, catalog);
    return ownerOf(principal) === null ? view : { ...view, metadata: {} };
  };
