import { movementKind } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { SubscriptionRow } from './repository.ts';
import { customerStanding, insertMovement } from './revenue-repository.ts';

/**
 * Writes down what a change of a subscription does to the monthly revenue, in the transaction of the change, so that the sum of all
 * movements is what all subscriptions bring, always. The kind is the customer's: a second subscription is an expansion.
 */
export async function recordMovement(
  transaction: Transaction,
  { before, row }: { before: SubscriptionRow | null; row: SubscriptionRow },
  { clock, ids }: { clock: Clock; ids: Ids },
): Promise<void> {
  const deltaCents = row.mrr_cents - (before?.mrr_cents ?? 0);
  if (deltaCents === 0) return;
  const { totalCents, hasMoved } = await customerStanding(transaction.connection, row);
  const kind = movementKind(totalCents - deltaCents, totalCents, hasMoved);
  if (kind === null) return;
  await insertMovement(transaction.connection, {
    id: ids.next('mov'),
    subscription_id: row.id,
    customer_id: row.customer_id,
    product: row.product,
    plan: row.plan,
    kind,
    currency: row.currency,
    delta_cents: deltaCents,
    at: clock.now(),
  });
}
