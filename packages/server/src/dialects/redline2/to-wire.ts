import {
  type Balance,
  decimalsOf,
  formatMeterQuantity,
  formatMoney,
  type Meter,
  money,
  type Product,
} from '@latchkey/core';
import type { z } from 'zod';
import type { packagesAnswer } from './schemas.ts';

/** What a licence has of its hours. */
export interface Figures {
  hours_remaining: number;
  purchased_hours: number;
  used_hours: number;
}

/** Hours as a JSON number, to the millionth. */
export function hoursOf(steps: number, meter: Meter): number {
  return Number(formatMeterQuantity(steps, meter));
}

/** What was given and not taken back was purchased, whoever gave it. */
export function figuresOf({ available, granted, returned, used }: Balance, meter: Meter): Figures {
  return {
    hours_remaining: hoursOf(available, meter),
    purchased_hours: hoursOf(granted - returned, meter),
    used_hours: hoursOf(used, meter),
  };
}

/** A key as it may be shown: its beginning, and the last characters. */
export function maskedKey({ keyScheme: { prefix } }: Product, hint: string): string {
  const last = `${'*'.repeat(Math.max(8 - hint.length, 0))}${hint}`;
  return [...(prefix === null ? [] : [prefix]), '********', '********', last].join('-');
}

/** An amount in its currency's major unit, as callers know prices, and exactly. */
export function amountOf(
  amountCents: number,
  currency: string,
): { amount: number; amount_cents: number; currency: string } {
  return { amount: amountCents / 10 ** decimalsOf(currency), amount_cents: amountCents, currency };
}

export function priceText(amountCents: number, currency: string): string {
  return formatMoney(money(amountCents, currency));
}

/** What is for sale: the packs of one meter, and its rate. */
export function packagesView({ packs, creditRates }: Product, meter: string): z.infer<typeof packagesAnswer> {
  const rate = creditRates.find((one) => one.meter === meter);
  return {
    packages: packs
      .filter((pack) => pack.meter === meter)
      .map(({ id, name, quantity, amountCents, currency }) => {
        const { amount } = amountOf(amountCents, currency);
        return { id, name, hours: quantity, price: amount, price_cents: amountCents, currency };
      }),
    hours_per_dollar: rate === undefined ? 0 : rate.unitsPerMajor.numerator / rate.unitsPerMajor.denominator,
    currency: rate?.currency ?? 'usd',
    custom_hours: rate?.custom == null ? null : { minimum: rate.custom.minimum, maximum: rate.custom.maximum },
  };
}
