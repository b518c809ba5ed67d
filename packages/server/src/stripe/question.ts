import { LatchkeyError } from '@latchkey/core';
import type { Database, Transaction, TransactionOptions } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { Clock } from '../ports.ts';
import { nextTouch, withKnownContent } from './fold.ts';
import { lockObjects, type MirroredState, readState } from './mirror.ts';
import { isFinal, keyText, type ObjectKey } from './mirrored-types.ts';
import { normaliseObject } from './normalise/index.ts';
import { writeChanges } from './projection-changes.ts';
import { type IncomingState, isChange } from './projection-decision.ts';
import type { ProjectionHandlers } from './projection-handlers.ts';
import type { MirroredType, StripeObject } from './shapes.ts';
import { storableJson } from './storable-json.ts';

/** What Stripe answered, and the `Date` header of the answer: whole seconds of Stripe's clock. */
export interface FetchedObject {
  object: StripeObject;
  asOf: Date;
}

/** Asks Stripe for an object; null when it does not know it (404). Never called inside a transaction. */
export type FetchStripeObject = (type: MirroredType, id: string) => Promise<FetchedObject | null>;

export interface QuestionOptions {
  database: Database;
  clock: Clock;
  fetch: FetchStripeObject;
  handlers: ProjectionHandlers;
  log: Log;
}

export interface Question {
  key: ObjectKey;
  /** Stripe's state cannot be older than this: an event of then was heard before it was asked. */
  notBefore: Date | null;
  /** Runs in the transaction in which the answer is applied. */
  settle(transaction: Transaction): Promise<void>;
}

export const asStripe: TransactionOptions = { actor: { type: 'stripe', id: null } };

/** An object that changes with every look is given up for now, and tried again later. */
const mostFetches = 4;

/**
 * Asks Stripe for an object and projects the answer. An answer that was asked for after the row was read is newer than all that made the
 * row, whatever either clock says. So the row must be untouched when it is applied; else the question is put again.
 */
export async function askStripe(
  { key, notBefore, settle }: Question,
  options: QuestionOptions,
): Promise<'projected' | 'missing'> {
  const { database, fetch, log } = options;
  for (let asked = 1; asked <= mostFetches; asked += 1) {
    const marked = await readState(database.connection, key);
    const fetched = await fetch(key.type, key.id);
    if (fetched === null) return 'missing';
    const answer = answerOf(key.type, fetched);
    const asOf = notBefore !== null && notBefore > answer.asOf ? notBefore : answer.asOf;
    const applied = await database.transaction(asStripe, async (transaction) => {
      const done = await applyAnswer(transaction, { key, answer: { ...answer, asOf }, marked }, options);
      if (done) await settle(transaction);
      return done;
    });
    if (applied) return 'projected';
    log.info({ object: keyText(key), asked }, 'an object changed while Stripe was asked about it');
  }
  throw new LatchkeyError('conflict', `${keyText(key)} kept changing while Stripe was asked about it. Try again.`);
}

/** Stripe's answer as a state, in today's shape. */
export function answerOf(type: MirroredType, { object, asOf }: FetchedObject): IncomingState {
  // As JSON, because the SDK answers decimals as objects of its own.
  const plain = normaliseObject(JSON.parse(storableJson(JSON.stringify(object))) as StripeObject);
  return { object: plain, asOf, deleted: isFinal(type, plain), source: 'answer' };
}

/** Applies an answer that was asked for after `marked` had been read; false when the row was touched meanwhile. */
async function applyAnswer(
  transaction: Transaction,
  { key, answer, marked }: { key: ObjectKey; answer: IncomingState; marked: MirroredState | null },
  { clock, handlers }: QuestionOptions,
): Promise<boolean> {
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
  const folded = { state, changed: isChange(before, state), written: true };
  await writeChanges(transaction, [{ key, before, folded }], handlers);
  return true;
}
