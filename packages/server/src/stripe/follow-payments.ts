import type { Transaction } from '../db/database.ts';
import type { Audit } from '../modules/audit/index.ts';
import type { Notifications } from '../modules/notifications/index.ts';
import { mirror } from './mirror.ts';
import { paymentOf } from './mirrored-types.ts';
import type { ProjectionHandlers } from './projection-handlers.ts';
import type { MirroredType, StripeDispute, StripeObject, StripeRefund } from './shapes.ts';
import type { TakenBack } from './taken-back.ts';

/** Of disputes in another status the vendor knows already, or cannot do anything any more. */
const WANTS_AN_ANSWER = ['needs_response', 'warning_needs_response'];

/** Tells of charges, refunds and disputes, in the transaction of the change. */
export function createPaymentHandlers({
  takenBack,
  audit,
  notifications,
}: {
  takenBack: Pick<TakenBack, 'ofPayment'>;
  audit: Audit;
  notifications: Pick<Notifications, 'alertVendor'>;
}): Pick<ProjectionHandlers, 'charge' | 'refund' | 'dispute' | 'invoice_payment'> {
  /** The vendor's own record of it: also of what takes no licence, such as an inquiry that wants an answer. */
  async function record<T extends StripeRefund | StripeDispute>(
    transaction: Transaction,
    { object, previous }: { object: T; previous: T | null },
  ): Promise<void> {
    if (object.status === previous?.status) return;
    const { id, object: subjectType, status, amount, currency, charge, reason } = object;
    const detail = { amount, currency, charge, reason };
    await audit.record(transaction, { action: `${subjectType}.${status}`, subjectType, subjectId: id, detail });
  }

  async function alert(transaction: Transaction, dispute: StripeDispute): Promise<void> {
    const charge = await mirror.find(transaction.connection, 'charge', dispute.charge);
    await notifications.alertVendor(transaction, {
      what: 'dispute',
      object: dispute.id,
      amountCents: dispute.amount,
      currency: dispute.currency,
      customer: charge?.customer ?? null,
      due: answerDue(dispute),
      reason: dispute.reason,
    });
  }

  return {
    charge: (transaction, { object, previous }) =>
      takenBack.ofPayment(transaction, keyOf('charge', object), (previous?.amount_refunded ?? 0) > 0),
    invoice_payment: (transaction, { object }) => takenBack.ofPayment(transaction, keyOf('invoice_payment', object)),
    async refund(transaction, change) {
      await record(transaction, change);
      await takenBack.ofPayment(transaction, keyOf('refund', change.object));
    },
    async dispute(transaction, change) {
      await record(transaction, change);
      if (WANTS_AN_ANSWER.includes(change.object.status)) await alert(transaction, change.object);
      await takenBack.ofPayment(transaction, keyOf('dispute', change.object));
    },
  };
}

/** When Stripe wants the evidence; some disputes want none. */
function answerDue(dispute: StripeDispute): string | null {
  const details = (dispute as { evidence_details?: { due_by?: number | null } | null }).evidence_details;
  return details?.due_by == null ? null : new Date(details.due_by * 1_000).toISOString();
}

function keyOf(type: MirroredType, object: object): string | null {
  return paymentOf(type, object as StripeObject);
}
