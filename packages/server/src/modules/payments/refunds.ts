import { LatchkeyError } from '@latchkey/core';
import type { Connection, Transaction } from '../../db/database.ts';
import type { Audit } from '../audit/index.ts';
import { lockPayment } from './repository.ts';

export type RefundReason = 'duplicate' | 'fraudulent' | 'requested_by_customer';

/** A payment as Stripe has it now. */
export interface RefundablePayment {
  /** Stripe's payment intent, or the charge where there is none. */
  id: string;
  invoice: string | null;
  currency: string;
  paidCents: number;
  refundedCents: number;
}

/** What is asked of Stripe: all of it, so that it can be asked later just as well. */
export interface RefundRequest {
  payment: string;
  amountCents: number;
  reason?: RefundReason;
}

/** The refund that Stripe made. */
export interface MadeRefund {
  id: string;
  status: string | null;
  amountCents: number;
  currency: string;
}

/** Carries a refund to Stripe in three steps: planned, called, recorded. What followed from it is known here when the call returns. */
export interface RefundIntents {
  plan(transaction: Transaction, request: RefundRequest): Promise<{ id: string }>;
  carryOut(planned: { id: string }): Promise<MadeRefund>;
  /** What is already on its way back of this payment, in the smallest unit. */
  openCents(connection: Connection, paymentId: string): Promise<number>;
}

export interface RefundsOptions {
  audit: Audit;
  intents: RefundIntents;
  /** Asks Stripe for what is to be given back; `resource_missing` when it does not know it, `invalid_request` for what was not paid. */
  find(of: { payment: string } | { invoice: string }): Promise<RefundablePayment>;
  licensesOf(paymentId: string): Promise<string[]>;
}

export interface NewRefund {
  of: { payment: string } | { invoice: string };
  /** In the smallest unit; left out: all that is left. */
  amountCents?: number | undefined;
  reason?: RefundReason | undefined;
}

export interface Refund extends MadeRefund {
  payment: string;
  invoice: string | null;
  /** The licences that the payment paid for. Whether they are taken back is the catalog's to say. */
  licenseIds: string[];
}

export type RefundService = ReturnType<typeof createRefunds>;

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

/** Money given back, by the vendor. */
export function createRefunds({ audit, intents, find, licensesOf }: RefundsOptions) {
  return {
    /**
     * Gives back a payment, or a part of it. Errors: `resource_missing`, `invalid_request` for more than is left,
     * `stripe_unavailable`: then it is carried out as soon as Stripe answers.
     */
    async create(input: NewRefund, write: Write): Promise<Refund> {
      const payment = await find(input.of);
      const planned = await write(async (transaction) => {
        await lockPayment(transaction.connection, payment.id);
        const open = await intents.openCents(transaction.connection, payment.id);
        const amountCents = amountOf(input, payment, open);
        const request = { payment: payment.id, amountCents, ...(input.reason ? { reason: input.reason } : {}) };
        const intent = await intents.plan(transaction, request);
        const detail = { intent: intent.id, amount: amountCents, currency: payment.currency, reason: input.reason };
        await audit.record(transaction, {
          action: 'payment.refund_asked',
          subjectType: 'payment',
          subjectId: payment.id,
          detail,
        });
        return intent;
      });
      const made = await intents.carryOut(planned).catch(explain);
      return { ...made, payment: payment.id, invoice: payment.invoice, licenseIds: await licensesOf(payment.id) };
    },
  };
}

function amountOf(input: NewRefund, { id, paidCents, refundedCents }: RefundablePayment, open: number): number {
  const left = paidCents - refundedCents - open;
  const path = 'invoice' in input.of ? 'invoice' : 'payment';
  if (left <= 0) throw new LatchkeyError('invalid_request', `The payment ${id} was given back already.`, { path });
  const amount = input.amountCents ?? left;
  if (amount <= left) return amount;
  throw new LatchkeyError('invalid_request', `Of the payment ${id} no more than ${left} can be given back.`, {
    path: 'amount',
    meta: { left },
  });
}

/** Stripe's no to a refund is about what was asked, and nothing that is wrong with Stripe. */
function explain(error: unknown): never {
  const isAboutTheRequest =
    error instanceof LatchkeyError &&
    error.code === 'stripe_rejected' &&
    (error.meta?.stripe_code === 'charge_disputed' || error.meta?.stripe_code === 'charge_already_refunded');
  if (isAboutTheRequest) throw new LatchkeyError('invalid_request', error.detail, { path: 'payment', cause: error });
  throw error;
}
