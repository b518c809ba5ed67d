import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { projectedUse, trendOf } from './trend.ts';

describe('a trend', () => {
  it('is the slope of a straight line, and never depends on where the line begins', () => {
    const number = fc.integer({ min: -1_000, max: 1_000 });
    fc.assert(
      fc.property(number, number, fc.integer({ min: 3, max: 60 }), (base, slope, count) => {
        const values = Array.from({ length: count }, (_, index) => base + slope * index);
        expect(trendOf(values)?.perSlot).toBeCloseTo(slope, 6);
      }),
    );
  });

  it.each([
    ['rises', [10, 12, 14, 16], 'rising', 2 / 13],
    ['falls', [16, 14, 12, 10], 'falling', -2 / 13],
    ['stays as it is', [100, 101, 99, 100], 'steady', -0.002],
    ['is nothing at all', [0, 0, 0], 'steady', null],
  ])('says when use %s', (_, values, direction, rate) => {
    const trend = trendOf(values);
    expect(trend?.direction).toBe(direction);
    if (rate === null) expect(trend?.rate).toBeNull();
    else expect(trend?.rate).toBeCloseTo(rate, 9);
  });

  it('needs three slots', () => {
    expect(trendOf([1, 100])).toBeNull();
    expect(trendOf([])).toBeNull();
  });
});

describe('what a window will come to', () => {
  const start = new Date('2026-05-01T00:00:00Z');
  const end = new Date('2026-05-31T00:00:00Z');
  const on = (day: string, used: number) => projectedUse({ used, start, end, now: new Date(`2026-05-${day}Z`) });

  it('goes on as it went so far', () => {
    expect(on('11T00:00:00', 100)).toBe(300);
    expect(on('16T00:00:00', 100)).toBe(200);
    expect(on('08T00:00:00', 1)).toBe(4);
  });

  it('is what was used, once it is over', () => {
    expect(on('31T00:00:00', 123)).toBe(123);
    expect(projectedUse({ used: 5, start, end, now: new Date('2026-06-15') })).toBe(5);
  });

  it('is not guessed from its first moments', () => {
    expect(on('01T00:00:00', 1)).toBeNull();
    expect(on('01T07:11:59', 1)).toBeNull();
    expect(on('01T07:12:00', 1)).toBe(100);
    expect(projectedUse({ used: 1, start, end, now: new Date('2026-04-30') })).toBeNull();
  });

  it('is never below what was used', () => {
    const ms = fc.integer({ min: 0, max: end.getTime() - start.getTime() });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), ms, (used, passed) => {
        const projected = projectedUse({ used, start, end, now: new Date(start.getTime() + passed) });
        if (projected !== null) expect(projected).toBeGreaterThanOrEqual(used);
      }),
    );
  });
});
