import type { Connection, Transaction } from '../db/database.ts';
import type { Clock, Ids } from '../ports.ts';

/** Something that is to leave the house when the transaction that decided it has committed. */
export interface Effect {
  /** Names the effect once and for all (object, transition and period, never an event's id): the same key is one effect. */
  effectKey: string;
  /** Which deliverer takes it. */
  kind: string;
  /** What the deliverer needs: ids, never a license key. */
  payload: Record<string, unknown>;
}

export interface Outbox {
  /** Puts an effect into the outbox with the transaction. False when an effect of this key was there already: it has happened, or will. */
  enqueue(transaction: Transaction, effect: Effect): Promise<boolean>;
}

export interface OutboxOptions {
  ids: Ids;
  clock: Clock;
  /** Wakes this process's outbox worker after the commit; others hear of it by a notice. */
  wake?: () => void;
}

/** What a notice on `latchkey_work` says when the outbox has something new. */
export const outboxNotice = 'outbox';

export function createOutbox({ ids, clock, wake }: OutboxOptions): Outbox {
  return {
    async enqueue(transaction, { effectKey, kind, payload }) {
      const added = await transaction.connection
        .insertInto('outbox')
        .values({
          id: ids.next('out'),
          effect_key: effectKey,
          kind,
          payload: JSON.stringify(payload),
          status: 'pending',
          next_attempt_at: null,
          last_error: null,
          created_at: clock.wall(),
          finished_at: null,
        })
        .onConflict((conflict) => conflict.column('effect_key').doNothing())
        .returning('id')
        .executeTakeFirst();
      if (added === undefined) return false;
      await transaction.notify('latchkey_work', outboxNotice);
      if (wake !== undefined) transaction.afterCommit(wake);
      return true;
    },
  };
}

/** How many effects wait, how many were given up, and how long the oldest has waited. */
export interface OutboxLag {
  pending: number;
  dead: number;
  oldestSeconds: number;
}

export async function readOutboxLag(connection: Connection, wall: Date): Promise<OutboxLag> {
  const row = await connection
    .selectFrom('outbox')
    .select(({ fn }) => [
      fn.countAll<number>().filterWhere('status', '=', 'pending').as('pending'),
      fn.countAll<number>().filterWhere('status', '=', 'dead').as('dead'),
      fn.min('created_at').filterWhere('status', '=', 'pending').as('oldest'),
    ])
    .where('status', 'in', ['pending', 'dead'])
    .executeTakeFirstOrThrow();
  const oldestSeconds = row.oldest === null ? 0 : Math.max(0, (wall.getTime() - row.oldest.getTime()) / 1_000);
  return { pending: row.pending, dead: row.dead, oldestSeconds };
}
