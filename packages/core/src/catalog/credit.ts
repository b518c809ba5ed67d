/** What units bought in advance cost, and what is sold of them. */

import { type Fraction, parseFraction, roundHalfAwayFromZero, toSafeInteger } from '../fraction.ts';
import { parseMeterQuantity } from '../ledger/meter-quantity.ts';
import { decimalsOf, formatMoney, type Money, money } from '../money.ts';
import { smallestCharge } from '../smallest-charge.ts';
import type { CreditRate, Meter, Product } from './types.ts';

/** The price of units at a rate, rounded once: 10 hours at 1/5 hour a dollar are 50.00 USD, and 2.5 are 12.50. */
export function creditCost(rate: CreditRate, units: number | Fraction): Money {
  const { numerator, denominator } = typeof units === 'number' ? { numerator: units, denominator: 1 } : units;
  const smallest = 10n ** BigInt(decimalsOf(rate.currency));
  // Exact to the end: the parts of a rate and of a quantity, multiplied, are beyond what a number holds.
  const top = smallest * BigInt(numerator) * BigInt(rate.unitsPerMajor.denominator);
  const bottom = BigInt(denominator) * BigInt(rate.unitsPerMajor.numerator);
  return money(toSafeInteger(roundHalfAwayFromZero(top, bottom)), rate.currency);
}

/** What somebody wants to buy in advance: a pack, or a quantity of a meter. */
export interface CreditOrder {
  readonly pack?: string | undefined;
  /** A decimal in the meter's unit. */
  readonly quantity?: string | undefined;
  /** Left out: the only meter of which custom quantities are sold. */
  readonly meter?: string | undefined;
}

/** What is sold for it. */
export interface CreditOffer {
  readonly meter: Meter;
  /** In the meter's steps. */
  readonly steps: number;
  readonly price: Money;
  /** The pack's id; null for a quantity of the customer's own. */
  readonly pack: string | null;
  /** What it is called where it is paid: `10 hours`. */
  readonly name: string;
}

/** Why nothing is sold for it. */
export interface CreditRefusal {
  readonly code: 'invalid_request' | 'meter_unknown' | 'quantity_invalid';
  readonly path: 'pack' | 'quantity' | 'meter';
  readonly detail: string;
}

/** The largest amount Stripe takes, in the smallest unit. */
const LARGEST_AMOUNT = 99_999_999;

/** What is sold for an order and at what price; or why nothing is. */
export function creditOffer(product: Product, order: CreditOrder): CreditOffer | CreditRefusal {
  if (order.pack !== undefined) return packOffer(product, order.pack, order);
  const rate = rateOf(product, order.meter);
  if ('code' in rate) return rate;
  const meter = product.meters.find(({ id }) => id === rate.meter);
  if (meter === undefined) return refusal('meter_unknown', 'meter', `There is no meter "${rate.meter}".`);
  return quantityOffer(meter, rate, (order.quantity ?? '').trim());
}

function packOffer(product: Product, id: string, { quantity, meter: named }: CreditOrder): CreditOffer | CreditRefusal {
  if (quantity !== undefined) return refusal('invalid_request', 'quantity', 'Name either a pack or a quantity.');
  const pack = product.packs.find((one) => one.id === id);
  const known = product.packs.map((one) => one.id).join(', ') || 'none';
  if (pack === undefined) return refusal('invalid_request', 'pack', `There is no pack "${id}". Sold are: ${known}.`);
  const meter = product.meters.find((one) => one.id === pack.meter);
  if (meter === undefined || (named !== undefined && named !== pack.meter)) {
    return refusal('invalid_request', 'meter', `The pack ${id} is of the meter ${pack.meter}.`);
  }
  const { amountCents, currency, name } = pack;
  const steps = parseMeterQuantity(String(pack.quantity), meter);
  if (steps === null) return refusal('quantity_invalid', 'pack', `The pack ${id} holds more than can be counted.`);
  return { meter, steps, price: money(amountCents, currency), pack: id, name };
}

type SoldByQuantity = CreditRate & { readonly custom: NonNullable<CreditRate['custom']> };

function rateOf(product: Product, meter: string | undefined): SoldByQuantity | CreditRefusal {
  if (meter !== undefined && !product.meters.some(({ id }) => id === meter)) {
    return refusal('meter_unknown', 'meter', `There is no meter "${meter}" in the product ${product.id}.`);
  }
  const sold = product.creditRates.filter(
    (rate): rate is SoldByQuantity => rate.custom !== null && (meter === undefined || rate.meter === meter),
  );
  const [only, another] = sold;
  if (only === undefined) return refusal('invalid_request', 'quantity', 'No quantities of your own are sold here.');
  if (another === undefined) return only;
  return refusal('invalid_request', 'meter', `Name the meter: ${sold.map((rate) => rate.meter).join(', ')}.`);
}

function quantityOffer(meter: Meter, rate: SoldByQuantity, text: string): CreditOffer | CreditRefusal {
  const steps = parseMeterQuantity(text, meter);
  const units = parseFraction(text);
  if (steps === null || units === null) {
    return refusal('quantity_invalid', 'quantity', `Send a number of ${meter.unit}s that the meter can count.`);
  }
  const { minimum, maximum } = rate.custom;
  const least = parseMeterQuantity(String(minimum), meter) ?? 0;
  const most = parseMeterQuantity(String(maximum), meter) ?? Number.MAX_SAFE_INTEGER;
  if (steps < least || steps > most) {
    return refusal('quantity_invalid', 'quantity', `Between ${minimum} and ${maximum} ${meter.unit}s can be bought.`);
  }
  const price = creditCost(rate, units);
  const smallest = smallestCharge(price.currency);
  if (price.amountCents < smallest.amountCents) {
    const detail = `It costs ${formatMoney(price)}, and the least that can be paid at once is ${formatMoney(smallest)}.`;
    return refusal('quantity_invalid', 'quantity', detail);
  }
  if (price.amountCents > LARGEST_AMOUNT) {
    const detail = `It costs ${formatMoney(price)}, which is more than can be paid at once.`;
    return refusal('quantity_invalid', 'quantity', detail);
  }
  const unit = text === '1' ? meter.unit : `${meter.unit}s`;
  return { meter, steps, price, pack: null, name: `${text} ${unit}` };
}

function refusal(code: CreditRefusal['code'], path: CreditRefusal['path'], detail: string): CreditRefusal {
  return { code, path, detail };
}
