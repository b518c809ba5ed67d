import type { CancellationPolicy } from '../catalog/types.ts';
import type { Coverage, Hold } from '../license/state.ts';
import type { Standing, SubscriptionView } from './state.ts';

/** What a subscription's licence must look like. Applying it twice changes nothing: a hold that already bites keeps its moment. */
export interface LicenseCoverage {
  coverage: Coverage;
  /** The licence runs at least until then; null: nothing to extend. */
  expiresAt: number | null;
  /** The payment hold that must stand; null: none may. */
  payment: Pick<Hold, 'effect' | 'effectiveAt' | 'reason'> | null;
  /** The cancellation hold that must stand; null: none may. */
  cancel: Pick<Hold, 'effect' | 'effectiveAt' | 'reason'> | null;
  /** The plan the licence falls back to, without an end, now that what was paid for is used up; null: it stays what it is. */
  fallBackTo: string | null;
}

/** What a licence of this subscription is to look like, derived from the view alone. */
export function coverageFor(view: SubscriptionView, cancellation: CancellationPolicy, now: number): LicenseCoverage {
  const fallBackTo = fallBackPlan(view, cancellation, now);
  return {
    coverage: fallBackTo === null ? coverageOf(view.standing) : 'term',
    expiresAt: view.paidThrough,
    payment: paymentHold(view, now),
    cancel:
      view.standing === 'ended' && cancellation.effect === 'revoke'
        ? { effect: 'revoke', effectiveAt: now, reason: 'The subscription was canceled.' }
        : null,
    fallBackTo,
  };
}

/** What was never paid for falls back to nothing. */
function fallBackPlan(view: SubscriptionView, cancellation: CancellationPolicy, now: number): string | null {
  const end = fallBackAt(view, cancellation);
  return end !== null && now >= end ? cancellation.downgradeTo : null;
}

/** When the licence of an ended subscription falls back to another plan; null where it does not. */
function fallBackAt(view: SubscriptionView, { effect }: CancellationPolicy): number | null {
  return view.standing === 'ended' && effect === 'downgrade' ? view.paidThrough : null;
}

function coverageOf(standing: Standing): Coverage {
  switch (standing) {
    case 'current':
      return 'renewing';
    case 'grace':
    case 'suspended':
    case 'revoked':
      return 'past_due';
    case 'pending':
    case 'ended':
      return 'ended';
  }
}

function paymentHold(view: SubscriptionView, now: number): LicenseCoverage['payment'] {
  switch (view.standing) {
    case 'grace':
    case 'suspended':
      if (view.leavesPlan !== null) return null;
      return view.graceUntil === null
        ? view.standing === 'grace'
          ? null
          : { effect: 'suspend', effectiveAt: now, reason: 'The subscription is paused.' }
        : {
            effect: 'suspend',
            effectiveAt: view.graceUntil,
            reason: 'The subscription is not paid and its grace time is over.',
          };
    case 'revoked':
      return {
        effect: 'revoke',
        effectiveAt: now,
        reason: `${view.failedPayments} attempts to charge the subscription failed.`,
      };
    case 'pending':
    case 'current':
    case 'ended':
      return null;
  }
}

/** A letter that a change of the subscription calls for. `occasion` names it once and for all: the same occasion is never written about twice. */
export interface Letter {
  template:
    | 'subscription-renewed'
    | 'payment-failed'
    | 'payment-reminder'
    | 'payment-recovered'
    | 'subscription-suspended'
    | 'license-revoked'
    | 'subscription-canceled';
  occasion: string;
}

/** What was already known when the change came. */
export interface KnownBefore {
  standing: Standing;
  paidThrough: number | null;
}

/** What is known of a subscription that was never heard of. */
export const NOTHING_KNOWN: KnownBefore = { standing: 'pending', paidThrough: null };

/**
 * The letters for the step from what was known to what is. Occasions name the object and the period, never an event, so that
 * a history told twice or out of order calls for the same letters. A letter about an owed invoice waits until that invoice is
 * known: its occasion could not stay the same otherwise. What was never paid for has no end worth a letter.
 */
export function lettersFor(before: KnownBefore, view: SubscriptionView): Letter[] {
  const letters: Letter[] = [];
  const owed = view.owedInvoice;
  if (before.paidThrough !== null && view.paidThrough !== null && view.paidThrough > before.paidThrough) {
    const recovers = view.isPaidAfterFailure || isLapse(before.standing);
    const template = recovers ? 'payment-recovered' : 'subscription-renewed';
    letters.push({ template, occasion: `until-${view.paidThrough}` });
  }
  if ((view.standing === 'grace' || view.standing === 'suspended') && owed !== null) {
    letters.push({ template: 'payment-failed', occasion: `${owed.id}-attempt-${owed.attemptCount}` });
  }
  if (view.lapse !== null) {
    if (view.isReminderDue) letters.push({ template: 'payment-reminder', occasion: view.lapse });
    if (view.standing === 'suspended') letters.push({ template: 'subscription-suspended', occasion: view.lapse });
    if (view.standing === 'revoked') letters.push({ template: 'license-revoked', occasion: view.lapse });
  }
  if (view.standing === 'ended' && wasEverPaid(before, view)) {
    letters.push({ template: 'subscription-canceled', occasion: 'ended' });
  }
  return letters;
}

function isLapse(standing: Standing): boolean {
  return standing === 'grace' || standing === 'suspended' || standing === 'revoked';
}

function wasEverPaid(before: KnownBefore, view: SubscriptionView): boolean {
  if (view.paidThrough !== null || before.paidThrough !== null) return true;
  return before.standing !== 'pending' && before.standing !== 'ended';
}

/** When the clock alone changes something next: the end of the grace time, or of what was paid before a fall back. */
export function nextTransitionAt(view: SubscriptionView, cancellation: CancellationPolicy, now: number): number | null {
  const next = view.standing === 'grace' ? view.graceUntil : fallBackAt(view, cancellation);
  return next !== null && next > now ? next : null;
}
