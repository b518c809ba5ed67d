import type Stripe from 'stripe';
import { type Calls, PAGE } from './calls.ts';
import { absentIfMissing } from './errors.ts';

/** A payment method as Stripe shows it: of a card no more than names it to people. */
export interface StripePaymentMethod {
  id: string;
  /** Stripe's id of whoever it belongs to; null for nobody's. */
  customerId: string | null;
  type: string;
  card: { brand: string; last4: string; expMonth: number; expYear: number } | null;
  createdAt: Date;
}

/** A subscription that has not ended, as far as it matters to how it is paid. */
export interface PayingSubscription {
  id: string;
  /** Its own; null: the customer's default pays. */
  defaultPaymentMethod: string | null;
  /** Whether it is to be renewed: not when it ends with the period it is in. */
  goesOn: boolean;
}

/** How a customer pays. */
export interface StripePaymentMethods {
  /** The newest 100 of a customer's, of every type. */
  paymentMethodsOf(customerId: string): Promise<StripePaymentMethod[]>;
  /** Null when Stripe does not know it. */
  paymentMethod(id: string): Promise<StripePaymentMethod | null>;
  /** The customer's default for invoices; null where there is none, or no such customer. */
  defaultPaymentMethodOf(customerId: string): Promise<string | null>;
  /** The newest 100 of a customer's subscriptions that have not ended. */
  payingSubscriptionsOf(customerId: string): Promise<PayingSubscription[]>;
  attachPaymentMethod(id: string, customerId: string, idempotencyKey: string): Promise<StripePaymentMethod>;
  detachPaymentMethod(id: string, idempotencyKey: string): Promise<StripePaymentMethod>;
  /** Makes it what the customer's invoices are charged to, and those subscriptions that name one of their own. */
  setDefaultPaymentMethod(
    choice: { id: string; customerId: string; subscriptions: readonly string[] },
    idempotencyKey: string,
  ): Promise<void>;
  /** What a page needs to take down a card for later. */
  createSetupIntent(customerId: string, idempotencyKey: string): Promise<{ id: string; clientSecret: string | null }>;
}

export function paymentMethodCalls({ sdk, call }: Calls): StripePaymentMethods {
  return {
    async paymentMethodsOf(customerId) {
      const list = await call('payment_methods.list', () =>
        sdk.customers.listPaymentMethods(customerId, { limit: PAGE }),
      );
      return list.data.map(summaryOf);
    },

    async paymentMethod(id) {
      const found = await call('payment_methods.retrieve', () =>
        sdk.paymentMethods.retrieve(id).catch(absentIfMissing),
      );
      return found === null ? null : summaryOf(found);
    },

    async defaultPaymentMethodOf(customerId) {
      const customer = await call('customers.retrieve', () =>
        sdk.customers.retrieve(customerId).catch(absentIfMissing),
      );
      if (customer === null || customer.deleted === true) return null;
      return idOf(customer.invoice_settings.default_payment_method);
    },

    async payingSubscriptionsOf(customerId) {
      const list = await call('subscriptions.list', () =>
        sdk.subscriptions.list({ customer: customerId, limit: PAGE }),
      );
      return list.data.map((subscription) => ({
        id: subscription.id,
        defaultPaymentMethod: idOf(subscription.default_payment_method),
        goesOn: isRenewed(subscription),
      }));
    },

    async attachPaymentMethod(id, customerId, idempotencyKey) {
      const attached = await call('payment_methods.attach', () =>
        sdk.paymentMethods.attach(id, { customer: customerId }, { idempotencyKey }),
      );
      return summaryOf(attached);
    },

    async detachPaymentMethod(id, idempotencyKey) {
      return summaryOf(
        await call('payment_methods.detach', () => sdk.paymentMethods.detach(id, {}, { idempotencyKey })),
      );
    },

    async setDefaultPaymentMethod({ id, customerId, subscriptions }, idempotencyKey) {
      const settings = { invoice_settings: { default_payment_method: id } };
      await call('customers.update', () => sdk.customers.update(customerId, settings, { idempotencyKey }));
      for (const subscription of subscriptions) {
        // A key names one call; carried out again, each of these is found done.
        const key = `${idempotencyKey}-${subscription}`;
        await call('subscriptions.update', () =>
          sdk.subscriptions.update(subscription, { default_payment_method: id }, { idempotencyKey: key }),
        );
      }
    },

    async createSetupIntent(customerId, idempotencyKey) {
      const made = await call('setup_intents.create', () =>
        sdk.setupIntents.create({ customer: customerId, usage: 'off_session' }, { idempotencyKey }),
      );
      return { id: made.id, clientSecret: made.client_secret };
    },
  };
}

function summaryOf({ id, type, customer, card, created }: Stripe.PaymentMethod): StripePaymentMethod {
  return {
    id,
    customerId: idOf(customer),
    type,
    card:
      card === undefined
        ? null
        : { brand: card.brand, last4: card.last4, expMonth: card.exp_month, expYear: card.exp_year },
    createdAt: new Date(created * 1000),
  };
}

function isRenewed({ cancel_at: cancelAt, cancel_at_period_end: endsWithPeriod, items }: Stripe.Subscription): boolean {
  if (endsWithPeriod) return false;
  return cancelAt === null || items.data.some((item) => item.current_period_end < cancelAt);
}

function idOf(reference: string | { id: string } | null): string | null {
  return typeof reference === 'string' ? reference : (reference?.id ?? null);
}
