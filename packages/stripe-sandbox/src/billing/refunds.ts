import { ApiError, invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Charge, Refund, RefundReason } from '../objects/charge.ts';
import type { Metadata } from '../objects/parts.ts';
import type { Work } from '../work.ts';
import { formatAmount } from './amounts.ts';
import { isChargedBack } from './disputes.ts';
import { testCardOf } from './payment-methods.ts';

/** Brings a refund to its end that the bank takes its time over. */
const SETTLE_TASK = 'refund.settle';
const SETTLES_AFTER_SECONDS = 3600;

function checkRefundable(work: Work, charge: Charge, amount: number): void {
  if (!charge.captured) throw invalidRequest(`Charge ${charge.id} was not successful and cannot be refunded.`);
  const left = charge.amount_captured - charge.amount_refunded;
  if (left === 0) {
    throw new ApiError(400, 'invalid_request_error', `Charge ${charge.id} has already been refunded.`, {
      code: 'charge_already_refunded',
    });
  }
  if (isChargedBack(work, charge)) {
    throw invalidRequest(`Charge ${charge.id} has been charged back; cannot issue a refund.`, {
      code: 'charge_disputed',
    });
  }
  if (amount <= left) return;
  throw invalidRequest(
    `Refund amount (${formatAmount(amount, charge.currency)}) is greater than unrefunded amount on charge (${formatAmount(left, charge.currency)})`,
    { param: 'amount' },
  );
}

function withRefunded(charge: Charge, amount: number): Pick<Charge, 'amount_refunded' | 'refunded'> {
  return { amount_refunded: amount, refunded: amount === charge.amount_captured };
}

/** Gives back a part of a charge, or all that is left of it. Some test cards' banks take their time, or send it back. */
export function createRefund(
  work: Work,
  charge: Charge,
  how: { amount: number | undefined; reason: RefundReason | null; metadata: Metadata },
): Refund {
  const amount = how.amount ?? charge.amount_captured - charge.amount_refunded;
  checkRefundable(work, charge, amount);
  const { refund: fate } = testCardOf(work, work.get('payment_method', charge.payment_method));
  const refund: Refund = {
    id: newId('re_'),
    object: 'refund',
    amount,
    balance_transaction: newId('txn_'),
    charge: charge.id,
    created: work.now,
    currency: charge.currency,
    customer: charge.customer,
    customer_account: null,
    destination_details: {
      card: { reference_status: 'pending', reference_type: 'acquirer_reference_number', type: 'refund' },
      type: 'card',
    },
    metadata: how.metadata,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    ...(fate === 'pending' ? { pending_reason: 'processing' as const } : {}),
    reason: how.reason,
    receipt_number: null,
    source_transfer_reversal: null,
    status: fate === 'pending' ? 'pending' : 'succeeded',
    transfer_reversal: null,
  };
  work.insert(refund, 'refund.created');
  work.update(charge, withRefunded(charge, charge.amount_refunded + amount), 'charge.refunded');
  if (fate !== 'succeeds') work.tasks.schedule(SETTLE_TASK, refund.id, work.now + SETTLES_AFTER_SECONDS);
  return refund;
}

/** Changes a refund and says so, under today's name for it and the older one. */
export function changeRefund(work: Work, refund: Refund, changes: Parameters<typeof work.update<Refund>>[1]): Refund {
  const changed = work.update(refund, changes, 'refund.updated');
  if (changed !== refund) work.emit('charge.refund.updated', changed);
  return changed;
}

function settle(work: Work, id: string): void {
  const refund = work.get('refund', id);
  if (refund.status === 'pending') {
    changeRefund(work, refund, { pending_reason: undefined, status: 'succeeded' });
    return;
  }
  // The money came back: the charge counts as not refunded again, of which Stripe makes no event.
  const charge = work.get('charge', refund.charge);
  work.update(charge, withRefunded(charge, charge.amount_refunded - refund.amount), null);
  const failure = { failure_balance_transaction: newId('txn_'), failure_reason: 'expired_or_canceled_card' };
  work.emit('refund.failed', changeRefund(work, refund, { ...failure, status: 'failed' }));
}

export const REFUND_TASKS = { [SETTLE_TASK]: settle };
