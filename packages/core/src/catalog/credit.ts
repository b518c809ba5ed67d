/** What units bought in advance cost. */

import { fraction } from '../fraction.ts';
import { decimalsOf, type Money, money, multiplyMoney } from '../money.ts';
import type { CreditRate } from './types.ts';

/** The price of a whole number of units at a rate, rounded once: 10 hours at 1/5 hour a dollar are 50.00 USD. */
export function creditCost(rate: CreditRate, units: number): Money {
  const major = money(10 ** decimalsOf(rate.currency), rate.currency);
  const { numerator, denominator } = rate.unitsPerMajor;
  return multiplyMoney(major, fraction(units * denominator, numerator));
}
