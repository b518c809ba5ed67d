import { LatchkeyError } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Ids } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import type { Customer, CustomerService, CustomersAtStripe } from '../customers/index.ts';

/** What is known of a card, or of another way to pay: no more than names it to people. Nothing of it is kept here. */
export interface KnownPaymentMethod {
  id: string;
  /** Stripe's id of whoever it belongs to; null for nobody's. */
  customerId: string | null;
  type: string;
  card: { brand: string; last4: string; expMonth: number; expYear: number } | null;
  createdAt: Date;
}

export interface PaymentMethod extends Omit<KnownPaymentMethod, 'customerId'> {
  /** Our id of whoever it belongs to. */
  customerId: string;
  /** Whether the customer's invoices are charged to it. */
  isDefault: boolean;
}

/** What is asked of Stripe, for it alone knows. */
export interface PaymentMethodsAtStripe {
  paymentMethodsOf(stripeCustomerId: string): Promise<KnownPaymentMethod[]>;
  paymentMethod(id: string): Promise<KnownPaymentMethod | null>;
  defaultPaymentMethodOf(stripeCustomerId: string): Promise<string | null>;
  payingSubscriptionsOf(
    stripeCustomerId: string,
  ): Promise<{ id: string; defaultPaymentMethod: string | null; goesOn: boolean }[]>;
  createSetupIntent(
    stripeCustomerId: string,
    idempotencyKey: string,
  ): Promise<{ id: string; clientSecret: string | null }>;
}

/** A call to Stripe in three steps: planned with the decision, called, recorded. */
export interface PlannedCall<Request, Answer> {
  plan(transaction: Transaction, request: Request): Promise<{ id: string }>;
  carryOut(planned: { id: string }): Promise<Answer>;
}

export interface AttachRequest {
  paymentMethod: string;
  stripeCustomerId: string;
}

export interface DefaultRequest extends AttachRequest {
  /** Subscriptions that name another one of their own. */
  subscriptions: string[];
}

export interface PaymentMethodIntents {
  attach: PlannedCall<AttachRequest, { id: string }>;
  makeDefault: PlannedCall<DefaultRequest, void>;
  detach: PlannedCall<AttachRequest, void>;
}

export interface PaymentMethodsOptions {
  stripe: PaymentMethodsAtStripe;
  intents: PaymentMethodIntents;
  customers: Pick<CustomerService, 'ofStripe'>;
  customersAtStripe: Pick<CustomersAtStripe, 'ensure'>;
  ids: Ids;
  audit: Audit;
}

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

export type PaymentMethodService = ReturnType<typeof createPaymentMethods>;

