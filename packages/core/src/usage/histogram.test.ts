import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addHistograms,
  bucketBounds,
  durationBucket,
  durationCount,
  durationHistogram,
  LONGEST_DURATION_MS,
  PERCENTILE_ERROR,
  percentile,
} from './histogram.ts';

/** As likely to be short as long. */
const duration = fc.integer({ min: 0, max: 30 }).chain((bits) => fc.integer({ min: 0, max: 2 ** bits }));
const durations = fc.array(duration, { minLength: 1, maxLength: 200 });

describe('the buckets of durations', () => {
  it('hold every duration in exactly one, without gap or overlap', () => {
    let next = 0;
    for (let bucket = 0; next <= LONGEST_DURATION_MS; bucket++) {
      const { from, to } = bucketBounds(bucket);
      expect(from).toBe(next);
      expect([durationBucket(from), durationBucket(to)]).toEqual([bucket, bucket]);
      next = to + 1;
    }
    expect(next).toBe(LONGEST_DURATION_MS + 1);
  });

  it.each([
    ['less than none', -5, 0],
    ['a half', 1.5, 2],
    ['the longest', LONGEST_DURATION_MS, 447],
    ['longer than the longest', 1e15, 447],
  ])('take %s', (_, value, bucket) => {
    expect(durationBucket(value)).toBe(bucket);
  });
});

describe('a percentile', () => {
  const exact = (values: readonly number[], percent: number) =>
    values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil((percent * values.length) / 100)) - 1] ?? Number.NaN;

  it('is never further from the exact one than the error it states', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom(0, 1, 50, 90, 95, 99, 100), (values, percent) => {
        const truth = exact(values, percent);
        const told = percentile(durationHistogram(values), percent) ?? Number.NaN;
        expect(Math.abs(told - truth)).toBeLessThanOrEqual(truth * PERCENTILE_ERROR);
      }),
    );
  });

  it('is exact below 32 ms', () => {
    const values = Array.from({ length: 32 }, (_, index) => index);
    expect([50, 95, 99].map((percent) => percentile(durationHistogram(values), percent))).toEqual([15, 30, 31]);
  });

  it('of nothing is none', () => {
    expect(percentile({}, 95)).toBeNull();
  });
});

describe('histograms added up', () => {
  it('say what one over everything would have said', () => {
    fc.assert(
      fc.property(fc.array(durations, { maxLength: 5 }), (parts) => {
        const sum = addHistograms(parts.map(durationHistogram));
        expect(sum).toEqual(durationHistogram(parts.flat()));
        expect(durationCount(sum)).toBe(parts.flat().length);
      }),
    );
  });
});
