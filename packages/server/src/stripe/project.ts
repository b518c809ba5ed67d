import { LatchkeyError } from '@latchkey/core';
import type { Database, Transaction, TransactionOptions } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../ports.ts';
import { type Folded, foldStates, nextTouch, withKnownContent } from './fold.ts';
import { lockObjects, type MirroredState, readState, readStates, writeStates } from './mirror.ts';
import { isFinal, keyText, type ObjectKey } from './mirrored-types.ts';
import { normaliseObject } from './normalise/index.ts';
import { decideProjection, decideWithoutStripe, type IncomingState, isChange } from './projection-decision.ts';
import type { ProjectedChange, ProjectionHandlers } from './projection-handlers.ts';
import type { MirroredObjects, MirroredType, StripeObject } from './shapes.ts';
import { storableJson } from './storable-json.ts';

/** What Stripe answered, and the `Date` header of the answer: whole seconds of Stripe's clock. */
export interface FetchedObject {
  object: StripeObject;
  asOf: Date;
}

/** Asks Stripe for an object; null when it does not know it (404). Never called inside a transaction. */
export type FetchStripeObject = (type: MirroredType, id: string) => Promise<FetchedObject | null>;

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

export interface ProjectorOptions {
  database: Database;
  clock: Clock;
  fetch: FetchStripeObject;
  handlers: ProjectionHandlers;
  log: Log;
}

const asStripe: TransactionOptions = { actor: { type: 'stripe', id: null } };
/** An object that changes with every look is given up for now, and tried again later. */
const mostFetches = 4;
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
];

export function createProjector({ database, clock, fetch, handlers, log }: ProjectorOptions): EventProjector {
  const write = async (transaction: Transaction, changes: readonly Change[]): Promise<void> => {
    const written = changes.filter(({ folded }) => folded.written);
    await writeStates(
      transaction.connection,
      written.map(({ key, folded }) => ({ ...key, state: folded.state })),
    );
    const told = changes.filter(({ folded }) => folded.changed);
    told.sort((one, other) => tellingOrder.indexOf(one.key.type) - tellingOrder.indexOf(other.key.type));
    for (const change of told) await tell(handlers, transaction, change);
  };

  const projectEvents: EventProjector['projectEvents'] = async (transaction, observations, options = {}) => {
    const { connection } = transaction;
    await lockObjects(connection, observations);
    const groups = groupByObject(observations);
    const keys = groups.map(({ key }) => key);
    const known = await readStates(connection, keys);
    const doubtful: ObjectKey[] = [];
    const changes: Change[] = [];
    for (const { key, heard } of groups) {
      const before = known.get(keyText(key)) ?? null;
      const decide: typeof decideProjection =
        options.unknownToStripe === true ? (...states) => decideWithoutStripe(key.type, ...states) : decideProjection;
      const folded = foldStates(before, heard, decide, clock.wall());
      if (folded === 'doubtful') doubtful.push(key);
      else changes.push({ key, before, folded });
    }
    await write(transaction, changes);
    return doubtful;
  };

  /** Applies an answer that was asked for after `marked` had been read; false when the row was touched meanwhile. */
  const applyAnswer = async (
    transaction: Transaction,
    key: ObjectKey,
    answer: IncomingState,
    marked: MirroredState | null,
  ): Promise<boolean> => {
    await lockObjects(transaction.connection, [{ ...key, object: answer.object }]);
    const before = await readState(transaction.connection, key);
    if (before?.touchedAt.getTime() !== marked?.touchedAt.getTime()) return false;
    if (before?.deleted === true && !answer.deleted) return true;
    const { object, asOf, deleted } = withKnownContent(answer, before);
    const state: MirroredState = {
      object,
      deleted,
      asOf: before === null || before.asOf < asOf ? asOf : before.asOf,
      touchedAt: nextTouch(before, clock.wall()),
    };
    await write(transaction, [{ key, before, folded: { state, changed: isChange(before, state), written: true } }]);
    return true;
  };

  /**
   * An answer that was asked for after the row was read is newer than all that made the row, whatever either clock says. So the row must
   * be untouched when it is applied; else the question is put again.
   */
  const ask = async (
    key: ObjectKey,
    { notBefore, settle }: { notBefore: Date | null; settle(transaction: Transaction): Promise<void> },
  ): Promise<'projected' | 'missing'> => {
    for (let asked = 1; asked <= mostFetches; asked += 1) {
      const marked = await readState(database.connection, key);
      const fetched = await fetch(key.type, key.id);
      if (fetched === null) return 'missing';
      const answer = answerOf(key.type, fetched);
      const asOf = notBefore !== null && notBefore > answer.asOf ? notBefore : answer.asOf;
      const applied = await database.transaction(asStripe, async (transaction) => {
        const done = await applyAnswer(transaction, key, { ...answer, asOf }, marked);
        if (done) await settle(transaction);
        return done;
      });
      if (applied) return 'projected';
      log.info({ object: keyText(key), asked }, 'an object changed while Stripe was asked about it');
    }
    throw new LatchkeyError('conflict', `${keyText(key)} kept changing while Stripe was asked about it. Try again.`);
  };

  const fetchAndProject: Projector['fetchAndProject'] = (type, id) =>
    ask({ type, id }, { notBefore: null, settle: async () => {} });

  return {
    projectEvents,
    fetchAndProject,
    async resolveDoubt(key, observations, settle) {
      const outcome = await ask(key, { notBefore: latest(observations), settle });
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
        if (folded !== 'doubtful') await write(transaction, [{ key, before, folded }]);
        return folded !== 'doubtful';
      });
      if (!isClear) await fetchAndProject(type, key.id);
    },
  };
}

interface Change {
  key: ObjectKey;
  before: MirroredState | null;
  folded: Folded;
}

function answerOf(type: MirroredType, { object, asOf }: FetchedObject): IncomingState {
  // As JSON, because the SDK answers decimals as objects of its own.
  const plain = normaliseObject(JSON.parse(storableJson(JSON.stringify(object))) as StripeObject);
  return { object: plain, asOf, deleted: isFinal(type, plain), source: 'answer' };
}

function groupByObject(observations: readonly Observation[]): { key: ObjectKey; heard: IncomingState[] }[] {
  const groups = new Map<string, { key: ObjectKey; heard: IncomingState[] }>();
  for (const { type, id, object, asOf, deleted } of observations) {
    const key = { type, id };
    const group = groups.get(keyText(key)) ?? { key, heard: [] };
    group.heard.push({ object, asOf, deleted, source: 'event' });
    groups.set(keyText(key), group);
  }
  for (const { heard } of groups.values()) heard.sort((one, other) => one.asOf.getTime() - other.asOf.getTime());
  return [...groups.values()];
}

function latest(observations: readonly Observation[]): Date | null {
  return observations.reduce<Date | null>((last, { asOf }) => (last === null || asOf > last ? asOf : last), null);
}

async function tell(handlers: ProjectionHandlers, transaction: Transaction, change: Change): Promise<void> {
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
