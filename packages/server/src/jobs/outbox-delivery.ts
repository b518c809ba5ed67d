import { sql } from 'kysely';
import type { Connection, Database, Transaction, TransactionOptions } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { Clock, CrashPoint } from '../ports.ts';
import { nextAttempt } from './back-off.ts';
import type { StepResult } from './worker.ts';

/** A row of the outbox, as a deliverer gets it. */
export interface OutboxRow {
  id: string;
  effectKey: string;
  kind: string;
  payload: Record<string, unknown>;
  /** Attempts so far, this one included. */
  attempts: number;
}

/**
 * How effects of one kind leave. `transactional` writes to this database, in the transaction that marks the row delivered: exactly once.
 * `external` talks to the world (SMTP, HTTP) with no transaction open: at least once, since a crash may fall between the world's answer
 * and our note of it. Either throws to say that it did not work.
 */
export type Deliverer =
  | { mode: 'transactional'; deliver(transaction: Transaction, row: OutboxRow): Promise<void> }
  | { mode: 'external'; deliver(row: OutboxRow): Promise<void> };

export interface OutboxDeliveryOptions {
  database: Database;
  clock: Clock;
  log: Log;
  deliverers: Readonly<Record<string, Deliverer>>;
  crashPoint?: CrashPoint;
}

/** How long a claimed row is its worker's own; longer than any deliverer may take. */
const leaseMs = 30_000;

const asSystem: TransactionOptions = { actor: { type: 'system', id: 'outbox' } };

/** The step of the outbox's worker: takes the oldest row that is due and delivers it. */
export function createOutboxStep(options: OutboxDeliveryOptions): () => Promise<StepResult> {
  const { database, clock, deliverers, crashPoint = () => {} } = options;
  const kinds = Object.keys(deliverers);
  return async () => {
    const claimed = await database.transaction(asSystem, async (transaction) => {
      const row = await claim(transaction, kinds, clock.wall());
      if (row === null) return null;
      crashPoint('outbox.claimed');
      const deliverer = deliverers[row.kind];
      if (deliverer?.mode !== 'transactional') return { row, done: false };
      try {
        await savepoint(transaction, (inner) => deliverer.deliver(inner, row));
      } catch (error) {
        await recordFailure(transaction.connection, row, error, options);
        return { row, done: true };
      }
      await markDelivered(transaction.connection, row, clock.wall());
      crashPoint('outbox.delivered');
      return { row, done: true };
    });
    if (claimed === null) return { worked: false, nextAttemptAt: await nextDue(database.connection, kinds) };
    if (!claimed.done) await deliverExternally(claimed.row, options);
    crashPoint('outbox.committed');
    return { worked: true };
  };
}

/** Gives back rows that a process which is gone had claimed. Only where no other process can be at work: on the embedded database. */
export async function releaseOutboxClaims(connection: Connection): Promise<void> {
  await connection.updateTable('outbox').set({ next_attempt_at: null }).where('status', '=', 'pending').execute();
}

async function claim(transaction: Transaction, kinds: readonly string[], wall: Date): Promise<OutboxRow | null> {
  if (kinds.length === 0) return null;
  const { connection } = transaction;
  const due = await connection
    .selectFrom('outbox')
    .select('id')
    .where('status', '=', 'pending')
    .where('kind', 'in', kinds)
    .where((where) => where.or([where('next_attempt_at', 'is', null), where('next_attempt_at', '<=', wall)]))
    .orderBy('created_at')
    .orderBy('id')
    .limit(1)
    .forUpdate()
    .skipLocked()
    .executeTakeFirst();
  if (due === undefined) return null;
  // The lease is kept even by a delivery within this transaction: its failure is recorded over it.
  const row = await connection
    .updateTable('outbox')
    .set(({ eb }) => ({
      attempts: eb('attempts', '+', 1),
      next_attempt_at: new Date(wall.getTime() + leaseMs),
    }))
    .where('id', '=', due.id)
    .returning(['id', 'effect_key', 'kind', 'payload', 'attempts'])
    .executeTakeFirstOrThrow();
  return {
    id: row.id,
    effectKey: row.effect_key,
    kind: row.kind,
    payload: row.payload as Record<string, unknown>,
    attempts: row.attempts,
  };
}

async function deliverExternally(row: OutboxRow, options: OutboxDeliveryOptions): Promise<void> {
  const { database, clock, deliverers, crashPoint = () => {} } = options;
  const deliverer = deliverers[row.kind];
  if (deliverer?.mode !== 'external') throw new Error(`No deliverer for outbox rows of kind ${row.kind}.`);
  try {
    await deliverer.deliver(row);
  } catch (error) {
    await database.transaction(asSystem, (transaction) => recordFailure(transaction.connection, row, error, options));
    return;
  }
  crashPoint('outbox.delivered');
  await database.transaction(asSystem, (transaction) => markDelivered(transaction.connection, row, clock.wall()));
}

async function markDelivered(connection: Connection, row: OutboxRow, wall: Date): Promise<void> {
  await connection
    .updateTable('outbox')
    .set({ status: 'delivered', next_attempt_at: null, last_error: null, finished_at: wall })
    .where('id', '=', row.id)
    .execute();
}

async function recordFailure(
  connection: Connection,
  row: OutboxRow,
  error: unknown,
  { clock, log }: OutboxDeliveryOptions,
): Promise<void> {
  const wall = clock.wall();
  const message = error instanceof Error ? error.message : String(error);
  const next = nextAttempt(row.attempts, wall);
  const about = { outbox: row.id, kind: row.kind, attempts: row.attempts, error: message };
  if (next === null) log.error(about, 'an effect was given up and is a dead letter now');
  else log.warn(about, 'an effect could not be delivered and will be tried again');
  await connection
    .updateTable('outbox')
    .set({
      status: next === null ? 'dead' : 'pending',
      next_attempt_at: next,
      last_error: message.slice(0, 1_000),
      finished_at: next === null ? wall : null,
    })
    .where('id', '=', row.id)
    .execute();
}

async function nextDue(connection: Connection, kinds: readonly string[]): Promise<Date | null> {
  if (kinds.length === 0) return null;
  const row = await connection
    .selectFrom('outbox')
    .select(({ fn }) => fn.min('next_attempt_at').as('at'))
    .where('status', '=', 'pending')
    .where('kind', 'in', kinds)
    .executeTakeFirst();
  return row?.at ?? null;
}

// What a deliverer did before it failed is undone; the claim and the note of the failure stay.
async function savepoint(transaction: Transaction, work: (inner: Transaction) => Promise<void>): Promise<void> {
  const { connection } = transaction;
  const actions: (() => void)[] = [];
  await sql`SAVEPOINT delivery`.execute(connection);
  try {
    await work({ ...transaction, afterCommit: (action) => void actions.push(action) });
    await sql`RELEASE SAVEPOINT delivery`.execute(connection);
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT delivery`.execute(connection);
    throw error;
  }
  for (const action of actions) transaction.afterCommit(action);
}
