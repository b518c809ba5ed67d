import { LatchkeyError } from '@latchkey/core';
import type { Connection, Database, Transaction } from '../db/database.ts';
import { nextAttempt } from '../jobs/back-off.ts';
import { createWorker, type StepResult, type Worker } from '../jobs/worker.ts';
import type { Log } from '../observability/log.ts';
import type { Clock, CrashPoint, CrashPointName, Ids } from '../ports.ts';
import type { StripeClient } from './client/index.ts';

/**
 * A call to Stripe that was decided. It is written with the decision, carried out with no transaction open, and recorded with
 * its result; its id is the Idempotency-Key, so that carrying it out twice is carrying it out once.
 */
export interface Intent<Request = unknown> {
  id: string;
  kind: string;
  subjectId: string;
  request: Request;
}

/** What is done for intents of one kind. */
export interface IntentKind<Request, Response> {
  call(client: StripeClient, request: Request, idempotencyKey: string): Promise<Response>;
  /** Writes the result down, in the transaction that marks the intent done. Called once for each intent. */
  record(transaction: Transaction, intent: Intent<Request>, response: Response): Promise<void>;
  /** Writes down that Stripe refused for good. */
  reject?(transaction: Transaction, intent: Intent<Request>, error: LatchkeyError): Promise<void>;
  /** False: whoever asked was told no and has gone, so it is given up when Stripe does not answer. Kept unless said. */
  isKept?: boolean;
  crashPoints?: { planned: CrashPointName; called: CrashPointName };
}

export interface IntentsOptions {
  database: Database;
  clock: Clock;
  ids: Ids;
  client: StripeClient;
  log: Log;
  crashPoint: CrashPoint;
}

export interface Intents {
  /** Says what is done for intents of a kind, and answers what plans them. */
  register<Request extends object, Response extends object>(
    kind: string,
    handling: IntentKind<Request, Response>,
  ): IntentPlanner<Request, Response>;
  /** Takes back what is open of another kind, as a planner's `withdraw` does of its own. */
  withdraw(transaction: Transaction, kind: string, subjectId: string): Promise<void>;
  /** Finishes what a crash, or a Stripe that did not answer, left open. */
  readonly worker: Worker;
  /** Intents that wait, and how long the oldest has. */
  lag(): Promise<{ open: number; oldestSeconds: number }>;
}

export interface IntentPlanner<Request, Response> {
  /** Writes the intent down with the caller's decision. */
  plan(transaction: Transaction, subjectId: string, request: Request): Promise<Intent<Request>>;
  /**
   * Takes back what was asked of a subject and is still open, and answers it, the oldest first: before something newer is asked
   * that it would otherwise undo when it is carried out late. A call that is under way at this moment is not stopped.
   */
  withdraw(transaction: Transaction, subjectId: string): Promise<Request[]>;
  /** What was asked of a subject and is not carried out yet, the oldest first. */
  open(connection: Connection, subjectId: string): Promise<Request[]>;
  /**
   * Carries a committed intent out now and records it. Throws what Stripe said; when Stripe could not be reached, the intent
   * stays open and the worker carries it out later.
   */
  carryOut(intent: Intent<Request>): Promise<Response>;
}

/** While a process carries an intent out, no other takes it up; longer than a call with all its retries. */
const LEASE_MS = 60_000;

