import type { MirroredState } from './mirror.ts';
import { answerDelayMs, type IncomingState, type ObjectState, type ProjectionDecision } from './projection-decision.ts';

/** What several states that were heard of one object come to. */
export interface Folded {
  /** The row as it is to be. */
  readonly state: MirroredState;
  /** Whether the row has to be written at all. */
  readonly written: boolean;
  /** Whether one of the states was news. */
  readonly changed: boolean;
}

/** Weighs one state after another, at least one; 'doubtful' when one of them cannot be told without asking Stripe. */
export function foldStates(
  known: MirroredState | null,
  heard: readonly IncomingState[],
  decide: (known: ObjectState | null, incoming: IncomingState) => ProjectionDecision,
  wall: Date,
): Folded | 'doubtful' {
  let current: ObjectState | null = known;
  let changed = false;
  let written = false;
  for (const one of heard) {
    const incoming = withKnownContent(one, current);
    const decision = decide(current, incoming);
    if (decision === 'fetch') return 'doubtful';
    // Of an event that is surely older no trace is needed; every other one must be seen by a fetch that is under way.
    written ||= decision !== 'ignore' || !isSurelyOlder(incoming, current);
    changed ||= decision === 'apply';
    if (decision === 'apply' || decision === 'confirm') current = incoming;
  }
  if (current === null) throw new Error('There was nothing to weigh.');
  const { object, asOf, deleted } = current;
  return { state: { object, asOf, deleted, touchedAt: nextTouch(known, wall) }, written, changed };
}

/** A moment later than the last time the row was touched, though the wall clock may stand or step back. */
export function nextTouch(known: MirroredState | null, wall: Date): Date {
  return new Date(Math.max(wall.getTime(), known === null ? 0 : known.touchedAt.getTime() + 1));
}

/** Stripe answers for a deleted object that it is deleted, and no more: what it was is kept. */
export function withKnownContent<T extends ObjectState>(incoming: T, known: ObjectState | null): T {
  return incoming.object.deleted === true && known !== null ? { ...incoming, object: known.object } : incoming;
}

function isSurelyOlder(incoming: ObjectState, known: ObjectState | null): boolean {
  return known !== null && incoming.asOf.getTime() < known.asOf.getTime() - answerDelayMs;
}
