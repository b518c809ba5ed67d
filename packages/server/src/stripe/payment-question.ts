/** Asking Stripe what a payment was for: when its money was taken back, and nothing that was heard so far says whose licence that is. */

import type { Database, Transaction } from '../db/database.ts';
import type { Outbox } from '../jobs/outbox.ts';
import type { Deliverer } from '../jobs/outbox-delivery.ts';
import type { StripeClient } from './client/index.ts';
import { mirror } from './mirror.ts';
import { findPayment } from './mirrored-payments.ts';
import type { Projector } from './project.ts';

const KIND = 'stripe-payment';

/** Puts the question with the transaction, once for each payment; it is asked after the commit. */
export type AskForPayment = (transaction: Transaction, paymentId: string) => Promise<void>;

export function paymentQuestion(outbox: Outbox): AskForPayment {
  return async (transaction, paymentId) => {
    const effectKey = `stripe-payment:${paymentId}`;
    await outbox.enqueue(transaction, { effectKey, kind: KIND, payload: { paymentId } });
  };
}

/** Fetches the charge of a payment and the invoices it pays, and answers these; what follows is the projection's to say. */
export type PaymentFetch = (paymentId: string) => Promise<{ invoices: string[] }>;

export function createPaymentFetch(options: {
  database: Database;
  client: Pick<StripeClient, 'invoicePaymentsOf' | 'fetch'>;
  projector: Projector;
}): PaymentFetch {
  const { database, client, projector } = options;

  async function chargeOf(paymentId: string): Promise<string | null> {
    const { charges, refunds, disputes } = await findPayment(database.connection, paymentId);
    const told = charges[0]?.id ?? refunds[0]?.charge ?? disputes[0]?.charge ?? null;
    if (told !== null || !paymentId.startsWith('pi_')) return told ?? paymentId;
    const latest = (await client.fetch('payment_intent', paymentId))?.object.latest_charge;
    return typeof latest === 'string' ? latest : null;
  }

  return async (paymentId) => {
    const charge = await chargeOf(paymentId);
    if (charge !== null) await projector.fetchAndProject('charge', charge);
    const invoices: string[] = [];
    if (!paymentId.startsWith('pi_')) return { invoices };
    for (const { object, asOf } of await client.invoicePaymentsOf({ paymentIntent: paymentId })) {
      const invoice = String(object.invoice);
      invoices.push(invoice);
      if ((await mirror.find(database.connection, 'invoice', invoice)) === null) {
        await projector.fetchAndProject('invoice', invoice);
      }
      await projector.projectFetched('invoice_payment', object, asOf);
    }
    return { invoices };
  };
}

export function paymentDeliverer(fetchPayment: PaymentFetch): Record<string, Deliverer> {
  return {
    [KIND]: {
      mode: 'external',
      async deliver({ payload }) {
        await fetchPayment(String(payload.paymentId));
      },
    },
  };
}
