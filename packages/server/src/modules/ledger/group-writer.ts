import { LatchkeyError } from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';

export interface GroupWriterOptions<Operation, Outcome> {
  database: Database;
  log: Log;
  /** On whose behalf its transactions act, and what its log says failed. */
  name: string;
  /** Applies operations in a transaction; the writer opens and commits it. An outcome for each, in their order. */
  apply(transaction: Transaction, operations: readonly Operation[]): Promise<readonly Outcome[]>;
  /** What must be there before the transaction begins, in transactions of its own. */
  prepare?(operations: readonly Operation[]): Promise<void>;
  /** How much of a batch an operation is: 1 unless said. */
  weigh?(operation: Operation): number;
  /** How much is in one transaction at most, but for one operation that is more: 250 unless said. */
  batchSize?: number;
  /** How much may wait; more is refused with `overloaded`. 5,000 unless said. */
  queueSize?: number;
  /** How long a caller waits for an operation: 5 seconds unless said. */
  deadlineMs?: number;
  /** Told how much each transaction wrote. */
  wrote?(weight: number): void;
}

/** Writes operations of many callers together. */
export interface GroupWriter<Operation, Outcome> {
  /**
   * What became of the operation, once it is committed. Never await it inside a transaction. Throws `overloaded` when too many wait,
   * and `unavailable` when its time is over: it may have been done all the same, and the same operation again tells.
   */
  submit(operation: Operation): Promise<Outcome>;
  /** How much waits. */
  waiting(): number;
  /** Resolves when nothing waits any more. */
  settled(): Promise<void>;
}

interface Waiting<Operation, Outcome> {
  readonly operation: Operation;
  readonly weight: number;
  answered: boolean;
  resolve(outcome: Outcome): void;
  reject(error: unknown): void;
}

/**
 * Group commit: while one batch is being committed the next one gathers, so that under load a transaction's costs are shared by many and
 * alone an operation waits for nobody. Each caller is answered after the commit of their own operation, and only then.
 */
export function createGroupWriter<Operation, Outcome>(
  options: GroupWriterOptions<Operation, Outcome>,
): GroupWriter<Operation, Outcome> {
  const { weigh = () => 1, batchSize = 250, queueSize = 5_000, deadlineMs = 5_000, wrote } = options;
  const queue: Waiting<Operation, Outcome>[] = [];
  const commitBatch = createCommit(options);
  let running: Promise<void> | null = null;
  let waitingWeight = 0;

  /** The next batch: as many as go together, one at least. */
  function take(): Waiting<Operation, Outcome>[] {
    let weight = 0;
    let count = 0;
    for (const one of queue) {
      if (count > 0 && weight + one.weight > batchSize) break;
      weight += one.weight;
      count += 1;
    }
    waitingWeight -= weight;
    return queue.splice(0, count).filter(({ answered }) => !answered);
  }

  async function run(): Promise<void> {
    // Whoever calls in the same turn of the event loop is taken along.
    await Promise.resolve();
    while (queue.length > 0) {
      const batch = take();
      if (batch.length === 0) continue;
      await commitBatch(batch);
      wrote?.(batch.reduce((sum, { weight }) => sum + weight, 0));
    }
    running = null;
  }

  return {
    submit(operation) {
      const weight = weigh(operation);
      if (waitingWeight > 0 && waitingWeight + weight > queueSize) return Promise.reject(overloaded());
      return new Promise((resolve, reject) => {
        const waiting = withDeadline({ operation, weight, resolve, reject }, deadlineMs);
        queue.push(waiting);
        waitingWeight += weight;
        running ??= run();
      });
    },
    waiting: () => waitingWeight,
    async settled() {
      while (running !== null) await running;
    },
  };
}

/** Operations that fail together are tried one by one, so that only the one at fault fails. */
function createCommit<Operation, Outcome>({
  database,
  log,
  name,
  apply,
  prepare,
}: GroupWriterOptions<Operation, Outcome>) {
  const commit = async (operations: readonly Operation[]): Promise<readonly Outcome[]> => {
    await prepare?.(operations);
    return database.transaction({ actor: { type: 'system', id: name } }, (transaction) =>
      apply(transaction, operations),
    );
  };
  return async (batch: readonly Waiting<Operation, Outcome>[]): Promise<void> => {
    try {
      answer(batch, await commit(batch.map(({ operation }) => operation)));
    } catch (error) {
      const [only, another] = batch;
      if (only !== undefined && another === undefined) return only.reject(error);
      if (isOutage(error)) return rejectAll(batch, error);
      log.warn(
        { error, operations: batch.length },
        `operations of the ${name} failed together and are tried one by one`,
      );
      for (const [index, one] of batch.entries()) {
        try {
          answer([one], await commit([one.operation]));
        } catch (itsOwn) {
          if (isOutage(itsOwn)) return rejectAll(batch.slice(index), itsOwn);
          one.reject(itsOwn);
        }
      }
    }
  };
}

function withDeadline<Operation, Outcome>(
  { operation, weight, resolve, reject }: Omit<Waiting<Operation, Outcome>, 'answered'>,
  deadlineMs: number,
): Waiting<Operation, Outcome> {
  const end = (): void => {
    waiting.answered = true;
    clearTimeout(timer);
  };
  const waiting: Waiting<Operation, Outcome> = {
    operation,
    weight,
    answered: false,
    resolve(outcome) {
      end();
      resolve(outcome);
    },
    reject(error) {
      end();
      reject(error);
    },
  };
  const timer = setTimeout(() => waiting.reject(tooLate()), deadlineMs);
  return waiting;
}

function answer<Operation, Outcome>(batch: readonly Waiting<Operation, Outcome>[], outcomes: readonly Outcome[]): void {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) reject(new Error('An operation was left without an answer.'));
    else resolve(outcome);
  }
}

function rejectAll<Operation, Outcome>(batch: readonly Waiting<Operation, Outcome>[], error: unknown): void {
  for (const { reject } of batch) reject(error);
}

/** The database is away, which no operation is at fault for. Classes 08, 53 and 57 of SQLSTATE, and what the driver says. */
function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (/^(timeout exceeded when trying to connect|Connection terminated)/.test(error.message)) return true;
  return 'code' in error && typeof error.code === 'string' && /^(08|53|57)|^E[A-Z]/.test(error.code);
}

function overloaded(): LatchkeyError {
  return new LatchkeyError('overloaded', 'Too many operations wait to be written. Try again.', {
    retryAfterSeconds: 1,
  });
}

function tooLate(): LatchkeyError {
  return new LatchkeyError(
    'unavailable',
    'It took too long to be written. It may have been done all the same: send it again under the same key to know.',
    { retryAfterSeconds: 1 },
  );
}
