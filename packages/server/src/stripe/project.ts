import type { Transaction } from '../db/database.ts';
import type { ObjectKey } from './mirrored-types.ts';
import type { MirroredType, StripeObject } from './shapes.ts';

/** What Stripe answered, and the `Date` header of the answer: whole seconds of Stripe's clock. */
export interface FetchedObject {
  object: StripeObject;
  asOf: Date;
}

/** Asks Stripe for an object; null when it does not know it (404). Never called inside a transaction. */
export type FetchStripeObject = (type: MirroredType, id: string) => Promise<FetchedObject | null>;

/** Brings the mirror, and with it the house, in line with what Stripe said: in whatever order it was heard. */
export interface Projector {
  /** Projects one object as an answer of Stripe's (a fetch or our own call's answer) that was true at `asOf`. In a transaction of its own. */
  projectFetched(type: MirroredType, object: StripeObject, asOf: Date): Promise<void>;
  /** Fetches an object and projects it; 'missing' when Stripe does not know it. */
  fetchAndProject(type: MirroredType, id: string): Promise<'projected' | 'missing'>;
}

/** What one event says of one object. */
export interface Observation extends ObjectKey {
  /** In today's shape. */
  readonly object: StripeObject;
  /** The event's `created`, in whole seconds. */
  readonly asOf: Date;
  readonly deleted: boolean;
}

/** What the inbox needs besides. */
export interface EventProjector extends Projector {
  /**
   * Projects what events said, in the caller's transaction, and answers the objects of which that cannot be told without asking
   * Stripe; of those nothing was projected. With `unknownToStripe` Stripe was asked and does not know the objects: a fixed rank decides.
   */
  projectEvents(
    transaction: Transaction,
    observations: readonly Observation[],
    options?: { unknownToStripe?: boolean },
  ): Promise<ObjectKey[]>;
  /**
   * Asks Stripe what became of an object that events left in doubt, and projects that; where Stripe does not know it, the rank decides.
   * `settle` runs in the transaction of the projection, to note that the events are done.
   */
  resolveDoubt(
    key: ObjectKey,
    observations: readonly Observation[],
    settle: (transaction: Transaction) => Promise<void>,
  ): Promise<void>;
}
