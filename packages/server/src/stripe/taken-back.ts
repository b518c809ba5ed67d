import { LatchkeyError } from '@latchkey/core';
import type { Connection, Transaction } from '../db/database.ts';
import type { CustomerService } from '../modules/customers/index.ts';
import type { LicenseReader } from '../modules/licenses/index.ts';
import type { CheckoutService, CreditPurchases, FollowPayments } from '../modules/payments/index.ts';
import type { Subscription, SubscriptionService } from '../modules/subscriptions/index.ts';
import { mirror } from './mirror.ts';
import { findPayment, type MirroredPayment, paymentsOfSubscription } from './mirrored-payments.ts';
import { isTouched, paidOnce, paidTerms, paymentFacts } from './payment-facts.ts';
import type { AskForPayment } from './payment-question.ts';

export interface TakenBackOptions {
  subscriptions: () => SubscriptionService;
  customers: CustomerService;
  checkouts: () => CheckoutService;
  credits: Pick<CreditPurchases, 'followPayment' | 'licenseOf'>;
  licenseReader: Pick<LicenseReader, 'findBySubscription' | 'findByOrigin'>;
  followPayments: FollowPayments;
  askForPayment: AskForPayment;
}

/** As many as are followed for one customer. */
const MOST_SUBSCRIPTIONS = 100;

export type TakenBack = ReturnType<typeof createTakenBack>;

/** Finds the licences behind a payment, and lets them follow what became of all the money they were paid with. */
export function createTakenBack(options: TakenBackOptions) {
  const { customers, licenseReader, followPayments, askForPayment } = options;

  /** True when the payment is one of this subscription's. */
  async function followSubscription(
    transaction: Transaction,
    subscription: Subscription,
    paymentId: string | null,
  ): Promise<boolean> {
    const { connection } = transaction;
    const payments = await paymentsOfSubscription(connection, subscription.reference);
    const all = [...payments.values()].flat();
    const isIts = all.some(({ id }) => id === paymentId);
    if (!isIts && !all.some(isTouched)) return false;
    const terms = paidTerms(await mirror.invoicesOf(connection, subscription.reference), payments);
    for (const license of await licenseReader.findBySubscription(connection, subscription.id)) {
      await followPayments(transaction, license, terms);
    }
    return isIts;
  }

  /** True when the payment paid for a checkout of ours. */
  async function followCheckout(transaction: Transaction, payment: MirroredPayment): Promise<boolean> {
    const { connection } = transaction;
    const checkout = await options.checkouts().paidBy(connection, payment.id);
    if (checkout?.stripe_session_id == null) return false;
    // What was bought in advance is taken back itself; its licence may hold more, and stays.
    if (await options.credits.followPayment(transaction, checkout, paymentFacts(payment))) return true;
    const license = await licenseReader.findByOrigin(connection, `checkout:${checkout.stripe_session_id}`);
    if (license !== null) await followPayments(transaction, license, paidOnce(payment));
    return true;
  }

  async function followCustomer(
    transaction: Transaction,
    stripeCustomerId: string,
    paymentId: string,
  ): Promise<boolean> {
    const customer = await customers.ensure(transaction, { stripeCustomerId });
    let isFound = false;
    for (const reference of await options.subscriptions().referencesOf(transaction, customer.id)) {
      const subscription = await options.subscriptions().follow(transaction, reference);
      if (subscription !== null && (await followSubscription(transaction, subscription, paymentId))) isFound = true;
    }
    return isFound;
  }

  return {
    /** After a subscription, or an invoice of it, was followed: money may have been taken back before they were heard of. */
    async ofSubscription(transaction: Transaction, subscription: Subscription | null): Promise<void> {
      if (subscription !== null) await followSubscription(transaction, subscription, null);
    },

    /** After a checkout's session was followed. */
    async ofCheckout(transaction: Transaction, paymentId: string | null): Promise<void> {
      if (paymentId === null) return;
      const payment = await findPayment(transaction.connection, paymentId);
      if (isTouched(payment)) await followCheckout(transaction, payment);
    },

    /** After something became of a payment. `wasTouched`: it may be that a hold has to be lifted. */
    async ofPayment(transaction: Transaction, paymentId: string | null, wasTouched = false): Promise<void> {
      if (paymentId === null) return;
      const payment = await findPayment(transaction.connection, paymentId);
      if (!wasTouched && !isTouched(payment)) return;
      const stripeCustomerId = customerOf(payment);
      const ofCheckout = await followCheckout(transaction, payment);
      const ofSubscription =
        !ofCheckout && stripeCustomerId !== null && (await followCustomer(transaction, stripeCustomerId, paymentId));
      const isComplete = payment.charges.length > 0 && (ofCheckout || ofSubscription);
      if (!isComplete) await askForPayment(transaction, paymentId);
    },

    /** Ids of the licences that a payment paid for. */
    async licensesOf(connection: Connection, paymentId: string): Promise<string[]> {
      const payment = await findPayment(connection, paymentId);
      const checkout = await options.checkouts().paidBy(connection, payment.id);
      const origin = checkout?.stripe_session_id == null ? null : `checkout:${checkout.stripe_session_id}`;
      const bought = origin === null ? null : await licenseReader.findByOrigin(connection, origin);
      const credited = checkout === null ? null : await options.credits.licenseOf(connection, checkout.id);
      const ids = [...new Set([bought?.id, credited].filter((id) => id != null))];
      for (const subscription of await subscriptionsOf(connection, customerOf(payment))) {
        const payments = await paymentsOfSubscription(connection, subscription.reference);
        if (![...payments.values()].flat().some(({ id }) => id === payment.id)) continue;
        for (const { id } of await licenseReader.findBySubscription(connection, subscription.id)) ids.push(id);
      }
      return ids;
    },
  };

  async function subscriptionsOf(connection: Connection, stripeCustomerId: string | null): Promise<Subscription[]> {
    if (stripeCustomerId === null) return [];
    const customer = await customers.get(stripeCustomerId, connection).catch(absentIfMissing);
    if (customer === null) return [];
    return options.subscriptions().list({ customerId: customer.id }, { limit: MOST_SUBSCRIPTIONS, after: null });
  }
}

function absentIfMissing(error: unknown): null {
  if (error instanceof LatchkeyError && error.code === 'resource_missing') return null;
  throw error;
}

function customerOf({ charges }: MirroredPayment): string | null {
  return charges.find(({ customer }) => customer !== null)?.customer ?? null;
}
