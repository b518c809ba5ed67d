import type { Event } from '../objects/event.ts';
import type { Database, Row } from './database.ts';

/** How deliveries are treated from now on; see the control API. */
type DeliveryMode = 'drop' | 'duplicate' | 'hold' | 'normal' | 'shuffle';
export const DELIVERY_MODES = ['normal', 'hold', 'duplicate', 'shuffle', 'drop'] as const;

/**
 * - `pending`: to be sent at `nextAttemptMs` of the sandbox clock
 * - `held`: kept back on purpose until flushed
 * - `delivered`, `failed` (given up), `dropped` (on purpose), `canceled` (its endpoint is gone): finished
 */
type DeliveryState = 'canceled' | 'delivered' | 'dropped' | 'failed' | 'held' | 'pending';

export type Delivery = {
  id: number;
  event: string;
  eventType: string;
  endpoint: string;
  state: DeliveryState;
  attempts: number;
  createdMs: number;
  nextAttemptMs: number;
  responseStatus: number | null;
  error: string | null;
};

function toDelivery(row: Row): Delivery {
  return {
    id: Number(row.id),
    event: String(row.event),
    eventType: String(row.event_type),
    endpoint: String(row.endpoint),
    state: String(row.state) as DeliveryState,
    attempts: Number(row.attempts),
    createdMs: Number(row.created_ms),
    nextAttemptMs: Number(row.next_attempt_ms),
    responseStatus: row.response_status === null ? null : Number(row.response_status),
    error: row.error === null ? null : String(row.error),
  };
}

/** Which event still has to reach, or has reached, which endpoint. Written in the transaction that makes the event. */
export class DeliveryStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  mode(): DeliveryMode {
    const stored = this.#database.meta('delivery_mode');
    return DELIVERY_MODES.find((mode) => mode === stored) ?? 'normal';
  }

  setMode(mode: DeliveryMode): void {
    this.#database.setMeta('delivery_mode', mode);
  }

  enqueue(event: Event, endpoint: string, nowMs: number): void {
    const mode = this.mode();
    const copies = mode === 'duplicate' ? 2 : 1;
    const state: DeliveryState =
      mode === 'drop' ? 'dropped' : mode === 'hold' || mode === 'shuffle' ? 'held' : 'pending';
    for (let copy = 0; copy < copies; copy += 1) {
      this.#database.run(
        `INSERT INTO deliveries (event, event_type, endpoint, state, created_ms, next_attempt_ms)
         VALUES (?, ?, ?, ?, ?, ?)`,
        event.id,
        event.type,
        endpoint,
        state,
        nowMs,
        nowMs,
      );
    }
  }

  /** Those to be sent by now, in the order they fell due. */
  due(nowMs: number, limit: number): Delivery[] {
    return this.#database
      .all(
        `SELECT * FROM deliveries WHERE state = 'pending' AND next_attempt_ms <= ? ORDER BY next_attempt_ms, id LIMIT ?`,
        nowMs,
        limit,
      )
      .map(toDelivery);
  }

  held(): Delivery[] {
    return this.#database.all(`SELECT * FROM deliveries WHERE state = 'held' ORDER BY id`).map(toDelivery);
  }

  /** Frees held deliveries; they are sent in the order of `ids`. */
  release(ids: readonly number[], nowMs: number): void {
    for (const [position, id] of ids.entries()) {
      // The due time decides the order of sending, so each is due a millisecond after the one before, all of them by now.
      const due = nowMs - ids.length + position;
      this.#database.run(`UPDATE deliveries SET state = 'pending', next_attempt_ms = ? WHERE id = ?`, due, id);
    }
  }

  /** When the earliest delivery that is not due yet will be tried again. */
  nextDueMs(afterMs: number): number | null {
    const row = this.#database.get(
      `SELECT min(next_attempt_ms) AS next FROM deliveries WHERE state = 'pending' AND next_attempt_ms > ?`,
      afterMs,
    );
    return row?.next === null || row?.next === undefined ? null : Number(row.next);
  }

  counts(nowMs: number): { due: number; waiting: number; held: number } {
    const row = this.#database.get(
      `SELECT count(*) FILTER (WHERE state = 'pending' AND next_attempt_ms <= ?1) AS due,
              count(*) FILTER (WHERE state = 'pending' AND next_attempt_ms > ?1) AS waiting,
              count(*) FILTER (WHERE state = 'held') AS held
       FROM deliveries WHERE state IN ('pending', 'held')`,
      nowMs,
    );
    return { due: Number(row?.due ?? 0), waiting: Number(row?.waiting ?? 0), held: Number(row?.held ?? 0) };
  }

  /** How many deliveries of the event have not succeeded yet: the event's `pending_webhooks`. */
  unfinishedOf(event: string): number {
    const row = this.#database.get(
      `SELECT count(*) AS n FROM deliveries WHERE event = ? AND state IN ('pending', 'held')`,
      event,
    );
    return Number(row?.n ?? 0);
  }

  record(
    id: number,
    outcome: { state: DeliveryState; nextAttemptMs: number; status: number | null; error: string | null },
  ): void {
    this.#database.run(
      `UPDATE deliveries SET state = ?, attempts = attempts + 1, next_attempt_ms = ?, response_status = ?, error = ?
       WHERE id = ? AND state = 'pending'`,
      outcome.state,
      outcome.nextAttemptMs,
      outcome.status,
      outcome.error,
      id,
    );
  }

  /** Deliveries to an endpoint that is gone or disabled are not tried again. */
  cancelFor(endpoint: string): void {
    this.#database.run(
      `UPDATE deliveries SET state = 'canceled' WHERE endpoint = ? AND state IN ('pending', 'held')`,
      endpoint,
    );
  }

  latest(limit: number): Delivery[] {
    return this.#database.all('SELECT * FROM deliveries ORDER BY id DESC LIMIT ?', limit).map(toDelivery);
  }
}