/** The cards of customers, at Stripe. Every answer is Stripe's of this moment: `stripe_unavailable` when it gives none. */
export function createPaymentMethods(options: PaymentMethodsOptions) {
  const { stripe, intents, customers, customersAtStripe, ids, audit } = options;

  /** The payment method with its customer; `resource_missing` for what is nobody's that we know. */
  async function find(id: string): Promise<{ found: PaymentMethod; customer: Customer; stripeCustomerId: string }> {
    const known = await stripe.paymentMethod(id);
    const customer = known?.customerId == null ? null : await customers.ofStripe(known.customerId);
    if (known?.customerId == null || customer === null) {
      throw new LatchkeyError('resource_missing', `There is no payment method ${id}.`);
    }
    const isDefault = (await stripe.defaultPaymentMethodOf(known.customerId)) === id;
    return {
      found: { ...known, customerId: customer.id, isDefault },
      customer,
      stripeCustomerId: known.customerId,
    };
  }

  return {
    /** The payment methods of these customers, the newest 100 of each. */
    async list(of: readonly Customer[]): Promise<PaymentMethod[]> {
      const lists = of.map(async ({ id: customerId, stripe_customer_id: stripeCustomerId, deleted_at: deletedAt }) => {
        if (stripeCustomerId === null || deletedAt !== null) return [];
        const [methods, byDefault] = await Promise.all([
          stripe.paymentMethodsOf(stripeCustomerId),
          stripe.defaultPaymentMethodOf(stripeCustomerId),
        ]);
        return methods.map((method) => ({ ...method, customerId, isDefault: method.id === byDefault }));
      });
      return (await Promise.all(lists)).flat();
    },

    async get(id: string): Promise<PaymentMethod> {
      return (await find(id)).found;
    },

    /** Gives a customer a payment method that a page made. Errors: `stripe_declined`, `invalid_request` for somebody else's. */
    async attach(customerId: string, paymentMethod: string, write: Write): Promise<PaymentMethod> {
      const stripeCustomerId = await customersAtStripe.ensure(customerId, write);
      const before = await stripe.paymentMethod(paymentMethod);
      if (before !== null && before.customerId !== null) {
        if (before.customerId === stripeCustomerId) return (await find(paymentMethod)).found;
        throw new LatchkeyError('invalid_request', 'This payment method belongs to a customer already.', {
          path: 'payment_method',
        });
      }
      const planned = await write(async (transaction) => {
        await record(transaction, 'attach', customerId, paymentMethod);
        return intents.attach.plan(transaction, { paymentMethod, stripeCustomerId });
      });
      const { id } = await intents.attach.carryOut(planned);
      return (await find(id)).found;
    },

    /** Has the customer's invoices charged to it, and those of their subscriptions that name another. */
    async makeDefault(id: string, write: Write): Promise<PaymentMethod> {
      const { found, customer, stripeCustomerId } = await find(id);
      const running = await stripe.payingSubscriptionsOf(stripeCustomerId);
      const subscriptions = running
        .filter(({ defaultPaymentMethod }) => defaultPaymentMethod !== null && defaultPaymentMethod !== id)
        .map((subscription) => subscription.id);
      const planned = await write(async (transaction) => {
        await record(transaction, 'default', customer.id, id);
        return intents.makeDefault.plan(transaction, { paymentMethod: id, stripeCustomerId, subscriptions });
      });
      await intents.makeDefault.carryOut(planned);
      return { ...found, isDefault: true };
    },

    /** Takes it from the customer. `payment_method_in_use` when a subscription would then have nothing to pay with, unless forced. */
    async detach(id: string, { force, write }: { force: boolean; write: Write }): Promise<PaymentMethod> {
      const { found, customer, stripeCustomerId } = await find(id);
      if (!force) await requireUnneeded(found, stripeCustomerId);
      const planned = await write(async (transaction) => {
        await record(transaction, 'detach', customer.id, id);
        return intents.detach.plan(transaction, { paymentMethod: id, stripeCustomerId });
      });
      await intents.detach.carryOut(planned);
      return { ...found, isDefault: false };
    },

    /** What a page of the vendor's needs to take down a card for later. Nothing comes of it unless the customer goes through with it. */
    async setUp(customerId: string, write: Write): Promise<{ id: string; clientSecret: string }> {
      const stripeCustomerId = await customersAtStripe.ensure(customerId, write);
      const { id, clientSecret } = await stripe.createSetupIntent(stripeCustomerId, ids.next('int'));
      if (clientSecret === null) throw new LatchkeyError('stripe_rejected', 'Stripe gave the page no secret.');
      await write((transaction) => record(transaction, 'set_up', customerId, null));
      return { id, clientSecret };
    },
  };

  async function requireUnneeded({ id, isDefault }: PaymentMethod, stripeCustomerId: string): Promise<void> {
    const running = await stripe.payingSubscriptionsOf(stripeCustomerId);
    // Where the subscription's own is taken, the customer's default takes its place: unless it is the same.
    const customersOwn = isDefault ? id : await stripe.defaultPaymentMethodOf(stripeCustomerId);
    const unpaid = running.filter(({ defaultPaymentMethod, goesOn }) => {
      if (!goesOn || (defaultPaymentMethod ?? customersOwn) !== id) return false;
      return customersOwn === null || customersOwn === id;
    });
    const [one] = unpaid;
    if (one === undefined) return;
    throw new LatchkeyError(
      'payment_method_in_use',
      `The subscription ${one.id} is paid with it, and nothing would take its place. Make another one the default first, or force it.`,
      { meta: { stripe_subscription_ids: unpaid.map((subscription) => subscription.id) } },
    );
  }

  async function record(
    transaction: Transaction,
    what: string,
    customerId: string,
    paymentMethod: string | null,
  ): Promise<void> {
    await audit.record(transaction, {
      action: `payment_method.${what}_asked`,
      subjectType: 'customer',
      subjectId: customerId,
      detail: paymentMethod === null ? {} : { payment_method: paymentMethod },
    });
  }
}
