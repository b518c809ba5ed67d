import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fraction } from './fraction.ts';
import {
  addMoney,
  decimalsOf,
  formatAmount,
  formatMoney,
  money,
  multiplyMoney,
  negateMoney,
  parseMoney,
} from './money.ts';

const currencies = fc.constantFrom('usd', 'eur', 'jpy', 'kwd');
const amounts = fc.integer({ min: -(10 ** 12), max: 10 ** 12 });

describe('money', () => {
  it('is a whole number of a known unit, or not money at all', () => {
    expect(() => money(25.5, 'usd')).toThrow(RangeError);
    expect(() => money(2 ** 53, 'usd')).toThrow(RangeError);
    expect(() => money(Number.NaN, 'usd')).toThrow(RangeError);
    expect(() => money(1, 'USD')).toThrow(RangeError);
  });

  it('never adds two currencies', () => {
    expect(() => addMoney(money(1, 'usd'), money(1, 'eur'))).toThrow('usd and eur');
  });

  it('refuses a sum that would lose a cent', () => {
    expect(() => addMoney(money(Number.MAX_SAFE_INTEGER, 'usd'), money(1, 'usd'))).toThrow(RangeError);
  });

  it('adds in any order, and an amount with its opposite is nothing', () => {
    fc.assert(
      fc.property(amounts, amounts, currencies, (left, right, currency) => {
        const [a, b] = [money(left, currency), money(right, currency)];
        expect(addMoney(a, b)).toEqual(addMoney(b, a));
        expect(addMoney(a, negateMoney(a))).toEqual({ amountCents: 0, currency });
      }),
    );
  });

  it.each([
    [2500, 1, 2, 1250],
    [1, 1, 2, 1],
    [-1, 1, 2, -1],
    [1, 1, 3, 0],
    [2, 1, 3, 1],
    [9900, 10, 31, 3194],
    [4900, 86_399, 2_592_000, 163],
  ])('%i cents times %i/%i is %i: rounded once, a half away from zero', (amount, numerator, denominator, expected) => {
    expect(multiplyMoney(money(amount, 'usd'), fraction(numerator, denominator)).amountCents).toBe(expected);
  });

  it('is off by half a cent at most after a multiplication', () => {
    const factors = fc.record({
      numerator: fc.integer({ min: -1000, max: 1000 }),
      denominator: fc.integer({ min: 1, max: 10 ** 6 }),
    });
    fc.assert(
      fc.property(amounts, factors, (amount, { numerator, denominator }) => {
        const result = multiplyMoney(money(amount, 'usd'), fraction(numerator, denominator)).amountCents;
        const error = 2n * (BigInt(result) * BigInt(denominator) - BigInt(amount) * BigInt(numerator));
        expect(error <= BigInt(denominator) && error >= -BigInt(denominator)).toBe(true);
      }),
    );
  });

  it('reads back every amount it writes', () => {
    fc.assert(
      fc.property(amounts, currencies, (amount, currency) => {
        const value = money(amount, currency);
        expect(parseMoney(formatAmount(value), currency)).toEqual(value);
      }),
    );
  });

  it.each([
    ['25.00', 'usd', 2500],
    ['25', 'usd', 2500],
    ['25.5', 'usd', 2550],
    ['0.01', 'usd', 1],
    ['-0.01', 'usd', -1],
    ['-0', 'usd', 0],
    ['500', 'jpy', 500],
    ['1.234', 'kwd', 1234],
    ['25.001', 'usd', null],
    ['5.0', 'jpy', null],
    ['1e3', 'usd', null],
    ['1,000', 'usd', null],
    ['', 'usd', null],
    [' 1', 'usd', null],
    ['99999999999999.99', 'usd', null],
  ])('reads "%s" %s as %s', (text, currency, expected) => {
    expect(parseMoney(text, currency)?.amountCents ?? null).toBe(expected);
  });

  it.each([
    [2500, 'usd', '25.00 USD'],
    [5, 'usd', '0.05 USD'],
    [-5, 'usd', '-0.05 USD'],
    [500, 'jpy', '500 JPY'],
    [1234, 'kwd', '1.234 KWD'],
  ])('writes %i %s as %s', (amount, currency, expected) => {
    expect(formatMoney(money(amount, currency))).toBe(expected);
  });

  it('knows the currencies that are not counted in hundredths', () => {
    expect(['usd', 'jpy', 'kwd'].map(decimalsOf)).toEqual([2, 0, 3]);
  });
});
