/** Where use waits until the server has it. */

import type { UsageEvent, UsageRejection } from '../client/wire.ts';

/** An event that waits. */
export interface SpooledEvent extends UsageEvent {
  /** When it was recorded, by this program's clock. */
  recorded_at?: string | undefined;
}

/** Events from the front of a spool. */
export interface SpooledEvents {
  events: SpooledEvent[];
  /** To be acknowledged, once the server has answered for all of them. */
  position: number;
}

/** A queue of events that keeps what it promised to keep. One recorder uses one spool. */
export interface Spool {
  /** Resolves when the events are kept as safely as this spool keeps them. Throws a SpoolFullError and keeps none of them. */
  append(events: readonly SpooledEvent[]): Promise<void>;
  /** The oldest that are not acknowledged, in the order of their coming. */
  read(limit: number): Promise<SpooledEvents>;
  /** Forgets everything up to a position. */
  acknowledge(position: number): Promise<void>;
  /** Keeps aside what the server refuses for good, so that somebody can look at it. */
  setAside(refused: readonly RefusedEvent[]): Promise<void>;
  /** How many wait. */
  readonly waiting: number;
  close(): Promise<void>;
}

export interface RefusedEvent {
  event: UsageEvent;
  rejection: UsageRejection;
}

/** The spool holds as many events as it was allowed to. */
export class SpoolFullError extends Error {
  override readonly name = 'SpoolFullError';
  readonly limit: number;

  constructor(limit: number, detail = `${limit} events wait for the server already.`) {
    super(`The spool of usage is full: ${detail}`);
    this.limit = limit;
  }
}

export const DEFAULT_SPOOL_LIMIT = 100_000;

/** A spool in memory: it outlives the server's outages, not the program. For browsers and tests. */
export function createMemorySpool({ limit = DEFAULT_SPOOL_LIMIT }: { limit?: number | undefined } = {}): Spool {
  let events: SpooledEvent[] = [];
  let acknowledged = 0;
  return {
    async append(added) {
      if (events.length + added.length > limit) throw new SpoolFullError(limit);
      events.push(...added);
    },
    async read(most) {
      const front = events.slice(0, most);
      return { events: front, position: acknowledged + front.length };
    },
    async acknowledge(position) {
      events = events.slice(Math.max(0, position - acknowledged));
      acknowledged = Math.max(acknowledged, position);
    },
    async setAside() {},
    get waiting() {
      return events.length;
    },
    async close() {},
  };
}
