import type Stripe from 'stripe';
import type { FetchedObject } from '../project.ts';
import type { MirroredType } from '../shapes.ts';
import { type Calls, PAGE } from './calls.ts';
import { absentIfMissing } from './errors.ts';
import { dateOf, plain, toFetched } from './fetched.ts';

/** The account as far as its standing goes. */
export interface StripeAccount {
  id: string;
  chargesEnabled: boolean;
  detailsSubmitted: boolean;
  payoutsEnabled: boolean;
}

/** What is read of Stripe to mirror it. */
export interface StripeReading {
  accountId(): Promise<string>;
  /** Whose key it is, and what the account may do. */
  account(): Promise<StripeAccount>;
  /** An object as it is now; null when Stripe does not know it. */
  fetch(type: MirroredType, id: string): Promise<FetchedObject | null>;
  /** A page of all that Stripe has of a type, the newest first, canceled subscriptions too; `after` is the last id of the page before. */
  listPage(type: MirroredType, after: string | null): Promise<{ objects: FetchedObject[]; hasMore: boolean }>;
  /** The latest invoices of a subscription, at most 100. */
  invoicesOf(subscriptionId: string): Promise<FetchedObject[]>;
  /** Which invoices a payment intent pays, or what pays an invoice. */
  invoicePaymentsOf(of: { paymentIntent: string } | { invoice: string }): Promise<FetchedObject[]>;
}

export function readingCalls({ sdk, call }: Calls): StripeReading {
  return {
    async accountId() {
      const account = await call('account.retrieve', () => sdk.accounts.retrieveCurrent());
      return account.id;
    },

    async account() {
      const account = await call('account.retrieve', () => sdk.accounts.retrieveCurrent());
      return {
        id: account.id,
        chargesEnabled: account.charges_enabled === true,
        detailsSubmitted: account.details_submitted === true,
        payoutsEnabled: account.payouts_enabled === true,
      };
    },

    async fetch(type, id) {
      const found = await call(`${type}.retrieve`, () => retrieve(sdk, type, id).catch(absentIfMissing));
      return found === null ? null : toFetched(found);
    },

    async listPage(type, after) {
      const page = { limit: PAGE, ...(after === null ? {} : { starting_after: after }) };
      const list = await call(`${type}.list`, () => listOf(sdk, type, page));
      const asOf = dateOf(list);
      return { objects: list.data.map((object) => ({ object: plain(object), asOf })), hasMore: list.has_more };
    },

    async invoicesOf(subscription) {
      const list = await call('invoices.list', () => sdk.invoices.list({ subscription, limit: PAGE }));
      const asOf = dateOf(list);
      return list.data.map((invoice) => ({ object: plain(invoice), asOf }));
    },

    async invoicePaymentsOf(of) {
      const by =
        'invoice' in of
          ? { invoice: of.invoice }
          : { payment: { type: 'payment_intent' as const, payment_intent: of.paymentIntent } };
      const list = await call('invoice_payments.list', () => sdk.invoicePayments.list({ ...by, limit: PAGE }));
      const asOf = dateOf(list);
      return list.data.map((one) => ({ object: plain(one), asOf }));
    },
  };
}

function retrieve(sdk: Stripe, type: MirroredType, id: string): Promise<Stripe.Response<object>> {
  switch (type) {
    case 'customer':
      return sdk.customers.retrieve(id);
    case 'subscription':
      return sdk.subscriptions.retrieve(id);
    case 'invoice':
      return sdk.invoices.retrieve(id);
    case 'checkout_session':
      return sdk.checkout.sessions.retrieve(id);
    case 'product':
      return sdk.products.retrieve(id);
    case 'price':
      return sdk.prices.retrieve(id);
    case 'payment_intent':
      return sdk.paymentIntents.retrieve(id);
    case 'charge':
      return sdk.charges.retrieve(id);
    case 'refund':
      return sdk.refunds.retrieve(id);
    case 'dispute':
      return sdk.disputes.retrieve(id);
    case 'invoice_payment':
      return sdk.invoicePayments.retrieve(id);
  }
}

function listOf(
  sdk: Stripe,
  type: MirroredType,
  page: Stripe.PaginationParams,
): Promise<Stripe.Response<Stripe.ApiList<object>>> {
  switch (type) {
    case 'customer':
      return sdk.customers.list(page);
    case 'subscription':
      return sdk.subscriptions.list({ ...page, status: 'all' });
    case 'invoice':
      return sdk.invoices.list(page);
    case 'checkout_session':
      return sdk.checkout.sessions.list(page);
    case 'product':
      return sdk.products.list(page);
    case 'price':
      return sdk.prices.list(page);
    case 'payment_intent':
      return sdk.paymentIntents.list(page);
    case 'charge':
      return sdk.charges.list(page);
    case 'refund':
      return sdk.refunds.list(page);
    case 'dispute':
      return sdk.disputes.list(page);
    case 'invoice_payment':
      return sdk.invoicePayments.list(page);
  }
}
