import type { JsonObject } from './json.ts';

/** The version of Stripe's API whose shapes are stored and, unless asked otherwise, answered. */
export const API_VERSION = '2026-10-28.endive';

export type FinalRetryOutcome = 'cancel' | 'past_due' | 'unpaid';

/** What is fixed for the life of a running sandbox. */
export type Settings = {
  apiVersion: string;
  /** The one account, as it is answered. */
  account: JsonObject;
  /** Base of the hosted pages' addresses, without a slash at the end. */
  publicUrl: string;
  renewalFinalizeDelaySeconds: number;
  /** Days from one failed attempt to the next. */
  retryDelaysDays: readonly number[];
  /** Days before a renewal's invoice is made at which `invoice.upcoming` is sent. */
  upcomingDays: number;
  /** Days before and after the day an invoice is due at which that is said. */
  willBeDueDays: number;
  overdueDays: number;
  /** What becomes of the subscription when the last retry has failed. */
  afterFinalRetry: FinalRetryOutcome;
};
