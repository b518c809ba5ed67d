import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHours, formatQuantity, MICROSECONDS_PER_SECOND, parseHours, parseQuantity } from './quantity.ts';

describe('quantities', () => {
  it('reads back every quantity it writes, at every scale', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 0, max: 9 }), (steps, scale) => {
        expect(parseQuantity(formatQuantity(steps, scale), scale)).toBe(steps + 0);
      }),
    );
  });

  it.each([
    ['2.5', 3, 2500],
    ['10', 0, 10],
    ['0.000001', 6, 1],
    ['-1.5', 1, -15],
    ['-0', 0, 0],
    ['0.0000001', 6, null],
    ['1.5', 0, null],
    ['1e308', 6, null],
    ['NaN', 6, null],
    ['Infinity', 6, null],
    ['.5', 1, null],
    ['9007199254740992', 0, null],
  ])('reads "%s" at scale %i as %s', (text, scale, expected) => {
    expect(parseQuantity(text, scale)).toBe(expected);
  });

  it('writes no zeros that say nothing', () => {
    expect([formatQuantity(2500, 3), formatQuantity(2000, 3), formatQuantity(-1, 6), formatQuantity(0, 6)]).toEqual([
      '2.5',
      '2',
      '-0.000001',
      '0',
    ]);
  });
});

describe('hours', () => {
  it('are exact in microseconds, to the millionth of an hour', () => {
    fc.assert(
      fc.property(fc.integer({ min: -(10 ** 12), max: 10 ** 12 }), (millionths) => {
        const text = formatQuantity(millionths, 6);
        expect(formatHours(parseHours(text) ?? Number.NaN)).toBe(text);
      }),
    );
  });

  it('show whole seconds rounded at the sixth place, a half away from zero', () => {
    expect(formatHours(720 * MICROSECONDS_PER_SECOND)).toBe('0.2');
    expect(formatHours(MICROSECONDS_PER_SECOND)).toBe('0.000278');
    expect(formatHours(1800)).toBe('0.000001');
    expect(formatHours(-1800)).toBe('-0.000001');
    expect(formatHours(1799)).toBe('0');
  });

  it('are refused when they have seven decimals or cannot be counted', () => {
    expect([parseHours('0.0000001'), parseHours('9000000000'), parseHours('one')]).toEqual([null, null, null]);
  });
});
