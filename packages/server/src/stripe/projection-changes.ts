import type { Transaction } from '../db/database.ts';
import type { Folded } from './fold.ts';
import { type MirroredState, writeStates } from './mirror.ts';
import type { ObjectKey } from './mirrored-types.ts';
import type { ProjectedChange, ProjectionHandlers } from './projection-handlers.ts';
import type { MirroredObjects, MirroredType } from './shapes.ts';

/** What is to become of one object's row. */
export interface Change {
  readonly key: ObjectKey;
  readonly before: MirroredState | null;
  readonly folded: Folded;
}

/** Those first that others refer to, so that a customer is known before the subscription that names it is followed. */
const tellingOrder: readonly MirroredType[] = [
  'product',
  'price',
  'customer',
  'charge',
  'payment_intent',
  'subscription',
  'invoice',
  'checkout_session',
  'invoice_payment',
  'refund',
  'dispute',
];

/** Writes the rows, and then tells of them: whoever is told of one sees them all. */
export async function writeChanges(
  transaction: Transaction,
  changes: readonly Change[],
  handlers: ProjectionHandlers,
): Promise<void> {
  const written = changes.filter(({ folded }) => folded.written);
  await writeStates(
    transaction.connection,
    written.map(({ key, folded }) => ({ ...key, state: folded.state })),
  );
  const told = changes.filter(({ folded }) => folded.changed);
  told.sort((one, other) => tellingOrder.indexOf(one.key.type) - tellingOrder.indexOf(other.key.type));
  for (const change of told) await tell(transaction, change, handlers);
}

async function tell(transaction: Transaction, change: Change, handlers: ProjectionHandlers): Promise<void> {
  const { object, deleted, asOf } = change.folded.state;
  const told: ProjectedChange<MirroredType> = {
    object: object as unknown as MirroredObjects[MirroredType],
    previous: (change.before?.object ?? null) as unknown as MirroredObjects[MirroredType] | null,
    deleted,
    asOf,
  };
  const handle = handlers[change.key.type] as
    | ((transaction: Transaction, change: ProjectedChange<MirroredType>) => Promise<void>)
    | undefined;
  await handle?.(transaction, told);
}
