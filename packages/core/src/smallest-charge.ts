/** The least that Stripe charges at once. */

import { type Money, money } from './money.ts';

/**
 * In the smallest unit, https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. The table is by the currency in which an
 * account is paid out: a charge in another one must come to as much after Stripe changed it, at a rate that nobody knows beforehand.
 */
const SMALLEST: ReadonlyMap<string, number> = new Map([
  ...(['usd', 'aud', 'brl', 'cad', 'chf', 'eur', 'inr', 'jpy', 'nzd', 'sgd'] as const).map(
    (currency): [string, number] => [currency, 50],
  ),
  ['gbp', 30],
  ['bgn', 100],
  ['aed', 200],
  ['myr', 200],
  ['pln', 200],
  ['ron', 200],
  ['dkk', 250],
  ['nok', 300],
  ['sek', 300],
  ['hkd', 400],
  ['mxn', 1_000],
  ['thb', 1_000],
  ['czk', 1_500],
  ['huf', 17_500],
]);

/** The least that can be charged at once in a currency; one of its smallest unit where Stripe names no amount. */
export function smallestCharge(currency: string): Money {
  return money(SMALLEST.get(currency) ?? 1, currency);
}
