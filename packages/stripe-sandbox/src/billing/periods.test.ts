import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addPeriods, type Cadence, nextBoundary } from './periods.ts';

const at = (iso: string): number => Date.parse(iso) / 1000;
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19);

/** The first boundaries of a cycle that begins at its anchor. */
function boundaries(anchor: string, cadence: Cadence, count: number): string[] {
  const found: string[] = [];
  let after = at(anchor);
  for (let index = 0; index < count; index += 1) {
    after = nextBoundary(at(anchor), cadence, after);
    found.push(iso(after));
  }
  return found;
}

describe('the boundaries of a billing cycle', () => {
  it.each<[string, string, Cadence, string[]]>([
    [
      'monthly from the 31st: the last day of short months, the 31st again in long ones',
      '2026-01-31T10:15:30Z',
      { interval: 'month', count: 1 },
      ['2026-02-28T10:15:30', '2026-03-31T10:15:30', '2026-04-30T10:15:30', '2026-05-31T10:15:30'],
    ],
    [
      'monthly from the 30th over a leap February',
      '2027-12-30T00:00:00Z',
      { interval: 'month', count: 1 },
      ['2028-01-30T00:00:00', '2028-02-29T00:00:00', '2028-03-30T00:00:00'],
    ],
    [
      'monthly from the 29th in a common year',
      '2026-01-29T23:59:59Z',
      { interval: 'month', count: 1 },
      ['2026-02-28T23:59:59', '2026-03-29T23:59:59'],
    ],
    [
      'quarterly from 30 November',
      '2026-11-30T08:00:00Z',
      { interval: 'month', count: 3 },
      ['2027-02-28T08:00:00', '2027-05-30T08:00:00', '2027-08-30T08:00:00', '2027-11-30T08:00:00'],
    ],
    [
      'yearly from 29 February: the 28th until the next leap year',
      '2028-02-29T12:00:00Z',
      { interval: 'year', count: 1 },
      ['2029-02-28T12:00:00', '2030-02-28T12:00:00', '2031-02-28T12:00:00', '2032-02-29T12:00:00'],
    ],
    [
      'every two weeks',
      '2026-03-01T00:00:00Z',
      { interval: 'week', count: 2 },
      ['2026-03-15T00:00:00', '2026-03-29T00:00:00', '2026-04-12T00:00:00'],
    ],
    [
      'every 10 days',
      '2026-02-25T00:00:00Z',
      { interval: 'day', count: 10 },
      ['2026-03-07T00:00:00', '2026-03-17T00:00:00'],
    ],
  ])('%s', (_what, anchor, cadence, expected) => {
    expect(boundaries(anchor, cadence, expected.length)).toEqual(expected);
  });

  const cadences = fc.record({
    interval: fc.constantFrom<Cadence['interval']>('day', 'week', 'month', 'year'),
    count: fc.integer({ min: 1, max: 12 }),
  });
  const times = fc.integer({ min: 0, max: 4_000_000_000 });

  it('are the first after the given time, and each is a whole number of periods from the anchor', () => {
    fc.assert(
      fc.property(cadences, times, fc.integer({ min: 0, max: 400_000_000 }), (cadence, anchor, later) => {
        const after = anchor + later;
        const next = nextBoundary(anchor, cadence, after);
        expect(next).toBeGreaterThan(after);
        let periods = 0;
        while (addPeriods(anchor, cadence, periods) < next) periods += 1;
        expect(addPeriods(anchor, cadence, periods)).toBe(next);
        if (periods > 0) expect(addPeriods(anchor, cadence, periods - 1)).toBeLessThanOrEqual(after);
      }),
      { numRuns: 300 },
    );
  });

  it('keep the time of day of the anchor', () => {
    fc.assert(
      fc.property(cadences, times, fc.integer({ min: 0, max: 50 }), (cadence, anchor, periods) => {
        expect(addPeriods(anchor, cadence, periods) % 86_400).toBe(anchor % 86_400);
      }),
    );
  });
});
