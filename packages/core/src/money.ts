/** Money: a whole number of a currency's smallest unit. Never a floating amount, never two currencies added. */

import { type Fraction, roundHalfAwayFromZero, toSafeInteger } from './fraction.ts';

export interface Money {
  /** In the currency's smallest unit as Stripe counts it: 2500 is 25.00 USD, 2500 is 2500 JPY. */
  readonly amountCents: number;
  /** ISO 4217 in lower case. */
  readonly currency: string;
}

/** Stripe's currencies without minor units, https://docs.stripe.com/currencies#zero-decimal. */
const WITHOUT_DECIMALS = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf'.split(' '));
/** And those with three, https://docs.stripe.com/currencies#three-decimal. */
const WITH_THREE_DECIMALS = new Set('bhd jod kwd omr tnd'.split(' '));

/** How many decimals an amount of this currency is written with: 0, 2 or 3. */
export function decimalsOf(currency: string): number {
  if (WITHOUT_DECIMALS.has(currency)) return 0;
  return WITH_THREE_DECIMALS.has(currency) ? 3 : 2;
}

/** An amount of money. Throws a RangeError unless it is a whole, safe number of a three-letter lower-case currency. */
export function money(amountCents: number, currency: string): Money {
  if (!Number.isSafeInteger(amountCents)) throw new RangeError(`${amountCents} is not a whole amount of money`);
  if (!/^[a-z]{3}$/.test(currency)) throw new RangeError(`"${currency}" is not a currency code`);
  return { amountCents: amountCents + 0, currency };
}

/** The sum. Throws a RangeError for different currencies or a sum beyond 2^53. */
export function addMoney(left: Money, right: Money): Money {
  if (left.currency !== right.currency) {
    throw new RangeError(`${left.currency} and ${right.currency} cannot be added`);
  }
  return money(left.amountCents + right.amountCents, left.currency);
}

export function negateMoney(amount: Money): Money {
  return money(-amount.amountCents, amount.currency);
}

/** The amount times an exact factor, rounded once, a half away from zero. Throws a RangeError beyond 2^53. */
export function multiplyMoney(amount: Money, factor: Fraction): Money {
  const product = BigInt(amount.amountCents) * BigInt(factor.numerator);
  const rounded = roundHalfAwayFromZero(product, BigInt(factor.denominator));
  return money(toSafeInteger(rounded), amount.currency);
}

/** `25.00` in `usd` is 2500. Null for anything that is not a plain decimal with at most the currency's decimals. */
export function parseMoney(text: string, currency: string): Money | null {
  const decimals = decimalsOf(currency);
  const match = /^(-?)(\d{1,15})(?:\.(\d+))?$/.exec(text);
  const places = match?.[3] ?? '';
  if (match === null || places.length > decimals) return null;
  const amountCents = Number(`${match[1]}${match[2]}${places.padEnd(decimals, '0')}`);
  return Number.isSafeInteger(amountCents) ? money(amountCents, currency) : null;
}

/** `25.00` for 2500 in `usd`: what `parseMoney` reads back. */
export function formatAmount(amount: Money): string {
  const decimals = decimalsOf(amount.currency);
  const digits = String(Math.abs(amount.amountCents)).padStart(decimals + 1, '0');
  const sign = amount.amountCents < 0 ? '-' : '';
  if (decimals === 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** `25.00 USD`, for people and for logs alike. */
export function formatMoney(amount: Money): string {
  return `${formatAmount(amount)} ${amount.currency.toUpperCase()}`;
}
