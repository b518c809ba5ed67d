/** What was last known of each customer's limit, for the time in which nobody can be asked. */

import type { UsageStanding } from './headers.ts';

export interface KnownStandings {
  /** What the server said. */
  learn(owner: string, standing: UsageStanding): void;
  /**
   * Takes from what was last known. Null where nothing was, or it is too long ago: then there is nothing to go by. A limit whose time
   * has come round since is whole again.
   */
  take(owner: string, units: number): { admitted: boolean; standing: UsageStanding } | null;
  /** What was taken was not used after all. */
  giveBack(owner: string, units: number): void;
}

interface Known extends UsageStanding {
  learntAt: number;
}

const MOST_KNOWN = 10_000;

export function createKnownStandings({
  keepMs,
  now = Date.now,
}: {
  keepMs: number;
  now?: (() => number) | undefined;
}): KnownStandings {
  const known = new Map<string, Known>();
  return {
    learn(owner, { limit, remaining, resetsAt }) {
      // Set anew, so that the first of the map is the one that was heard of longest ago.
      known.delete(owner);
      known.set(owner, { limit, remaining, resetsAt, learntAt: now() });
      if (known.size <= MOST_KNOWN) return;
      const [oldest] = known.keys();
      if (oldest !== undefined) known.delete(oldest);
    },
    take(owner, units) {
      const found = known.get(owner);
      if (found === undefined || now() - found.learntAt > keepMs) return null;
      if (found.resetsAt !== null && now() >= found.resetsAt) {
        found.remaining = found.limit;
        found.resetsAt = null;
      }
      const admitted = found.remaining === null || found.remaining >= units;
      if (admitted && found.remaining !== null) found.remaining -= units;
      const { limit, remaining, resetsAt } = found;
      return { admitted, standing: { limit, remaining, resetsAt } };
    },
    giveBack(owner, units) {
      const found = known.get(owner);
      if (found !== undefined && found.remaining !== null) found.remaining += units;
    },
  };
}
