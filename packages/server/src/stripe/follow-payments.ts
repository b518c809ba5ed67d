import type { Transaction } from '../db/database.ts';
import type { Audit } from '../modules/audit/index.ts';
import { paymentOf } from './mirrored-types.ts';
import type { ProjectionHandlers } from './projection-handlers.ts';
import type { MirroredType, StripeDispute, StripeObject, StripeRefund } from './shapes.ts';
import type { TakenBack } from './taken-back.ts';

/** Tells of charges, refunds and disputes, in the transaction of the change. */
export function createPaymentHandlers({
  takenBack,
  audit,
}: {
  takenBack: Pick<TakenBack, 'ofPayment'>;
  audit: Audit;
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
      await takenBack.ofPayment(transaction, keyOf('dispute', change.object));
    },
  };
}

function keyOf(type: MirroredType, object: object): string | null {
  return paymentOf(type, object as StripeObject);
}
