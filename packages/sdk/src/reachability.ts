/** Remembers that the server is away, so that not every request waits to find it out again. */

import { type Backoff, backoffMs } from './waiting.ts';

export interface Reachability {
  /** Whether to ask now. While the server is away only one asks now and then, for all. */
  mayAsk(): boolean;
  /** When the next may ask, in milliseconds from now. */
  retryInMs(): number;
  answered(): void;
  /** Answers whether the server now counts as away. */
  failed(): boolean;
}

/** Failures in a row after which the server counts as away: a single one may be a connection that was reset. */
const FAILURES_UNTIL_AWAY = 3;
const PAUSE: Backoff = { firstMs: 500, longestMs: 10_000 };

export function createReachability(now: () => number = Date.now): Reachability {
  let failures = 0;
  let nextAt = 0;
  let failedAt = Number.NEGATIVE_INFINITY;
  const isAway = () => failures >= FAILURES_UNTIL_AWAY;
  const pause = () => {
    nextAt = now() + backoffMs(PAUSE, failures - FAILURES_UNTIL_AWAY + 1);
  };
  return {
    mayAsk() {
      if (!isAway()) return true;
      if (now() < nextAt) return false;
      // Whoever is told yes asks for all; the others wait for what it finds.
      pause();
      return true;
    },
    retryInMs: () => (isAway() ? Math.max(0, nextAt - now()) : 0),
    answered() {
      failures = 0;
    },
    failed() {
      // Requests that were under way together fail together: they are one finding, not a hundred.
      if (isAway() && now() - failedAt < PAUSE.firstMs / 2) return true;
      failedAt = now();
      failures += 1;
      if (isAway()) pause();
      return isAway();
    },
  };
}
