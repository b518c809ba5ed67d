import type { Database, Row } from './database.ts';

/** Something used, as a meter keeps it. Times are seconds since the epoch; the value is a decimal string. */
export type UsageRecord = { at: number; value: string };

type NewUsage = UsageRecord & { meter: string; customer: string; identifier: string; receivedMs: number };

function toRecord(row: Row): UsageRecord {
  return { at: Number(row.at), value: String(row.value) };
}

/** What was reported to meters. */
export class MeterEventStore {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  insert(usage: NewUsage): void {
    this.#database.run(
      'INSERT INTO meter_events (meter, customer, identifier, at, value, received_ms) VALUES (?, ?, ?, ?, ?, ?)',
      usage.meter,
      usage.customer,
      usage.identifier,
      usage.at,
      usage.value,
      usage.receivedMs,
    );
  }

  /** Whether an event with this identifier was received since then. */
  isKnown(identifier: string, sinceMs: number): boolean {
    const sql = 'SELECT 1 FROM meter_events WHERE identifier = ? AND received_ms > ? LIMIT 1';
    return this.#database.get(sql, identifier, sinceMs) !== undefined;
  }

  /** Takes an event back that was received since then; false where there is none that still counts. */
  cancel(meter: string, identifier: string, sinceMs: number): boolean {
    const sql = `UPDATE meter_events SET canceled = 1 WHERE id = (
      SELECT max(id) FROM meter_events WHERE meter = ? AND identifier = ? AND received_ms > ? AND canceled = 0)`;
    return this.#database.run(sql, meter, identifier, sinceMs) > 0;
  }

  /** What a customer used from a time on until before another, in the order in which it was used. */
  between(meter: string, customer: string, from: number, to: number): UsageRecord[] {
    const sql = `SELECT at, value FROM meter_events
      WHERE meter = ? AND customer = ? AND at >= ? AND at < ? AND canceled = 0 ORDER BY at, id`;
    return this.#database.all(sql, meter, customer, from, to).map(toRecord);
  }
}
