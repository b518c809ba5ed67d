import type { Database } from '../store/database.ts';

/**
 * The sandbox clock: the wall clock plus an offset kept in the state file. It never goes back, not even when the wall
 * clock does. While due work is carried out it stands at that work's own due time.
 */
export class Clock {
  readonly #database: Database;
  #offsetMs: number;
  #floorMs: number;
  #standingMs: number | undefined;

  constructor(database: Database) {
    this.#database = database;
    this.#offsetMs = Number(database.meta('clock_offset_ms') ?? 0);
    // No earlier than the newest object, should the wall clock have been set back while nothing ran.
    const newest = Number(database.get('SELECT max(created) AS created FROM objects')?.created ?? 0);
    this.#floorMs = Math.max(Number(database.meta('clock_floor_ms') ?? 0), newest * 1000);
  }

  nowMs(): number {
    if (this.#standingMs !== undefined) return this.#standingMs;
    this.#floorMs = Math.max(this.#floorMs, Date.now() + this.#offsetMs);
    return this.#floorMs;
  }

  /** Whole seconds, as Stripe's `created` counts them. */
  now(): number {
    return Math.floor(this.nowMs() / 1000);
  }

  moveTo(ms: number): void {
    this.#offsetMs = ms - Date.now();
    this.#floorMs = Math.max(this.#floorMs, ms);
    this.#database.setMeta('clock_offset_ms', String(this.#offsetMs));
    this.#database.setMeta('clock_floor_ms', String(this.#floorMs));
  }

  /** Runs `body` while the clock stands at `ms`. */
  standingAt<T>(ms: number, body: () => T): T {
    this.#standingMs = ms;
    try {
      return body();
    } finally {
      this.#standingMs = undefined;
    }
  }

  reset(): void {
    this.#offsetMs = 0;
    this.#floorMs = 0;
  }
}
