import { describe, expect, it } from 'vitest';
import { parseFraction } from '../fraction.ts';
import { creditCost } from './credit.ts';

describe('units bought in advance', () => {
  it.each([
    ['0.2', 'usd', 5, 2500],
    ['0.2', 'usd', 50, 25_000],
    ['0.3', 'usd', 1, 333],
    ['0.2', 'jpy', 10, 50],
    ['3', 'usd', 2, 67],
  ])('cost, at %s units a %s, for %i units %i', (rate, currency, units, expected) => {
    const unitsPerMajor = parseFraction(rate) ?? { numerator: 0, denominator: 1 };
    const cost = creditCost({ meter: 'hours', currency, unitsPerMajor, custom: null }, units);
    expect(cost).toEqual({ amountCents: expected, currency });
  });
});
