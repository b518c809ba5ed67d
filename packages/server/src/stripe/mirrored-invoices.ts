import { type SqlBool, sql } from 'kysely';
import type { Connection } from '../db/database.ts';
import type {
  BillingFilter,
  BillingPage,
  BillingReader,
  Invoice,
  InvoiceFilter,
  Payment,
} from '../modules/payments/index.ts';
import { type PaymentsByInvoice, paymentsOfInvoices } from './mirrored-payments.ts';
import { paymentFacts } from './payment-facts.ts';
import type { StripeCharge, StripeInvoice } from './shapes.ts';

/** All SQL about lists of invoices and payments in the mirror. */

interface Row<T> {
  data: T;
  customer: string | null;
  subscription: string | null;
}

/** What the mirror knows of invoices and payments, for people and programs. */
export function createBillingReader(connection: Connection): BillingReader {
  return {
    async invoices(filter, page) {
      const rows = await invoiceRows(connection, filter, page);
      const payments = await paymentsOfInvoices(
        connection,
        rows.map(({ data }) => data.id),
      );
      return rows.map((row) => toInvoice(row, payments));
    },
    async invoice(id) {
      const row = await invoiceRow(connection, id);
      return row === null ? null : toInvoice(row, await paymentsOfInvoices(connection, [id]));
    },
    async payments(filter, page) {
      return (await chargeRows(connection, filter, page)).map(toPayment);
    },
  };
}

/** Invoices or charges with whose they are here, not those that Stripe took away. */
function mirrored(connection: Connection, type: 'invoice' | 'charge') {
  // Written out, so that the plan can see that the index of the lists is meant.
  const isWanted = sql<SqlBool>`object.type = ${sql.lit(type)}`;
  return connection
    .selectFrom('stripe_objects as object')
    .leftJoin('customers', (join) => join.on(sql<SqlBool>`customers.stripe_customer_id = object.data ->> 'customer'`))
    .leftJoin('subscriptions', 'subscriptions.reference', 'object.parent_id')
    .where(isWanted)
    .where('object.deleted', '=', false)
    .select(['object.data', 'customers.id as customer', 'subscriptions.id as subscription']);
}

type Query = ReturnType<typeof mirrored>;

/** In the order of the index that lists are read by. */
async function pageOf<T>(query: Query, filter: BillingFilter, { limit, after }: BillingPage): Promise<Row<T>[]> {
  const { customers, status } = filter;
  let page = query;
  if (customers !== undefined) page = page.where(sql<SqlBool>`customers.id = ANY(${[...customers]}::text[])`);
  if (status !== undefined) page = page.where(sql<SqlBool>`object.data ->> 'status' = ${status}`);
  if (after !== null) {
    const created = Math.floor(after.at.getTime() / 1000);
    page = page.where(
      sql<SqlBool>`((object.data ->> 'created')::bigint, object.id) < (${created}::bigint, ${after.id})`,
    );
  }
  const rows = await page
    .orderBy(sql`(object.data ->> 'created')::bigint`, 'desc')
    .orderBy('object.id', 'desc')
    .limit(limit)
    .execute();
  return rows as Row<T>[];
}

function invoiceRows(connection: Connection, filter: InvoiceFilter, page: BillingPage): Promise<Row<StripeInvoice>[]> {
  const { subscription, drafts } = filter;
  let query = mirrored(connection, 'invoice');
  if (subscription !== undefined) {
    query = query.where(
      sql<SqlBool>`object.parent_id = coalesce((SELECT reference FROM subscriptions WHERE id = ${subscription}), ${subscription})`,
    );
  }
  if (!drafts) query = query.where(sql<SqlBool>`object.data ->> 'status' <> 'draft'`);
  return pageOf(query, filter, page);
}

async function invoiceRow(connection: Connection, id: string): Promise<Row<StripeInvoice> | null> {
  const row = await mirrored(connection, 'invoice').where('object.id', '=', id).executeTakeFirst();
  return (row as Row<StripeInvoice> | undefined) ?? null;
}

function chargeRows(connection: Connection, filter: BillingFilter, page: BillingPage): Promise<Row<StripeCharge>[]> {
  return pageOf(mirrored(connection, 'charge'), filter, page);
}

function toInvoice({ data, customer, subscription }: Row<StripeInvoice>, payments: PaymentsByInvoice): Invoice {
  const refunds = (payments.get(data.id) ?? []).map((payment) => paymentFacts(payment).refundedCents);
  return {
    id: data.id,
    number: data.number ?? null,
    status: data.status,
    customerId: customer,
    subscriptionId: subscription,
    stripeSubscriptionId: data.parent?.subscription_details?.subscription ?? null,
    reason: data.billing_reason,
    currency: data.currency,
    subtotalCents: data.subtotal ?? data.total,
    discountCents: sum(data.total_discount_amounts),
    taxCents: sum(data.total_taxes),
    totalCents: data.total,
    dueCents: data.amount_due,
    paidCents: data.amount_paid,
    remainingCents: data.amount_remaining,
    refundedCents: refunds.reduce((cents, refunded) => cents + refunded, 0),
    periodStart: dateOf(data.period_start),
    periodEnd: dateOf(data.period_end),
    lines: data.lines.data.map((line) => ({
      description: line.description ?? null,
      amountCents: line.amount,
      quantity: line.quantity ?? null,
      isProration: line.parent?.subscription_item_details?.proration ?? false,
      periodStart: dateOf(line.period.start),
      periodEnd: dateOf(line.period.end),
    })),
    attempts: data.attempt_count,
    nextAttemptAt: dateOrNull(data.next_payment_attempt),
    hostedUrl: data.hosted_invoice_url ?? null,
    pdfUrl: data.invoice_pdf ?? null,
    createdAt: dateOf(data.created),
    dueAt: dateOrNull(data.due_date),
    finalizedAt: dateOrNull(data.status_transitions.finalized_at),
    paidAt: dateOrNull(data.status_transitions.paid_at),
  };
}

function toPayment({ data, customer }: Row<StripeCharge>): Payment {
  const card = data.payment_method_details?.card;
  return {
    id: data.id,
    paymentIntent: data.payment_intent,
    status: data.status,
    customerId: customer,
    currency: data.currency,
    amountCents: data.amount,
    refundedCents: data.amount_refunded,
    isDisputed: data.disputed,
    card: card == null ? null : { brand: card.brand, last4: card.last4 },
    description: data.description ?? null,
    failure: data.failure_message ?? null,
    receiptUrl: data.receipt_url ?? null,
    createdAt: dateOf(data.created),
  };
}

function sum(amounts: readonly { readonly amount: number }[] | null | undefined): number {
  return (amounts ?? []).reduce((cents, { amount }) => cents + amount, 0);
}

function dateOf(seconds: number): Date {
  return new Date(seconds * 1000);
}

function dateOrNull(seconds: number | null | undefined): Date | null {
  return seconds == null ? null : dateOf(seconds);
}
