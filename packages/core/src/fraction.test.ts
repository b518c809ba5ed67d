import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fraction, parseFraction, roundHalfAwayFromZero, toSafeInteger } from './fraction.ts';

describe('fractions', () => {
  it('are kept in lowest terms with the sign above', () => {
    expect(fraction(2, 10)).toEqual({ numerator: 1, denominator: 5 });
    expect(fraction(2, -10)).toEqual({ numerator: -1, denominator: 5 });
    expect(fraction(0, -7)).toEqual({ numerator: 0, denominator: 1 });
  });

  it('have the same value in lowest terms', () => {
    const part = fc.integer({ min: -(10 ** 9), max: 10 ** 9 });
    fc.assert(
      fc.property(part, part.filter(Boolean), (numerator, denominator) => {
        const lowest = fraction(numerator, denominator);
        expect(BigInt(lowest.numerator) * BigInt(denominator)).toBe(BigInt(numerator) * BigInt(lowest.denominator));
        expect(lowest.denominator).toBeGreaterThan(0);
      }),
    );
  });

  it('are made of safe integers only', () => {
    expect(() => fraction(1, 0)).toThrow(RangeError);
    expect(() => fraction(0.2, 1)).toThrow(RangeError);
    expect(() => fraction(2 ** 53, 1)).toThrow(RangeError);
  });

  it.each([
    ['0.2', 1, 5],
    ['12', 12, 1],
    ['-0.125', -1, 8],
    ['3.10', 31, 10],
  ])('read the decimal %s as exactly %i/%i', (text, numerator, denominator) => {
    expect(parseFraction(text)).toEqual({ numerator, denominator });
  });

  it.each(['', 'a', '1e2', '1.', '.5', '0.1234567890123456', '99999999999.99999999'])('do not read "%s"', (text) => {
    expect(parseFraction(text)).toBeNull();
  });
});

describe('rounding', () => {
  it.each([
    [5n, 2n, 3n],
    [-5n, 2n, -3n],
    [5n, -2n, -3n],
    [4n, 3n, 1n],
    [5n, 3n, 2n],
    [0n, 7n, 0n],
  ])('%i/%i is %i: to the nearest, a half away from zero', (numerator, denominator, expected) => {
    expect(roundHalfAwayFromZero(numerator, denominator)).toBe(expected);
  });

  it('refuses what cannot be counted exactly', () => {
    expect(() => roundHalfAwayFromZero(1n, 0n)).toThrow(RangeError);
    expect(() => toSafeInteger(2n ** 53n)).toThrow(RangeError);
    expect(toSafeInteger(2n ** 53n - 1n)).toBe(Number.MAX_SAFE_INTEGER);
  });
});