export function createIntents({ database, clock, ids, client, log, crashPoint }: IntentsOptions): Intents {
  const kinds = new Map<string, IntentKind<object, object>>();
  const asSystem = { actor: { type: 'system', id: 'intents' } } as const;

  /** Calls Stripe and writes down what came of it. */
  async function carryOut(intent: Intent<object>, attempts: number): Promise<object> {
    const kind = kinds.get(intent.kind);
    if (kind === undefined) throw new LatchkeyError('internal', `Nobody knows intents of the kind ${intent.kind}.`);
    let response: object;
    try {
      response = await kind.call(client, intent.request, intent.id);
    } catch (error) {
      await noteFailure(intent, kind, error, attempts);
      throw error;
    }
    if (kind.crashPoints !== undefined) crashPoint(kind.crashPoints.called);
    await database.transaction(asSystem, async (transaction) => {
      const first = await finish(transaction.connection, intent.id, 'done', response);
      if (first) await kind.record(transaction, intent, response);
    });
    return response;
  }

  async function noteFailure(
    intent: Intent<object>,
    kind: IntentKind<object, object>,
    error: unknown,
    attempts: number,
  ): Promise<void> {
    const wall = clock.wall();
    const known = error instanceof LatchkeyError ? error : new LatchkeyError('internal', String(error));
    const next =
      isForGood(known) || kind.isKept === false
        ? null
        : notBefore(Number(known.meta?.stripe_retry_after_s ?? 0), nextAttempt(attempts, wall), wall);
    log.warn({ intent: intent.id, kind: intent.kind, code: known.code, again: next }, 'an intent was not carried out');
    await database.transaction(asSystem, async (transaction) => {
      const { connection } = transaction;
      if (next !== null) {
        await connection
          .updateTable('intents')
          .set({ lease_until: null, next_attempt_at: next, last_error: known.detail })
          .where('id', '=', intent.id)
          .where('status', '=', 'planned')
          .execute();
        return;
      }
      const first = await finish(connection, intent.id, 'failed', null, known.detail);
      if (first) await kind.reject?.(transaction, intent, known);
    });
  }

  /** True for the one who ends the intent first. */
  async function finish(
    connection: Connection,
    id: string,
    status: 'done' | 'failed',
    response: object | null,
    error: string | null = null,
  ): Promise<boolean> {
    const result = await connection
      .updateTable('intents')
      .set({
        status,
        response: response === null ? null : JSON.stringify(response),
        last_error: error,
        lease_until: null,
        next_attempt_at: null,
        finished_at: clock.wall(),
      })
      .where('id', '=', id)
      .where('status', '=', 'planned')
      .executeTakeFirst();
    return result.numUpdatedRows === 1n;
  }

  async function step(): Promise<StepResult> {
    const wall = clock.wall();
    const claimed = await database.transaction(asSystem, ({ connection }) =>
      claim(connection, [...kinds.keys()], wall),
    );
    if (claimed === null)
      return { worked: false, nextAttemptAt: await nextDue(database.connection, [...kinds.keys()]) };
    // What went wrong is written in the row, and tried again from there.
    await carryOut(claimed.intent, claimed.attempts).catch(() => {});
    return { worked: true };
  }

  return {
    register(kind, handling) {
      kinds.set(kind, handling as unknown as IntentKind<object, object>);
      return {
        async plan(transaction, subjectId, request) {
          const id = ids.next('int');
          const wall = clock.wall();
          const lease = new Date(wall.getTime() + LEASE_MS);
          await transaction.connection
            .insertInto('intents')
            .values({
              id,
              kind,
              subject_id: subjectId,
              request: JSON.stringify(request),
              status: 'planned',
              attempts: 1,
              // Whoever planned it carries it out; only when that process is gone does another take it up.
              lease_until: lease,
              next_attempt_at: lease,
              last_error: null,
              created_at: wall,
              finished_at: null,
            })
            .execute();
          return { id, kind, subjectId, request };
        },
        async withdraw(transaction, subjectId) {
          const open = await takeBack(transaction.connection, kind, subjectId, clock.wall());
          return open as Parameters<typeof handling.call>[1][];
        },
        async open(connection, subjectId) {
          const rows = await connection
            .selectFrom('intents')
            .select('request')
            .where('kind', '=', kind)
            .where('subject_id', '=', subjectId)
            .where('status', '=', 'planned')
            .orderBy('id')
            .execute();
          return rows.map(({ request }) => request as Parameters<typeof handling.call>[1]);
        },
        async carryOut(intent) {
          if (handling.crashPoints !== undefined) crashPoint(handling.crashPoints.planned);
          return (await carryOut(intent, 1)) as Awaited<ReturnType<typeof handling.call>>;
        },
      };
    },
    withdraw: async ({ connection }, kind, subjectId) =>
      void (await takeBack(connection, kind, subjectId, clock.wall())),
    worker: createWorker({ name: 'intents', step, log, wall: () => clock.wall() }),
    lag: () => readLag(database.connection, clock.wall()),
  };
}

