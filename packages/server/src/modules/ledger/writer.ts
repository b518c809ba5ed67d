import { LatchkeyError, type LedgerOperation, type LedgerOutcome } from '@latchkey/core';
import type { Database, Transaction } from '../../db/database.ts';
import type { Log } from '../../observability/log.ts';

export interface LedgerWriterOptions {
  database: Database;
  log: Log;
  /** Applies operations in a transaction; the writer opens and commits it. */
  apply(transaction: Transaction, operations: readonly LedgerOperation[]): Promise<readonly LedgerOutcome[]>;
  /** Operations in one transaction at most: 250 unless said. */
  batchSize?: number;
  /** Operations that may wait; one more is refused with `overloaded`. 5,000 unless said. */
  queueSize?: number;
  /** How long a caller waits for an operation: 5 seconds unless said. */
  deadlineMs?: number;
}

/** Writes operations of many callers together. */
export interface LedgerWriter {
  /**
   * What became of the operation, once it is committed. Never await it inside a transaction. Throws `overloaded` when too many wait,
   * and `unavailable` when its time is over: it may have been done all the same, and the same operation again tells.
   */
  submit(operation: LedgerOperation): Promise<LedgerOutcome>;
  /** Resolves when nothing waits any more. */
  settled(): Promise<void>;
}

interface Waiting {
  readonly operation: LedgerOperation;
  answered: boolean;
  resolve(outcome: LedgerOutcome): void;
  reject(error: unknown): void;
}

/**
 * Group commit: while one batch is being committed the next one gathers, so that under load a transaction's costs are shared by many and
 * alone an operation waits for nobody. Each caller is answered after the commit of their own operation, and only then.
 */
export function createLedgerWriter(options: LedgerWriterOptions): LedgerWriter {
  const { database, log, apply, batchSize = 250, queueSize = 5_000, deadlineMs = 5_000 } = options;
  let queue: Waiting[] = [];
  let running: Promise<void> | null = null;

  const commit = (operations: readonly LedgerOperation[]): Promise<readonly LedgerOutcome[]> =>
    database.transaction({ actor: { type: 'system', id: 'ledger' } }, (transaction) => apply(transaction, operations));

  /** Operations that fail together are tried one by one, so that only the one at fault fails. */
  async function commitBatch(batch: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await commit(batch.map(({ operation }) => operation));
      answer(batch, outcomes);
    } catch (error) {
      const [only, another] = batch;
      if (only !== undefined && another === undefined) return only.reject(error);
      if (isOutage(error)) return rejectAll(batch, error);
      log.warn(
        { error, operations: batch.length },
        'operations of the ledger failed together and are tried one by one',
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
  }

  async function run(): Promise<void> {
    // Whoever calls in the same turn of the event loop is taken along.
    await Promise.resolve();
    while (queue.length > 0) {
      const batch = queue.slice(0, batchSize).filter(({ answered }) => !answered);
      queue = queue.slice(batchSize);
      if (batch.length > 0) await commitBatch(batch);
    }
    running = null;
  }

  return {
    submit(operation) {
      if (queue.length >= queueSize) return Promise.reject(overloaded());
      return new Promise((resolve, reject) => {
        const waiting = withDeadline({ operation, resolve, reject }, deadlineMs);
        queue.push(waiting);
        running ??= run();
      });
    },
    async settled() {
      while (running !== null) await running;
    },
  };
}

function withDeadline(
  { operation, resolve, reject }: Pick<Waiting, 'operation' | 'resolve' | 'reject'>,
  deadlineMs: number,
): Waiting {
  const end = (): void => {
    waiting.answered = true;
    clearTimeout(timer);
  };
  const waiting: Waiting = {
    operation,
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

function answer(batch: readonly Waiting[], outcomes: readonly LedgerOutcome[]): void {
  for (const [index, { resolve, reject }] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) reject(new Error('An operation of the ledger was left without an answer.'));
    else resolve(outcome);
  }
}

function rejectAll(batch: readonly Waiting[], error: unknown): void {
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
