import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { monthlyAmountCents } from './mrr.ts';

describe('the month’s share of a recurring price', () => {
  it.each([
    ['25 dollars a month', 2_500, 'month', 1, 2_500],
    ['300 dollars a year', 30_000, 'year', 1, 2_500],
    ['100 dollars a year, rounded to the cent', 10_000, 'year', 1, 833],
    ['75 dollars a quarter', 7_500, 'month', 3, 2_500],
    ['a week times 52/12', 1_200, 'week', 1, 5_200],
    ['two weeks', 1_200, 'week', 2, 2_600],
    ['a day times 365/12', 120, 'day', 1, 3_650],
    ['half a cent away from zero', 6, 'year', 1, 1],
    ['half a cent away from zero, for a credit', -6, 'year', 1, -1],
    ['nothing', 0, 'year', 1, 0],
  ] as const)('%s', (_name, amountCents, interval, count, expected) => {
    expect(monthlyAmountCents(amountCents, interval, count)).toBe(expected);
  });

  it('is a whole number within half a cent of the exact one, and twelve months are a year', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000_000 }), fc.integer({ min: 1, max: 12 }), (amount, count) => {
        const share = monthlyAmountCents(amount, 'month', count);
        expect(Number.isInteger(share)).toBe(true);
        expect(Math.abs(share * count - amount)).toBeLessThanOrEqual(count / 2);
        expect(monthlyAmountCents(amount, 'month', 12)).toBe(monthlyAmountCents(amount, 'year', 1));
      }),
    );
  });

  it('of a fraction of a cent is refused rather than guessed', () => {
    expect(() => monthlyAmountCents(0.5, 'month', 1)).toThrow();
  });
});