/** Stripe asked to be left alone for so long; an intent that was given up stays so. */
function notBefore(seconds: number, next: Date | null, wall: Date): Date | null {
  if (next === null) return null;
  return new Date(Math.max(next.getTime(), wall.getTime() + seconds * 1_000));
}

/** Stripe's own no; anything else may be different next time. */
function isForGood(error: LatchkeyError): boolean {
  return error.code === 'stripe_declined' || error.code === 'stripe_rejected' || error.code === 'resource_missing';
}

async function claim(
  connection: Connection,
  kinds: readonly string[],
  wall: Date,
): Promise<{ intent: Intent<object>; attempts: number } | null> {
  if (kinds.length === 0) return null;
  const due = await connection
    .selectFrom('intents')
    .select('id')
    .where('status', '=', 'planned')
    .where('kind', 'in', [...kinds])
    .where('next_attempt_at', '<=', wall)
    .orderBy('next_attempt_at')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (due === undefined) return null;
  const lease = new Date(wall.getTime() + LEASE_MS);
  const row = await connection
    .updateTable('intents')
    .set((expression) => ({
      attempts: expression('attempts', '+', 1),
      lease_until: lease,
      next_attempt_at: lease,
    }))
    .where('id', '=', due.id)
    .returning(['id', 'kind', 'subject_id', 'request', 'attempts'])
    .executeTakeFirstOrThrow();
  const intent = { id: row.id, kind: row.kind, subjectId: row.subject_id, request: row.request as object };
  return { intent, attempts: row.attempts };
}

async function takeBack(connection: Connection, kind: string, subjectId: string, wall: Date): Promise<unknown[]> {
  const rows = await connection
    .updateTable('intents')
    .set({
      status: 'failed',
      last_error: 'Taken back: something newer was asked.',
      lease_until: null,
      next_attempt_at: null,
      finished_at: wall,
    })
    .where('kind', '=', kind)
    .where('subject_id', '=', subjectId)
    .where('status', '=', 'planned')
    .returning(['id', 'request', 'created_at'])
    .execute();
  rows.sort((one, other) => one.created_at.getTime() - other.created_at.getTime() || (one.id < other.id ? -1 : 1));
  return rows.map(({ request }) => request);
}

async function nextDue(connection: Connection, kinds: readonly string[]): Promise<Date | null> {
  if (kinds.length === 0) return null;
  const row = await connection
    .selectFrom('intents')
    .select(({ fn }) => fn.min('next_attempt_at').as('at'))
    .where('status', '=', 'planned')
    .where('kind', 'in', [...kinds])
    .executeTakeFirst();
  return row?.at ?? null;
}

async function readLag(connection: Connection, wall: Date): Promise<{ open: number; oldestSeconds: number }> {
  const row = await connection
    .selectFrom('intents')
    .select(({ fn }) => [fn.countAll<number>().as('open'), fn.min('created_at').as('oldest')])
    .where('status', '=', 'planned')
    .executeTakeFirstOrThrow();
  const oldestSeconds = row.oldest === null ? 0 : Math.max(0, (wall.getTime() - row.oldest.getTime()) / 1000);
  return { open: row.open, oldestSeconds };
}

/** Gives back the intents that a process which is gone had in hand. Only where no other process can be at work: on the embedded database. */
export async function releaseIntents(connection: Connection, wall: Date): Promise<void> {
  await connection
    .updateTable('intents')
    .set({ lease_until: null, next_attempt_at: wall })
    .where('status', '=', 'planned')
    .where('lease_until', 'is not', null)
    .execute();
}
