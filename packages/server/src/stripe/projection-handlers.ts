import type { Transaction } from '../db/database.ts';
import type { MirroredObjects, MirroredType } from './shapes.ts';

/** One change of a mirrored object, as the mirror now has it. */
export interface ProjectedChange<T extends MirroredType> {
  /** The object as it is now, in today's shape. */
  readonly object: MirroredObjects[T];
  /** What the mirror held before this change; null when it sees the object for the first time. */
  readonly previous: MirroredObjects[T] | null;
  /** The object is gone for good in Stripe. For a subscription: it has ended, and `object` is its last state. */
  readonly deleted: boolean;
  /** When Stripe's state was like this, in whole seconds of Stripe's clock. */
  readonly asOf: Date;
}

/**
 * Carries a change into the house, in the transaction that wrote the mirror. It is told of transitions of the mirrored
 * state, in an order that never runs backwards, but not of every state in between: Stripe may have moved on before
 * anything was delivered. It may be called again with an `object` equal to `previous` in all that matters, so what it does
 * must follow from the state. It must not call Stripe. Throwing rolls the change back and the event is tried again later.
 */
export type ProjectionHandler<T extends MirroredType> = (
  transaction: Transaction,
  change: ProjectedChange<T>,
) => Promise<void>;

/** Who is told of changes, by the type of object. A type without a handler is mirrored all the same. */
export type ProjectionHandlers = { readonly [T in MirroredType]?: ProjectionHandler<T> };
