/**
 * Counts that several processes share through Redis. Each counts in its own memory and at once; what it counted is told to Redis a
 * moment later, and the sum of all comes back with the answer. So nobody waits, and each is behind the others by one exchange.
 */

import { KEY_PREFIX, type Redis } from './connection.ts';

/** What one process knows of one caller in one window of time. */
export interface SharedWindow {
  /** What is counted. */
  readonly name: string;
  readonly caller: string;
  readonly endsAt: number;
  /** What this process counted. */
  count: number;
  /** What the others are known to have counted. */
  others: number;
}

export interface SharedCounts {
  /** Says that a window has counted something. Never waits. */
  note(window: SharedWindow): void;
  /** Tells and asks now, instead of in a moment. */
  exchange(): Promise<void>;
  close(): void;
}

export interface SharedCountsOptions {
  redis: Redis;
  /** Makes of a caller what nobody can read back. */
  hash: (text: string) => Uint8Array;
  wallMs: () => number;
  /** A new one each time: names the memory of a Redis that has none yet. */
  memoryName: () => string;
}

/** The pause between two exchanges while something is being counted. */
const EVERY_MS = 200;
/** Windows of one exchange. */
const MOST_TOLD = 5_000;
/** Windows that wait for theirs. Those that find no room are noted with their next count. */
const MOST_WAITING = 20_000;
/** Clocks of processes may differ by that much. */
const SPARE_MS = 30_000;
/** Redis forgets when it is started again without a disk; then this has another value, and what was told is told again. */
const MEMORY_KEY = `${KEY_PREFIX}memory`;

/** What was told of a window, and to which memory. */
interface Told {
  key: string;
  memory: string | null;
  count: number;
}

export function createSharedCounts({ redis, hash, wallMs, memoryName }: SharedCountsOptions): SharedCounts {
  const waiting = new Set<SharedWindow>();
  const told = new WeakMap<SharedWindow, Told>();
  let memory: string | null = null;
  let timer: NodeJS.Timeout | undefined;
  let current: Promise<void> | null = null;
  let isClosed = false;

  const keyOf = ({ name, caller, endsAt }: SharedWindow): string =>
    `${KEY_PREFIX}count:${name}:${endsAt}:${Buffer.from(hash(`${name}/${caller}`))
      .toString('base64url')
      .slice(0, 22)}`;

  function schedule(): void {
    if (timer !== undefined || isClosed || waiting.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      void exchange();
    }, EVERY_MS).unref();
  }

  /** Takes what is to be told, and forgets windows that are over. */
  function take(now: number): { window: SharedWindow; told: Told; more: number }[] {
    const batch = [];
    for (const window of waiting) {
      if (window.endsAt <= now) waiting.delete(window);
      else if (redis.isThere && batch.length < MOST_TOLD) {
        waiting.delete(window);
        let one = told.get(window);
        if (one === undefined || one.memory !== memory) one = { key: one?.key ?? keyOf(window), memory, count: 0 };
        told.set(window, one);
        batch.push({ window, told: one, more: window.count - one.count });
      }
    }
    return batch;
  }

  async function tell(): Promise<void> {
    const now = wallMs();
    const batch = take(now);
    if (batch.length === 0) return;
    const counts = batch.flatMap(({ window, told: { key }, more }) => [
      ['INCRBY', key, String(more)],
      ['PEXPIRE', key, String(window.endsAt - now + SPARE_MS)],
    ]);
    const answers = await redis.ask([['SET', MEMORY_KEY, memoryName(), 'NX'], ['GET', MEMORY_KEY], ...counts]);
    if (answers === null) {
      for (const { window } of batch) if (waiting.size < MOST_WAITING) waiting.add(window);
      return;
    }
    memory = String(answers[1]);
    for (const [index, { window, told: one, more }] of batch.entries()) {
      const isForgotten = one.memory !== memory && one.count > 0;
      one.count = isForgotten ? more : one.count + more;
      one.memory = memory;
      // Within a window counts only grow; what a Redis that forgot does not say stays known.
      window.others = Math.max(window.others, Number(answers[2 + 2 * index]) - one.count);
      if (isForgotten) waiting.add(window);
    }
  }

  function exchange(): Promise<void> {
    current ??= tell().finally(() => {
      current = null;
      schedule();
    });
    return current;
  }

  return {
    note(window) {
      if (waiting.size >= MOST_WAITING) return;
      waiting.add(window);
      schedule();
    },
    exchange,
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}
