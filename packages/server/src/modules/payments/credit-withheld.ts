import { roundHalfAwayFromZero, toSafeInteger, type WithdrawalPolicy } from '@latchkey/core';
import { type PaymentFacts, withholds } from './taken-back.ts';

/**
 * How much of what was bought in advance is not to be had, by what its payment has come to: the part that was refunded, and the part
 * that is disputed, while it is and once the dispute is lost. It follows from the facts, and from nothing that happened on the way.
 */
export function creditWithheld(
  quantity: number,
  { paidCents, refundedCents, disputes }: PaymentFacts,
  { onRefund, onDispute }: WithdrawalPolicy,
): number {
  const withholding = onDispute === 'keep' ? [] : disputes.filter(({ status }) => withholds(status));
  // Of what nobody has told there is no part, and a dispute may be about all of it.
  if (paidCents === null) return withholding.length > 0 ? quantity : 0;
  const refunded = onRefund === 'keep' ? 0 : refundedCents;
  // Added before they are rounded: a refund and a dispute of the rest are all of it.
  const gone = withholding.reduce((cents, { amountCents }) => cents + (amountCents ?? paidCents), refunded);
  if (gone <= 0) return 0;
  if (gone >= paidCents) return quantity;
  return toSafeInteger(roundHalfAwayFromZero(BigInt(quantity) * BigInt(gone), BigInt(paidCents)));
}
