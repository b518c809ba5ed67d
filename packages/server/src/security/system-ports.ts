import { randomBytes } from 'node:crypto';
import type { Clock, Ids, Randomness } from '../ports.ts';
import { createIds } from './identifiers.ts';

/** The operating system's randomness. */
export const systemRandomness: Randomness = { bytes: (length) => randomBytes(length) };

/** Identifiers by the real clock and the system's randomness. */
export function createSystemIds(): Ids {
  return createIds(Date.now, systemRandomness);
}

/** A clock whose domain time runs ahead of the wall by an offset; `db/clock-store.ts` keeps the offset for every process. */
export interface DomainClock extends Clock {
  readonly offsetMs: number;
  setOffset(milliseconds: number): void;
}

/** A domain clock over the real one, not yet moved. */
export function createClock(wall: () => number = Date.now): DomainClock {
  let offsetMs = 0;
  return {
    now: () => new Date(wall() + offsetMs),
    wall: () => new Date(wall()),
    get offsetMs() {
      return offsetMs;
    },
    setOffset(milliseconds) {
      offsetMs = milliseconds;
    },
  };
}
