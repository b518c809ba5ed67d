import { roundHalfAwayFromZero, toSafeInteger, type WithdrawalPolicy } from '@latchkey/core';
import { type PaymentFacts, withholds } from './taken-back.ts';

/**
 * How much of what was bought in advance is not to be had, by what its payment has come to: all of it while the payment is disputed and
 * once the dispute is lost; of a refund the part that was refunded. It follows from the facts, and from nothing that happened on the way.
 */
export function creditWithheld(
  quantity: number,
  { paidCents, refundedCents, disputes }: PaymentFacts,
  { onRefund, onDispute }: WithdrawalPolicy,
): number {
  if (onDispute !== 'keep' && disputes.some(({ status }) => withholds(status))) return quantity;
  if (onRefund === 'keep' || refundedCents <= 0 || paidCents === null) return 0;
  if (refundedCents >= paidCents) return quantity;
  return toSafeInteger(roundHalfAwayFromZero(BigInt(quantity) * BigInt(refundedCents), BigInt(paidCents)));
}
