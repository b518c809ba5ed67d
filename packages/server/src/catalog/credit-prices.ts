/** Whether what is bought in advance can be charged for at once. */

import { creditCost, formatMoney, fraction, type Money, money, parseFraction, smallestCharge } from '@latchkey/core';
import type { FieldPath } from './problem.ts';
import type { Finding } from './shape.ts';
import type { ProductSource } from './source-schema.ts';

type Pack = NonNullable<ProductSource['packs']>[number];
type Rate = NonNullable<ProductSource['credit']>[number];

/** What is wrong with a pack's price: its own, or the one that its meter's rate makes of its quantity. */
export function packPriceFindings(pack: Pack, rates: readonly Rate[], path: FieldPath): Finding[] {
  const rate = rates.find(({ meter }) => meter === pack.meter);
  const currency = pack.currency ?? rate?.currency;
  if (pack.amount !== undefined) {
    return currency === undefined ? [] : tooSmall(money(pack.amount, currency), [...path, 'amount'], 'a larger amount');
  }
  return rate === undefined ? [] : tooSmall(costOf(rate, pack.quantity), [...path, 'quantity'], 'a larger quantity');
}

/** What is wrong with the quantities that customers choose: the largest of them must come to what can be charged. */
export function customPriceFindings(rate: Rate, path: FieldPath): Finding[] {
  if (rate.custom === undefined) return [];
  return tooSmall(costOf(rate, rate.custom.maximum), [...path, 'custom', 'maximum'], 'a larger maximum');
}

function costOf({ meter, currency, units_per_major }: Rate, units: number): Money {
  const unitsPerMajor = parseFraction(String(units_per_major)) ?? fraction(1, 1);
  return creditCost({ meter, currency, unitsPerMajor, custom: null }, units);
}

function tooSmall(price: Money, path: FieldPath, remedy: string): Finding[] {
  const smallest = smallestCharge(price.currency);
  if (price.amountCents >= smallest.amountCents) return [];
  const message = `costs ${formatMoney(price)}, and the least that Stripe charges is ${formatMoney(smallest)}`;
  return [{ path, message, remedy: `Write ${remedy}.` }];
}
