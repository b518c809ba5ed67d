import type { WithdrawalPolicy } from '@latchkey/core';
import type { WithdrawalHolds } from '../licenses/index.ts';

/** One payment, as far as it matters to a licence. Amounts are in the smallest unit. */
export interface PaymentFacts {
  /** Names it to people: Stripe's charge. */
  charge: string;
  /** Null while nobody has said. */
  paidCents: number | null;
  refundedCents: number;
  disputes: readonly DisputeFacts[];
}

export interface DisputeFacts {
  id: string;
  status: string;
  /** How much of the payment it is about; null where that is not known: all of it. */
  amountCents: number | null;
}

/** A time that was paid for, and with what. */
export interface PaidTerm {
  /** In milliseconds; null for what pays for no time of the licence. */
  endsAt: number | null;
  /** Null while nobody has said. */
  paidCents: number | null;
  payments: readonly PaymentFacts[];
}

/**
 * Which holds the payments behind a licence call for. It follows from what they have come to, and from nothing that happened on the way.
 *
 * A refund takes the licence when nothing is left of the money for the time that is paid for last: a part that is kept, keeps it, and
 * so does a refund of time that went by before. A dispute takes it while it is open and once it is lost, whichever payment it is about;
 * an inquiry takes nothing.
 */
export function takenBack(terms: readonly PaidTerm[], policy: WithdrawalPolicy): WithdrawalHolds {
  return { refund: refundHold(terms, policy.onRefund), dispute: disputeHold(terms, policy.onDispute) };
}

function refundHold(terms: readonly PaidTerm[], policy: WithdrawalPolicy['onRefund']): WithdrawalHolds['refund'] {
  if (policy === 'keep') return null;
  const current = currentTerms(terms);
  let paid = 0;
  for (const { paidCents } of current) {
    if (paidCents === null) return null;
    paid += paidCents;
  }
  const refunded = current.flatMap(({ payments }) => payments).filter(({ refundedCents }) => refundedCents > 0);
  const givenBack = refunded.reduce((cents, { refundedCents }) => cents + refundedCents, 0);
  if (paid === 0 || givenBack < paid) return null;
  const charges = refunded.map(({ charge }) => charge).toSorted();
  return { effect: policy, reason: `The payment was refunded (${charges.join(', ')}).` };
}

/** Those that reach to the end of the paid time. An upgrade in the middle of a term pays for the same end as the term itself. */
function currentTerms(terms: readonly PaidTerm[]): PaidTerm[] {
  const timed = terms.flatMap(({ endsAt }) => (endsAt === null ? [] : [endsAt]));
  const end = Math.max(...timed);
  return terms.filter(({ endsAt }) => endsAt === end);
}

function disputeHold(terms: readonly PaidTerm[], policy: WithdrawalPolicy['onDispute']): WithdrawalHolds['dispute'] {
  if (policy === 'keep') return null;
  const all = terms
    .flatMap(({ payments }) => payments)
    .flatMap(({ charge, disputes }) => disputes.map((dispute) => ({ charge, ...dispute })))
    .toSorted((one, other) => (one.id < other.id ? -1 : 1));
  const holding = all.filter(({ status }) => withholds(status));
  const deciding = holding.find(({ status }) => status === 'lost') ?? holding[0];
  if (deciding === undefined) return null;
  const { charge, id, status } = deciding;
  const reason = status === 'lost' ? `The dispute of the payment was lost` : `The payment is disputed`;
  return { effect: policy, reason: `${reason} (${charge}, ${id}).` };
}

/** Stripe's list of statuses is open: a new one withholds access until somebody has looked at it. */
export function withholds(status: string): boolean {
  return status !== 'won' && status !== 'prevented' && !status.startsWith('warning_');
}
