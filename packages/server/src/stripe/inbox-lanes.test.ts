import { describe, expect, it } from 'vitest';
import { createLanes, type Lane } from './inbox-lanes.ts';

const BATCH = 10;

/** Waiting events by customer: work takes some of a lane, and holds the lane until it is let go on. */
function backlog(customers: number, each: number) {
  const waiting = Array.from({ length: customers }, () => each);
  const held: (number | null)[] = [];
  const together: (number | null)[][] = [];
  return {
    together,
    left: () => waiting.reduce((sum, count) => sum + count, 0),
    async work(lane: Lane | null): Promise<number> {
      held.push(lane?.number ?? null);
      together.push([...held]);
      await new Promise((resolve) => setImmediate(resolve));
      let took = 0;
      for (const [customer, count] of waiting.entries()) {
        if (lane !== null && customer % lane.of !== lane.number) continue;
        const now = Math.min(count, BATCH - took);
        waiting[customer] = count - now;
        took += now;
      }
      held.splice(held.indexOf(lane?.number ?? null), 1);
      return took;
    },
  };
}

async function round(share: ReturnType<typeof createLanes>, work: (lane: Lane | null) => Promise<number>) {
  while ((await share(work)) > 0);
}

describe('the lanes of a backlog', () => {
  it('are left alone while little waits: one claim takes everything', async () => {
    const events = backlog(3, 2);
    await round(createLanes({ of: 4, batchSize: BATCH }), events.work);
    expect(events.left()).toBe(0);
    expect(events.together).toEqual([[null], [null]]);
  });

  it('are each taken by one round at a time, and all of them in the end', async () => {
    const share = createLanes({ of: 4, batchSize: BATCH });
    const events = backlog(8, 30);
    await share(events.work);
    await Promise.all([round(share, events.work), round(share, events.work), round(share, events.work)]);
    expect(events.left()).toBe(0);
    expect(events.together.every((lanes) => new Set(lanes).size === lanes.length)).toBe(true);
    expect(events.together.some((lanes) => lanes.length === 3)).toBe(true);
  });

  it('are given up when the backlog is done, also when work on one of them failed', async () => {
    const share = createLanes({ of: 2, batchSize: BATCH });
    const events = backlog(2, 10);
    await share(events.work);
    await expect(share(() => Promise.reject(new Error('no database')))).rejects.toThrow('no database');
    await round(share, events.work);
    expect(events.left()).toBe(0);
    await share(events.work);
    expect(events.together.at(-1)).toEqual([null]);
  });
});
