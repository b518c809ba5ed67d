/** How the use beyond a plan gets onto an invoice, once: what is to be done next for one rate of one period. Instants are milliseconds. */

import type { UnitPrice } from '../catalog/types.ts';
import { overageCents } from './overage-price.ts';

/** What of a period is billed at one rate, and how far that has come. Quantities are steps of the meter. */
export interface OverageAccount {
  readonly windowStart: number;
  readonly windowEnd: number;
  readonly price: UnitPrice;
  readonly stepsOfUnit: number;
  /** What was used beyond the plan. */
  readonly units: number;
  /** What of it Stripe was told of, one way or the other. */
  readonly reported: number;
  /** What of that went to Stripe's meter. */
  readonly metered: number;
  /** What was put on invoices as amounts. */
  readonly itemizedCents: number;
  readonly reportedAt: number | null;
}

/** The subscription that pays for it, as it was last heard of. */
export interface OveragePayer {
  readonly periodStart: number;
  /** Its trial, the one that was or is: it may have begun in mid-life, where somebody moved the day of payment by it. */
  readonly trial: { readonly start: number; readonly end: number } | null;
  readonly hasEnded: boolean;
  /** Whether Stripe counts at this rate for nobody but this subscription of the customer. */
  readonly isMetered: boolean;
}

export type OverageStep =
  | { readonly do: 'wait'; readonly because: string }
  /** Use during a trial is free. */
  | { readonly do: 'waive' }
  /** Report to the meter what it does not know yet, as used at this moment. */
  | { readonly do: 'meter'; readonly from: number; readonly to: number; readonly at: number }
  /** The period is over: see what was billed of it. */
  | { readonly do: 'close' };

/** How often the meter is told while a period runs; near its end, at every look. */
export const REPORT_EVERY_MS = 10 * 60_000;

export function overageStep(account: OverageAccount, payer: OveragePayer, now: number): OverageStep {
  const { windowStart, windowEnd, units, metered, reportedAt } = account;
  const { trial } = payer;
  if (trial !== null && windowStart >= trial.start && windowStart < trial.end) return { do: 'waive' };
  if (payer.hasEnded || payer.periodStart > windowStart) return { do: 'close' };
  if (!payer.isMetered) return { do: 'wait', because: 'It is put on the invoice of the renewal.' };
  if (units <= metered) return { do: 'wait', because: 'Stripe was told of all of it.' };
  const isEarly = reportedAt !== null && now < reportedAt + REPORT_EVERY_MS && now < windowEnd - REPORT_EVERY_MS;
  if (isEarly) return { do: 'wait', because: 'It is told together with what follows.' };
  return { do: 'meter', from: metered, to: units, at: momentWithin(account, now) };
}

/** What Stripe's invoices say of a period that is over. */
export interface OverageStatement {
  /** A draft on which what the meter counted is counted once more before it is final. */
  readonly hasOpenMeasure: boolean;
  /** Whether there is any line of what the meter counted, a draft's or one that is final. */
  readonly hasLines: boolean;
  /** What was billed of what the meter counted. */
  readonly billedCents: number;
}

/** For so long a renewal's invoice may not be there yet, though the subscription is in its next period. */
const INVOICE_MS = 60 * 60_000;

export type OverageClosing =
  | Extract<OverageStep, { do: 'wait' | 'meter' }>
  /** Put an amount on an invoice; below zero gives back. */
  | { readonly do: 'item'; readonly cents: number }
  | { readonly do: 'settled' };

/**
 * What is left to do for a period that is over. Whatever Stripe did not bill of what it was told, because it was told too late or a
 * cancellation threw it away, is billed as an amount: the sum is what was used, to the cent.
 */
export function overageClosing(
  account: OverageAccount,
  payer: OveragePayer,
  { hasOpenMeasure, hasLines, billedCents }: OverageStatement,
  now: number,
): OverageClosing {
  const { units, metered, price, stepsOfUnit, itemizedCents, windowEnd } = account;
  if (hasOpenMeasure && payer.isMetered && units > metered) {
    return { do: 'meter', from: metered, to: units, at: momentWithin(account, windowEnd) };
  }
  if (hasOpenMeasure) return { do: 'wait', because: 'Stripe’s invoice of the period is not final yet.' };
  // What its meter was told, Stripe bills by itself, unless a cancellation threw it away: as an amount too, it would be charged twice.
  if (metered > 0 && !hasLines && !payer.hasEnded && now < payer.periodStart + INVOICE_MS) {
    return { do: 'wait', because: 'Stripe has not begun the invoice of the period yet.' };
  }
  const cents = overageCents(price, units, stepsOfUnit) - billedCents - itemizedCents;
  return cents === 0 ? { do: 'settled' } : { do: 'item', cents };
}

/** Stripe counts in whole seconds, and a period's end belongs to the next. */
function momentWithin({ windowStart, windowEnd }: OverageAccount, at: number): number {
  const last = Math.ceil(windowEnd / 1_000) * 1_000 - 1_000;
  return Math.max(Math.ceil(windowStart / 1_000) * 1_000, Math.min(Math.floor(at / 1_000) * 1_000, last));
}
