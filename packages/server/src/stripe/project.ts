import type { Transaction } from '../db/database.ts';
import { foldStates } from './fold.ts';
import { lockObjects, readState, readStates } from './mirror.ts';
import { keyText, type ObjectKey } from './mirrored-types.ts';
import { type Change, writeChanges } from './projection-changes.ts';
import { decideProjection, decideWithoutStripe, type IncomingState, withoutOvertaken } from './projection-decision.ts';
import { answerOf, askStripe, asStripe, type QuestionOptions } from './question.ts';
import type { MirroredType, StripeObject } from './shapes.ts';

export type { FetchedObject, FetchStripeObject } from './question.ts';

/** Brings the mirror, and with it the house, in line with what Stripe said: in whatever order it was heard. */
export interface Projector {
  /**
   * Projects one object as an answer of Stripe's (a fetch or our own call's answer) that was true at `asOf`, the Date of the answer. In a
   * transaction of its own. An answer that Stripe only repeated for an idempotency key is of unknown age: date it with the epoch.
   */
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

export type ProjectorOptions = QuestionOptions;

export function createProjector(options: ProjectorOptions): EventProjector {
  const { database, clock, handlers } = options;

  const projectEvents: EventProjector['projectEvents'] = async (transaction, observations, how = {}) => {
    await lockObjects(transaction.connection, observations);
    const groups = groupByObject(observations);
    const keys = groups.map(({ key }) => key);
    const known = await readStates(transaction.connection, keys);
    const doubtful: ObjectKey[] = [];
    const changes: Change[] = [];
    for (const { key, heard } of groups) {
      const before = known.get(keyText(key)) ?? null;
      const decide: typeof decideProjection =
        how.unknownToStripe === true ? (...states) => decideWithoutStripe(key.type, ...states) : decideProjection;
      const folded = foldStates(before, heard, decide, clock.wall());
      if (folded === 'doubtful') doubtful.push(key);
      else changes.push({ key, before, folded });
    }
    await writeChanges(transaction, changes, handlers);
    return doubtful;
  };

  const fetchAndProject: Projector['fetchAndProject'] = (type, id) =>
    askStripe({ key: { type, id }, notBefore: null, settle: async () => {} }, options);

  return {
    projectEvents,
    fetchAndProject,
    async resolveDoubt(key, observations, settle) {
      const outcome = await askStripe({ key, notBefore: latest(observations), settle }, options);
      if (outcome === 'projected') return;
      await database.transaction(asStripe, async (transaction) => {
        await projectEvents(transaction, observations, { unknownToStripe: true });
        await settle(transaction);
      });
    },
    async projectFetched(type, object, asOf) {
      const answer = answerOf(type, { object, asOf });
      const key = { type, id: answer.object.id };
      const isClear = await database.transaction(asStripe, async (transaction) => {
        await lockObjects(transaction.connection, [{ ...key, object: answer.object }]);
        const before = await readState(transaction.connection, key);
        const folded = foldStates(before, [answer], decideProjection, clock.wall());
        if (folded !== 'doubtful') await writeChanges(transaction, [{ key, before, folded }], handlers);
        return folded !== 'doubtful';
      });
      if (!isClear) await fetchAndProject(type, key.id);
    },
  };
}

function groupByObject(observations: readonly Observation[]): { key: ObjectKey; heard: IncomingState[] }[] {
  const groups = new Map<string, { key: ObjectKey; heard: IncomingState[] }>();
  for (const { type, id, object, asOf, deleted } of observations) {
    const key = { type, id };
    const group = groups.get(keyText(key)) ?? { key, heard: [] };
    group.heard.push({ object, asOf, deleted, source: 'event' });
    groups.set(keyText(key), group);
  }
  return [...groups.values()].map(({ key, heard }) => ({
    key,
    heard: withoutOvertaken(heard).sort((one, other) => one.asOf.getTime() - other.asOf.getTime()),
  }));
}

function latest(observations: readonly Observation[]): Date | null {
  return observations.reduce<Date | null>((last, { asOf }) => (last === null || asOf > last ? asOf : last), null);
}
