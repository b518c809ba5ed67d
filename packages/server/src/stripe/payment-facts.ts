import type { PaidTerm, PaymentFacts } from '../modules/payments/index.ts';
import type { MirroredPayment } from './mirrored-payments.ts';
import { paysUntil } from './paid-time.ts';
import type { StripeInvoice } from './shapes.ts';

/** What a payment has come to. Which of its events were heard, and in which order, does not show. */
export function paymentFacts({ id, charges, refunds, disputes }: MirroredPayment): PaymentFacts {
  const [charge] = charges.filter(({ status }) => status === 'succeeded');
  return {
    charge: charge?.id ?? refunds[0]?.charge ?? disputes[0]?.charge ?? id,
    paidCents: charge?.amount ?? null,
    refundedCents: refundedCents(charge?.amount_refunded ?? 0, refunds),
    disputes: disputes.map(({ id, status, amount, currency }) => ({
      ...{ id, status },
      amountCents: currency === charge?.currency ? amount : null,
    })),
  };
}

/**
 * The refunds say it themselves, those that came back aside. What the charge counts beyond the refunds that were heard of stems from
 * others that were not.
 */
function refundedCents(countedByCharge: number, refunds: MirroredPayment['refunds']): number {
  const sum = (all: MirroredPayment['refunds']) => all.reduce((cents, { amount }) => cents + amount, 0);
  const standing = refunds.filter(({ status }) => status !== 'failed' && status !== 'canceled');
  return sum(standing) + Math.max(0, countedByCharge - sum(refunds));
}

/** Whether any of it was ever given back or disputed. */
export function isTouched({ charges, refunds, disputes }: MirroredPayment): boolean {
  return refunds.length > 0 || disputes.length > 0 || charges.some(({ amount_refunded }) => amount_refunded > 0);
}

/** The times that a subscription's invoices paid for, each with what became of the money. */
export function paidTerms(
  invoices: readonly StripeInvoice[],
  payments: ReadonlyMap<string, readonly MirroredPayment[]>,
): PaidTerm[] {
  return invoices
    .filter(({ status }) => status === 'paid')
    .map((invoice) => ({
      endsAt: paysUntil(invoice),
      paidCents: invoice.amount_paid,
      payments: (payments.get(invoice.id) ?? []).map(paymentFacts),
    }));
}

/** What was paid for once: its payment is for all the time there is. */
export function paidOnce(payment: MirroredPayment): PaidTerm[] {
  const facts = paymentFacts(payment);
  return [{ endsAt: Number.POSITIVE_INFINITY, paidCents: facts.paidCents, payments: [facts] }];
}
