import { LatchkeyError } from '@latchkey/core';
import type { Database } from '../db/database.ts';
import type { RefundablePayment, RefundIntents, RefundRequest } from '../modules/payments/index.ts';
import type { StripeClient } from './client/index.ts';
import type { Intent, Intents } from './intents.ts';
import { type KeptAnswer, keepAnswer, projectAnswer } from './kept-answer.ts';
import { findPayment } from './mirrored-payments.ts';
import { paymentOf } from './mirrored-types.ts';
import { paymentFacts } from './payment-facts.ts';
import type { PaymentFetch } from './payment-question.ts';
import type { Projector } from './project.ts';
import type { StripeRefund } from './shapes.ts';

export interface RefundIntentsOptions {
  database: Database;
  client: StripeClient;
  intents: Intents;
  projector: Projector;
  fetchPayment: PaymentFetch;
}

/** Refunds as intents: money goes back once for each, whatever breaks in between; the answer is projected, so that the licence follows at once. */
export function createRefundIntents({ intents, projector, fetchPayment }: RefundIntentsOptions): RefundIntents {
  const planner = intents.register<RefundRequest, KeptAnswer>('refund.create', {
    async call(stripe, request, key) {
      return keepAnswer(await stripe.createRefund(request, key));
    },
    // The answer is projected by whoever carried it out, and the events that Stripe sends say the same.
    async record() {},
    crashPoints: { planned: 'refund.planned', called: 'refund.called' },
  });
  return {
    plan: (transaction, request) => planner.plan(transaction, request.payment, request),
    async openCents(connection, paymentId) {
      const open = await planner.open(connection, paymentId);
      return open.reduce((cents, { amountCents }) => cents + amountCents, 0);
    },
    async carryOut(planned) {
      const { request } = planned as Intent<RefundRequest>;
      const kept = await planner.carryOut(planned as Intent<RefundRequest>);
      await projectAnswer(projector, 'refund', kept);
      await fetchPayment(request.payment);
      const { id, status, amount, currency } = kept.object as unknown as StripeRefund;
      return { id, status, amountCents: amount, currency };
    },
  };
}

/** Finds out what is to be given back, as Stripe has it now. */
export function createRefundSearch({ database, client, projector, fetchPayment }: RefundIntentsOptions) {
  async function read(id: string): Promise<RefundablePayment | null> {
    const { invoices } = await fetchPayment(id);
    const payment = await findPayment(database.connection, id);
    const charge = payment.charges.find(({ status }) => status === 'succeeded');
    if (charge === undefined) return null;
    const { refundedCents } = paymentFacts(payment);
    const [invoice = null] = invoices;
    return { id, invoice, currency: charge.currency, paidCents: charge.amount, refundedCents };
  }

  async function ofPayment(name: string): Promise<RefundablePayment> {
    const type = name.startsWith('pi_') ? 'payment_intent' : 'charge';
    const known = await client.fetch(type, name);
    if (known === null) throw missing(`There is no payment ${name}.`);
    const id = type === 'charge' ? (paymentOf('charge', known.object) ?? name) : name;
    const payment = await read(id);
    if (payment !== null) return payment;
    throw new LatchkeyError('invalid_request', `The payment ${name} was not paid.`, { path: 'payment' });
  }

  async function ofInvoice(invoice: string): Promise<RefundablePayment> {
    if ((await projector.fetchAndProject('invoice', invoice)) === 'missing') {
      throw missing(`There is no invoice ${invoice}.`);
    }
    const paid: RefundablePayment[] = [];
    for (const { object } of await client.invoicePaymentsOf({ invoice })) {
      const id = paymentOf('invoice_payment', object);
      const payment = id === null ? null : await read(id);
      if (payment !== null) paid.push({ ...payment, invoice });
    }
    const [first] = paid;
    if (first === undefined) {
      throw new LatchkeyError('invalid_request', `The invoice ${invoice} was not paid through Stripe.`, {
        path: 'invoice',
      });
    }
    const [left, another] = paid.filter(({ paidCents, refundedCents }) => refundedCents < paidCents);
    if (another === undefined) return left ?? first;
    const payments = paid.map(({ id }) => id);
    throw new LatchkeyError(
      'invalid_request',
      `The invoice ${invoice} was paid in several payments; name one of them: ${payments.join(', ')}.`,
      { path: 'invoice', meta: { payments } },
    );
  }

  return (of: { payment: string } | { invoice: string }): Promise<RefundablePayment> =>
    'invoice' in of ? ofInvoice(of.invoice) : ofPayment(of.payment);
}

function missing(detail: string): LatchkeyError {
  return new LatchkeyError('resource_missing', detail);
}
