import { type RawBuilder, sql } from 'kysely';
import type { Connection } from '../db/database.ts';
import type { StripeCharge, StripeDispute, StripeRefund } from './shapes.ts';

/** All SQL about payments in the mirror: what was charged, given back and disputed. */

/** Everything that hangs on one payment. */
export interface MirroredPayment {
  /** The payment intent, or the charge where there is none. */
  readonly id: string;
  readonly charges: readonly StripeCharge[];
  readonly refunds: readonly StripeRefund[];
  readonly disputes: readonly StripeDispute[];
}

type Row = { data: StripeCharge | StripeRefund | StripeDispute };

export async function findPayment(connection: Connection, id: string): Promise<MirroredPayment> {
  const { rows } = await sql<Row>`
    SELECT data FROM stripe_objects
    WHERE parent_id = ${id} AND type IN ('charge', 'refund', 'dispute') ORDER BY id
  `.execute(connection);
  return toPayment(id, rows);
}

/** Payments by the invoice they pay. One whose charges are not known yet is there with none. */
export type PaymentsByInvoice = ReadonlyMap<string, readonly MirroredPayment[]>;

/** The payments of a subscription's invoices. */
export function paymentsOfSubscription(connection: Connection, subscriptionId: string): Promise<PaymentsByInvoice> {
  return paymentsOf(connection, sql`parent_id = ${subscriptionId}`);
}

/** The payments of these invoices. */
export async function paymentsOfInvoices(connection: Connection, ids: readonly string[]): Promise<PaymentsByInvoice> {
  return ids.length === 0 ? new Map() : paymentsOf(connection, sql`id = ANY(${[...ids]}::text[])`);
}

async function paymentsOf(connection: Connection, isWanted: RawBuilder<unknown>): Promise<PaymentsByInvoice> {
  // Today an invoice's payments are objects of their own; before 2025-03-31 they were members of the invoice.
  const { rows } = await sql<{ invoice: string; payment: string; data: Row['data'] | null }>`
    WITH invoices AS (
      SELECT id, data FROM stripe_objects WHERE ${isWanted} AND type = 'invoice'
    ), links AS (
      SELECT invoices.id AS invoice, paid.data -> 'payment' AS payment
      FROM invoices JOIN stripe_objects paid ON paid.parent_id = invoices.id AND paid.type = 'invoice_payment'
      UNION ALL
      SELECT invoices.id, member -> 'payment'
      FROM invoices, jsonb_array_elements(
        CASE jsonb_typeof(invoices.data #> '{payments,data}') WHEN 'array' THEN invoices.data #> '{payments,data}' ELSE '[]' END
      ) AS member
    ), payments AS (
      SELECT DISTINCT invoice, coalesce(payment ->> 'payment_intent', payment ->> 'charge') AS payment FROM links
    )
    SELECT payments.invoice, payments.payment, what.data
    FROM payments LEFT JOIN stripe_objects what
      ON what.parent_id = payments.payment AND what.type IN ('charge', 'refund', 'dispute')
    WHERE payments.payment IS NOT NULL ORDER BY what.id
  `.execute(connection);
  const byInvoice = Map.groupBy(rows, ({ invoice }) => invoice);
  return new Map([...byInvoice].map(([invoice, all]) => [invoice, toPayments(all)]));
}

function toPayments(rows: readonly { payment: string; data: Row['data'] | null }[]): MirroredPayment[] {
  const byPayment = Map.groupBy(rows, ({ payment }) => payment);
  return [...byPayment].map(([id, all]) =>
    toPayment(
      id,
      all.flatMap(({ data }) => (data === null ? [] : [{ data }])),
    ),
  );
}

function toPayment(id: string, rows: readonly Row[]): MirroredPayment {
  const charges: StripeCharge[] = [];
  const refunds: StripeRefund[] = [];
  const disputes: StripeDispute[] = [];
  for (const { data } of rows) {
    if (data.object === 'charge') charges.push(data);
    else if (data.object === 'refund') refunds.push(data);
    else disputes.push(data);
  }
  return { id, charges, refunds, disputes };
}
