import { describe, expect, it } from 'vitest';
import { createReachability } from '../reachability.ts';
import { usageHeaders } from './headers.ts';
import { createKnownStandings } from './known-standings.ts';

describe('what was last known of a limit', () => {
  let now = 1_000;
  const known = createKnownStandings({ keepMs: 10_000, now: () => now });

  it('is taken from until nothing is left, and whole again once its time has come round', () => {
    known.learn('ada', { limit: 10, remaining: 3, resetsAt: 6_000 });
    expect(known.take('ada', 2)).toMatchObject({ admitted: true, standing: { remaining: 1 } });
    expect(known.take('ada', 2)).toMatchObject({ admitted: false, standing: { remaining: 1 } });
    known.giveBack('ada', 2);
    expect(known.take('ada', 3)).toMatchObject({ admitted: true, standing: { remaining: 0 } });
    now = 6_000;
    expect(known.take('ada', 10)).toMatchObject({ admitted: true, standing: { remaining: 0, limit: 10 } });
    expect(known.take('ada', 1)).toMatchObject({ admitted: false });
  });

  it('is nothing to go by when it is too old, or never was', () => {
    now = 11_001;
    expect(known.take('ada', 1)).toBeNull();
    expect(known.take('bob', 1)).toBeNull();
  });

  it('without a limit stays without one', () => {
    known.learn('eve', { limit: null, remaining: null, resetsAt: null });
    expect(known.take('eve', 1_000_000)).toMatchObject({ admitted: true });
  });
});

describe('a server that is away', () => {
  it('is asked by one now and then, and by all again once it answered', () => {
    let now = 0;
    const reachability = createReachability(() => now);
    expect([reachability.failed(), reachability.failed(), reachability.mayAsk()]).toEqual([false, false, true]);
    expect(reachability.failed()).toBe(true);
    expect(reachability.mayAsk()).toBe(false);
    // However many were under way when it went, it is one finding.
    for (let count = 0; count < 500; count += 1) reachability.failed();
    expect(reachability.retryInMs()).toBeLessThanOrEqual(500);
    now += reachability.retryInMs();
    expect([reachability.mayAsk(), reachability.mayAsk()]).toEqual([true, false]);
    reachability.answered();
    expect([reachability.mayAsk(), reachability.mayAsk()]).toEqual([true, true]);
  });
});

describe('the headers of a limit', () => {
  const about = { meter: 'calls', now: 0 };

  it('say whole seconds and units, and never more than there is', () => {
    expect(usageHeaders({ limit: 10, remaining: 2.75, resetsAt: 1_001 }, about)).toEqual({
      'x-usage-limit': '10',
      'x-usage-used': '7.25',
      'x-usage-remaining': '2.75',
      'ratelimit-policy': '"calls";q=10',
      ratelimit: '"calls";r=2;t=2',
    });
    expect(usageHeaders({ limit: 10, remaining: -3, resetsAt: null }, about)).toMatchObject({
      ratelimit: '"calls";r=0',
    });
  });

  it('say nothing of a limit that is not there', () => {
    expect(usageHeaders({ limit: null, remaining: null, resetsAt: null }, about)).toEqual({});
    expect(Object.keys(usageHeaders({ limit: 0, remaining: 4.5, resetsAt: null }, about))).toEqual([
      'x-usage-remaining',
      'ratelimit',
    ]);
  });

  it('name a meter so that no name breaks out of them', () => {
    const { ratelimit } = usageHeaders({ limit: 1, remaining: 1, resetsAt: null }, { meter: 'a"\r\nb\\é', now: 0 });
    expect(ratelimit).toBe('"a___b__";r=1');
  });
});
