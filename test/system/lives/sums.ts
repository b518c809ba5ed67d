/**
 * What is charged, worked out from what Stripe documents (https://docs.stripe.com/billing/subscriptions/prorations): a change gives back
 * what is left of the old price and charges what is left of the new one, by the second, each line rounded to the cent.
 */

export interface Period {
  /** In seconds, as Stripe counts. */
  start: number;
  end: number;
}

/** What is left of a price at a second of its period. */
export function leftOf(cents: number, { start, end }: Period, at: number): number {
  return Math.round((cents * (end - at)) / (end - start));
}

/** What a change within a period costs; below zero where it gives back. */
export function changeCents(from: number, to: number, period: Period, at: number): number {
  return leftOf(to, period, at) - leftOf(from, period, at);
}

/** The second a period that begins with `start` ends: the same day of a later month, or the last that month has. */
export function periodEnd(start: number, months: number): number {
  const from = new Date(start * 1_000);
  const month = from.getUTCMonth() + months;
  const lastDay = new Date(Date.UTC(from.getUTCFullYear(), month + 1, 0)).getUTCDate();
  const end = new Date(from);
  end.setUTCFullYear(from.getUTCFullYear(), month, Math.min(from.getUTCDate(), lastDay));
  return end.getTime() / 1_000;
}
