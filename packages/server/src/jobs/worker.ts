import { outsideTransactions } from '../db/transaction-guard.ts';
import type { Log } from '../observability/log.ts';

/** What one round of a worker found. */
export interface StepResult {
  /** Whether there was something to do; then the worker asks again at once. */
  worked: boolean;
  /** When the next row falls due by the wall clock, if one waits; asked only when there was nothing to do. */
  nextAttemptAt?: Date | null;
}

export interface WorkerOptions {
  name: string;
  /** Rounds at the same time; 1 unless said. */
  concurrency?: number;
  /** Claims a row or a batch of them (FOR UPDATE SKIP LOCKED) and does it. Failures of a row are recorded in the row, not thrown. */
  step(): Promise<StepResult>;
  log: Log;
  wall: () => Date;
}

/** Empties a queue table: woken by commits, notices, its own timer and a sweep every minute; the table alone knows what is to do. */
export interface Worker {
  readonly name: string;
  start(): void;
  /** There may be work. Cheap, and many calls become one round. */
  wake(): void;
  /** Works, started or not, until nothing due is left and nothing is in flight. Rejects when a round throws. */
  settled(): Promise<void>;
  /** Takes no new row, and resolves when those in flight are done. */
  stop(): Promise<void>;
}

/** Longest wait for which a timer is set; the sweep finds what is due later. */
const longestTimerMs = 60 * 60 * 1_000;
const firstRetryMs = 100;
const lastRetryMs = 30_000;

export function createWorker({ name, concurrency = 1, step, log, wall }: WorkerOptions): Worker {
  let state: 'new' | 'started' | 'stopped' = 'new';
  /** Counts wakes, so that a round which began before one is followed by another. */
  let wakes = 0;
  let active = 0;
  let failures = 0;
  let timer: NodeJS.Timeout | null = null;
  let timerAt = Number.POSITIVE_INFINITY;
  let idle: (() => void) | null = null;
  let waiting: { resolve(): void; reject(error: unknown): void }[] = [];

  const setTimer = (at: number): void => {
    if (state !== 'started' || at >= timerAt) return;
    if (timer !== null) clearTimeout(timer);
    timerAt = at;
    timer = setTimeout(
      () => {
        timer = null;
        timerAt = Number.POSITIVE_INFINITY;
        run();
      },
      Math.min(Math.max(at - wall().getTime(), 0), longestTimerMs),
    );
    timer.unref();
  };

  const round = async (): Promise<void> => {
    while (state !== 'stopped') {
      const seen = wakes;
      const { worked, nextAttemptAt } = await step();
      failures = 0;
      // One round finds an empty table; only where there is work do others join.
      if (worked && active < concurrency) spawn();
      if (worked || seen !== wakes) continue;
      if (nextAttemptAt) setTimer(nextAttemptAt.getTime());
      return;
    }
  };

  const fail = (error: unknown): void => {
    failures += 1;
    const waitMs = Math.min(firstRetryMs * 2 ** (failures - 1), lastRetryMs);
    log.error({ error, worker: name, failures }, 'a worker round failed and will be tried again');
    setTimer(wall().getTime() + waitMs);
    const told = waiting;
    waiting = [];
    for (const { reject } of told) reject(error);
  };

  const spawn = (): void => {
    active += 1;
    // A round must not inherit the transaction of whoever woke it.
    void outsideTransactions(() => round().catch(fail)).finally(() => {
      active -= 1;
      if (active > 0) return;
      const told = waiting;
      waiting = [];
      for (const { resolve } of told) resolve();
      idle?.();
    });
  };

  const run = (): void => {
    wakes += 1;
    if (active === 0) spawn();
  };

  const settled = (): Promise<void> =>
    new Promise((resolve, reject) => {
      if (state === 'stopped') return reject(new Error(`The worker ${name} was stopped.`));
      waiting.push({ resolve, reject });
      run();
    });

  return {
    name,
    start() {
      if (state === 'new') state = 'started';
      run();
    },
    wake() {
      if (state === 'started') run();
    },
    settled,
    async stop() {
      state = 'stopped';
      if (timer !== null) clearTimeout(timer);
      if (active === 0) return;
      await new Promise<void>((resolve) => {
        idle = resolve;
      });
    },
  };
}
