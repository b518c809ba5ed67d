/** Writers side by side, each for accounts of its own: while one waits for the database, another decides. */

import { LatchkeyError, type UsageOutcome } from '@latchkey/core';
import type { GroupWriter } from '../ledger/index.ts';
import type { SubmittedRequest, UsageOperation } from './write-batch.ts';

/** What writes the requests of any account. */
export interface Lanes {
  /**
   * What became of each request, in their order, when all are committed. Those of one account are decided in their order; those of
   * several may be in transactions of their own. Throws as a `GroupWriter` does, and then some of them may have been done.
   */
  submit(requests: readonly SubmittedRequest[]): Promise<UsageOutcome[]>;
  /** Requests that wait. */
  waiting(): number;
  /** Resolves when nothing waits any more. */
  settled(): Promise<void>;
}

/** Spreads requests over writers by their accounts. No two writers ever want the same account, so that none waits for another's locks. */
export function createLanes(writers: readonly GroupWriter<UsageOperation, UsageOutcome[]>[]): Lanes {
  return {
    async submit(requests) {
      const places = placesByLane(requests, writers.length);
      const outcomes: UsageOutcome[] = new Array(requests.length);
      const submitted = [...places].map(async ([lane, indexes]) => {
        const mine = indexes.length === requests.length ? requests : indexes.flatMap((index) => requests[index] ?? []);
        const answers = (await writers[lane]?.submit({ requests: mine })) ?? [];
        for (const [place, index] of indexes.entries()) outcomes[index] = answered(answers[place]);
      });
      // All of them are waited for, whatever becomes of one: the caller's answer says that nothing is under way any more.
      const settled = await Promise.allSettled(submitted);
      for (const one of settled) if (one.status === 'rejected') throw one.reason;
      return outcomes;
    },
    waiting: () => writers.reduce((sum, writer) => sum + writer.waiting(), 0),
    async settled() {
      await Promise.all(writers.map((writer) => writer.settled()));
    },
  };
}

function placesByLane(requests: readonly SubmittedRequest[], lanes: number): Map<number, number[]> {
  const places = new Map<number, number[]>();
  const laneOf = new Map<string, number>();
  for (const [index, { account }] of requests.entries()) {
    let lane = laneOf.get(account);
    if (lane === undefined) {
      lane = lanes === 1 ? 0 : spread(account) % lanes;
      laneOf.set(account, lane);
    }
    const known = places.get(lane);
    if (known === undefined) places.set(lane, [index]);
    else known.push(index);
  }
  return places;
}

/** A number of an account, the same each time. */
function spread(account: string): number {
  let number = 0;
  for (let index = 0; index < account.length; index += 1)
    number = (number * 31 + account.charCodeAt(index)) % 1_000_003;
  return number;
}

function answered(outcome: UsageOutcome | undefined): UsageOutcome {
  if (outcome === undefined) throw new LatchkeyError('internal', 'The request was left without an answer.');
  return outcome;
}
