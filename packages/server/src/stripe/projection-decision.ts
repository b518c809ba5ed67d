import { compareSemantically, compareStages, sameContent } from './semantic-rank.ts';
import type { MirroredType, StripeObject } from './shapes.ts';

/** A state of an object, and of when it was. */
export interface ObjectState {
  readonly object: StripeObject;
  /** The event's `created`, or the Date of an answer: whole seconds of Stripe's clock. */
  readonly asOf: Date;
  /** Gone for good: nothing but another state of being gone can follow. */
  readonly deleted: boolean;
}

export interface IncomingState extends ObjectState {
  /** An event is exact to its second. An answer may be older than its Date, by as long as it was under way. */
  readonly source: 'event' | 'answer';
}

/** `ignore`: nothing new. `apply`: newer. `confirm`: the same content, of a later time. `fetch`: only Stripe can tell. */
export type ProjectionDecision = 'ignore' | 'apply' | 'confirm' | 'fetch';

/** Longer than a call to Stripe may take, so that no answer is older than its Date by more. */
export const answerDelayMs = 10_000;

/** What to do with a state that was heard, given the one that is known. */
export function decideProjection(known: ObjectState | null, incoming: IncomingState): ProjectionDecision {
  if (known === null) return 'apply';
  if (known.deleted !== incoming.deleted) return incoming.deleted ? 'apply' : 'ignore';
  const laterByMs = incoming.asOf.getTime() - known.asOf.getTime();
  if (sameContent(known.object, incoming.object)) return laterByMs > 0 ? 'confirm' : 'ignore';
  // An answer that just came and is dated before what is known, or hardly later: one of them was under way, or the clocks differ.
  if (incoming.source === 'answer') return laterByMs > answerDelayMs ? 'apply' : 'fetch';
  if (laterByMs > 0) return 'apply';
  const stage = compareStages(incoming.object, known.object);
  if (stage < 0) return 'ignore';
  if (stage > 0 && laterByMs === 0) return 'apply';
  // What is known may itself stem from an answer that was under way: an event a little older than its Date is not surely older.
  return laterByMs < -answerDelayMs ? 'ignore' : 'fetch';
}

/** Without those after which, in the same second, another came that can only be later. */
export function withoutOvertaken<T extends IncomingState>(heard: readonly T[]): T[] {
  return heard.filter(
    ({ object, asOf, deleted }) =>
      deleted ||
      !heard.some((other) => other.asOf.getTime() === asOf.getTime() && compareStages(other.object, object) > 0),
  );
}

/** The same where Stripe does not know the object: of two states of one second, the one further along its life is the later. */
export function decideWithoutStripe(
  type: MirroredType,
  known: ObjectState | null,
  incoming: IncomingState,
): Exclude<ProjectionDecision, 'fetch'> {
  const decision = decideProjection(known, incoming);
  if (decision !== 'fetch') return decision;
  if (known === null) return 'apply';
  const laterByMs = incoming.asOf.getTime() - known.asOf.getTime();
  if (laterByMs !== 0) return laterByMs > 0 ? 'apply' : 'ignore';
  return compareSemantically(type, incoming.object, known.object) > 0 ? 'apply' : 'ignore';
}

/** Whether the house has to hear of it: the content, or being gone, is another. */
export function isChange(known: ObjectState | null, next: ObjectState): boolean {
  return known === null || known.deleted !== next.deleted || !sameContent(known.object, next.object);
}
