import { z } from 'zod';
import type { Invoice, Payment } from '../invoices.ts';

const cents = z.int();
const time = z.string();

export const invoiceAnswer = z.object({
  id: z.string().describe('Stripe’s id, in_….'),
  object: z.literal('invoice'),
  number: z.string().nullable(),
  status: z.string().nullable().describe('draft, open, paid, uncollectible or void.'),
  customer_id: z.string().nullable(),
  subscription_id: z.string().nullable(),
  stripe_subscription_id: z.string().nullable(),
  reason: z.string().nullable().describe('Why Stripe wrote it, such as subscription_cycle.'),
  currency: z.string(),
  subtotal: cents.describe('Amounts are in the currency’s smallest unit.'),
  discount: cents,
  tax: cents,
  total: cents,
  amount_due: cents,
  amount_paid: cents,
  amount_remaining: cents,
  amount_refunded: cents,
  period_start: time,
  period_end: time,
  lines: z
    .array(
      z.object({
        description: z.string().nullable(),
        amount: cents,
        quantity: z.number().nullable(),
        proration: z.boolean(),
        period_start: time,
        period_end: time,
      }),
    )
    .describe('The first of them, as Stripe tells them with the invoice.'),
  attempt_count: z.int(),
  next_payment_attempt: time.nullable(),
  hosted_invoice_url: z.string().nullable().describe('Stripe’s page for the customer, where an open one can be paid.'),
  invoice_pdf: z.string().nullable(),
  created_at: time,
  due_at: time.nullable(),
  finalized_at: time.nullable(),
  paid_at: time.nullable(),
});

export const paymentAnswer = z.object({
  id: z.string().describe('Stripe’s id of the charge, ch_….'),
  object: z.literal('payment'),
  payment_intent: z.string().nullable(),
  status: z.string().describe('succeeded, pending or failed.'),
  customer_id: z.string().nullable(),
  currency: z.string(),
  amount: cents.describe('In the currency’s smallest unit.'),
  amount_refunded: cents,
  disputed: z.boolean(),
  card: z.object({ brand: z.string().nullable(), last4: z.string().nullable() }).nullable(),
  description: z.string().nullable(),
  failure: z.string().nullable().describe('What the bank said, where it said no.'),
  receipt_url: z.string().nullable(),
  created_at: time,
});

const iso = (date: Date | null) => date?.toISOString() ?? null;

export function invoiceView(invoice: Invoice): z.infer<typeof invoiceAnswer> {
  return {
    id: invoice.id,
    object: 'invoice',
    number: invoice.number,
    status: invoice.status,
    customer_id: invoice.customerId,
    subscription_id: invoice.subscriptionId,
    stripe_subscription_id: invoice.stripeSubscriptionId,
    reason: invoice.reason,
    currency: invoice.currency,
    subtotal: invoice.subtotalCents,
    discount: invoice.discountCents,
    tax: invoice.taxCents,
    total: invoice.totalCents,
    amount_due: invoice.dueCents,
    amount_paid: invoice.paidCents,
    amount_remaining: invoice.remainingCents,
    amount_refunded: invoice.refundedCents,
    period_start: invoice.periodStart.toISOString(),
    period_end: invoice.periodEnd.toISOString(),
    lines: invoice.lines.map((line) => ({
      description: line.description,
      amount: line.amountCents,
      quantity: line.quantity,
      proration: line.isProration,
      period_start: line.periodStart.toISOString(),
      period_end: line.periodEnd.toISOString(),
    })),
    attempt_count: invoice.attempts,
    next_payment_attempt: iso(invoice.nextAttemptAt),
    hosted_invoice_url: invoice.hostedUrl,
    invoice_pdf: invoice.pdfUrl,
    created_at: invoice.createdAt.toISOString(),
    due_at: iso(invoice.dueAt),
    finalized_at: iso(invoice.finalizedAt),
    paid_at: iso(invoice.paidAt),
  };
}

export function paymentView(payment: Payment): z.infer<typeof paymentAnswer> {
  return {
    id: payment.id,
    object: 'payment',
    payment_intent: payment.paymentIntent,
    status: payment.status,
    customer_id: payment.customerId,
    currency: payment.currency,
    amount: payment.amountCents,
    amount_refunded: payment.refundedCents,
    disputed: payment.isDisputed,
    card: payment.card,
    description: payment.description,
    failure: payment.failure,
    receipt_url: payment.receiptUrl,
    created_at: payment.createdAt.toISOString(),
  };
}
