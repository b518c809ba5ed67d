import type { Database, Transaction } from '../db/database.ts';
import { nextAttempt } from '../jobs/back-off.ts';
import type { StepResult } from '../jobs/worker.ts';
import type { Log } from '../observability/log.ts';
import type { Clock, CrashPoint } from '../ports.ts';
import { type Doubt, type ExplainNothing, mergedByObject, projectBatch } from './inbox-batch.ts';
import { createLanes, type Lane } from './inbox-lanes.ts';
import { claimDue, claimOne, finish, type InboxWork, nextDue, recordFailure } from './inbox-repository.ts';
import type { EventProjector } from './project.ts';
import { asStripe } from './question.ts';

export interface InboxStepOptions {
  database: Database;
  clock: Clock;
  projector: EventProjector;
  log: Log;
  crashPoint: CrashPoint;
  counted(outcome: 'taken' | 'failed' | 'given_up', count?: number): void;
  explain?: ExplainNothing;
}

/** Events projected in one transaction. Larger ones hold the embedded database's only connection for too long. */
const batchSize = 50;
/** Parts of a backlog that can be worked on at the same time: twice the rounds of one process, so that another finds some free. */
const lanes = 8;
/** Questions to Stripe at the same time. */
const fetchesAtOnce = 4;

/**
 * The step of the inbox's worker: takes the oldest events that are due and projects them in one transaction, whose commit is also what
 * makes them done. One that fails is then tried alone, so that it fails alone. Objects in doubt are asked for with no transaction open.
 */
export function createInboxStep(options: InboxStepOptions): () => Promise<StepResult> {
  const { database, clock, projector, log, crashPoint, counted } = options;

  const projectInto = async (transaction: Transaction, work: readonly InboxWork[]): Promise<Doubt[]> => {
    const doubts = await projectBatch(transaction, work, options);
    crashPoint('inbox.projected');
    return doubts;
  };

  const fail = async (event: Pick<InboxWork, 'id' | 'attempts'>, error: unknown): Promise<void> => {
    const wall = clock.wall();
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 1_000);
    const nextAttemptAt = nextAttempt(event.attempts + 1, wall);
    counted(nextAttemptAt === null ? 'given_up' : 'failed');
    const about = { inbox: event.id, attempts: event.attempts + 1, error: reason };
    if (nextAttemptAt === null) log.error(about, 'an event was given up; it can be replayed');
    else log.warn(about, 'an event could not be projected and will be tried again');
    await database.transaction(asStripe, (transaction) =>
      recordFailure(transaction.connection, event.id, { reason, nextAttemptAt, wall }),
    );
  };

  const projectAlone = async (event: InboxWork): Promise<Doubt[]> => {
    try {
      return await database.transaction(asStripe, async (transaction) => {
        const claimed = await claimOne(transaction.connection, event.id);
        return claimed === null ? [] : projectInto(transaction, [claimed]);
      });
    } catch (error) {
      await fail(event, error);
      return [];
    }
  };

  const projectDue = async (lane: Lane | null): Promise<{ work: InboxWork[]; doubts: Doubt[] }> => {
    let work: InboxWork[] = [];
    try {
      const doubts = await database.transaction(asStripe, async (transaction) => {
        work = await claimDue(transaction.connection, clock.wall(), batchSize, lane);
        if (work.length === 0) return [];
        crashPoint('inbox.claimed');
        return projectInto(transaction, work);
      });
      return { work, doubts };
    } catch (error) {
      // Before anything was taken the fault is not an event's.
      if (work.length === 0) throw error;
      if (work.length > 1) log.info({ events: work.length, error }, 'events that failed together are tried one by one');
    }
    const doubts: Doubt[] = [];
    for (const event of work) doubts.push(...(await projectAlone(event)));
    return { work, doubts };
  };

  const resolve = async ({ key, ids, observations }: Doubt, work: readonly InboxWork[]): Promise<void> => {
    try {
      await projector.resolveDoubt(key, observations, async (transaction) => {
        await finish(transaction.connection, ids, { status: 'processed', reason: null, wall: clock.wall() });
        crashPoint('inbox.projected');
      });
    } catch (error) {
      for (const event of work) if (ids.includes(event.id)) await fail(event, error);
    }
  };

  const workOn = async (lane: Lane | null): Promise<number> => {
    const { work, doubts } = await projectDue(lane);
    if (work.length === 0) return 0;
    counted('taken', work.length);
    crashPoint('inbox.committed');
    for (const together of inGroups(mergedByObject(doubts), fetchesAtOnce)) {
      await Promise.all(together.map((doubt) => resolve(doubt, work)));
    }
    return work.length;
  };

  const share = createLanes({ of: lanes, batchSize });
  return async () => {
    if ((await share(workOn)) > 0) return { worked: true };
    return { worked: false, nextAttemptAt: await nextDue(database.connection) };
  };
}

function inGroups<T>(all: readonly T[], size: number): T[][] {
  const groups: T[][] = [];
  for (let start = 0; start < all.length; start += size) groups.push(all.slice(start, start + size));
  return groups;
}
