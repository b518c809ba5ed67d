/** Invoices and payments, as the mirror has them: read here, written by Stripe alone. */

/** Whose, and which of them. Left out: everybody's, all of them. */
export interface BillingFilter {
  /** By our ids. */
  customers?: readonly string[] | undefined;
  status?: string | undefined;
}

export interface InvoiceFilter extends BillingFilter {
  /** Our id or Stripe's. */
  subscription?: string | undefined;
  /** Whether those that Stripe has not finished writing are there too. */
  drafts: boolean;
}

export interface BillingPage {
  limit: number;
  /** The last of the page before. */
  after: { at: Date; id: string } | null;
}

export interface Invoice {
  /** Stripe's, `in_…`. */
  id: string;
  number: string | null;
  status: string | null;
  /** Our id; null for somebody who is not known here. */
  customerId: string | null;
  /** Our id; null for what belongs to no subscription of the catalog. */
  subscriptionId: string | null;
  stripeSubscriptionId: string | null;
  reason: string | null;
  currency: string;
  /** Amounts are in the smallest unit. */
  subtotalCents: number;
  discountCents: number;
  taxCents: number;
  totalCents: number;
  dueCents: number;
  paidCents: number;
  remainingCents: number;
  /** What was given back of the payments that paid it. */
  refundedCents: number;
  periodStart: Date;
  periodEnd: Date;
  lines: readonly InvoiceLine[];
  attempts: number;
  nextAttemptAt: Date | null;
  /** Pages of Stripe's for the customer. */
  hostedUrl: string | null;
  pdfUrl: string | null;
  createdAt: Date;
  dueAt: Date | null;
  finalizedAt: Date | null;
  paidAt: Date | null;
}

export interface InvoiceLine {
  description: string | null;
  amountCents: number;
  quantity: number | null;
  isProration: boolean;
  periodStart: Date;
  periodEnd: Date;
}

/** One charge of a card, or of another way to pay, whether it went through or not. */
export interface Payment {
  /** Stripe's, `ch_…`. */
  id: string;
  paymentIntent: string | null;
  status: string;
  customerId: string | null;
  currency: string;
  amountCents: number;
  refundedCents: number;
  isDisputed: boolean;
  card: { brand: string | null; last4: string | null } | null;
  description: string | null;
  failure: string | null;
  receiptUrl: string | null;
  createdAt: Date;
}

export interface BillingReader {
  /** The newest first. */
  invoices(filter: InvoiceFilter, page: BillingPage): Promise<Invoice[]>;
  /** Null for one that Stripe never told of. */
  invoice(id: string): Promise<Invoice | null>;
  /** The newest first. */
  payments(filter: BillingFilter, page: BillingPage): Promise<Payment[]>;
}
