import {
  type Catalog,
  findOffer,
  findProduct,
  isBilledByUse,
  isPaid,
  isRecurring,
  LatchkeyError,
  type Plan,
  type Product,
  quantityRefusal,
} from '@latchkey/core';
import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Audit } from '../audit/index.ts';
import type { CustomersAtStripe } from '../customers/index.ts';
import type { LicenseReader } from '../licenses/index.ts';
import {
  type Discount,
  discountOf,
  explainRefusal,
  type PaymentMethodService,
  type StripeDiscount,
} from '../payments/index.ts';
import * as repository from './repository.ts';
import type { Subscription, Write } from './service.ts';

/** A subscription as Stripe is told to make it: all of it, so that it can be made later just as well. */
export interface SubscribeRequest {
  customerId: string;
  stripeCustomerId: string;
  product: string;
  priceId: string;
  quantity: number;
  /** Null: the customer pays in a page. */
  paymentMethod: string | null;
  trialDays: number;
  discount: StripeDiscount | null;
  metadata: Record<string, string>;
  /** What was begun before and never paid: it goes. */
  replaces: string[];
}

/** What Stripe made. */
export interface StartedSubscription {
  reference: string;
  /** With which a page has the customer pay; null where nothing is left to do. */
  clientSecret: string | null;
}

/** Subscriptions to be made at Stripe: planned with the decision, called, recorded. */
export interface SubscribingAtStripe {
  /** Follows what was made for a customer, should the process that made it have gone before it did. Never in a transaction. */
  catchUp(customerId: string, product: string): Promise<void>;
  /** How many were asked for so far for a customer and a product, and whether one is not made yet. */
  asked(connection: Connection, customerId: string, product: string): Promise<{ count: number; isOpen: boolean }>;
  plan(transaction: Transaction, request: SubscribeRequest): Promise<{ id: string }>;
  /** `stripe_declined` when the card was: then nothing is left that could be charged. */
  carryOut(planned: { id: string }): Promise<StartedSubscription>;
}

export interface SubscribeInput {
  /** Our id of whoever pays. */
  customerId: string;
  /** Everybody whom they are, if they are several customers. */
  owns: readonly string[];
  product: string;
  plan: string;
  quantity?: number | undefined;
  paymentMethod?: string | undefined;
  discount?: Discount | undefined;
  /** Left out: the plan's, for whoever had no subscription to the product before. */
  trial?: boolean | undefined;
}

export interface Subscribed {
  subscription: Subscription;
  clientSecret: string | null;
  licenseId: string | null;
}

export interface NewSubscriptionsOptions {
  database: Database;
  catalog: Catalog;
  audit: Audit;
  subscriptions: { get(id: string): Promise<Subscription> };
  customersAtStripe: Pick<CustomersAtStripe, 'ensure'>;
  paymentMethods: Pick<PaymentMethodService, 'attach'>;
  licenseReader: Pick<LicenseReader, 'findBySubscription'>;
  subscribingAtStripe: SubscribingAtStripe;
  currentPrice(connection: Connection, product: string, plan: string): Promise<{ stripePriceId: string } | null>;
  /** Stripe's id of a promotion code that can be used now; null when there is none like this. */
  findPromotionCode(code: string): Promise<string | null>;
  /** Whether what is paid for can be given. */
  canDeliver(product: Product): boolean;
}

/** Subscriptions of one customer to one product that are looked at. */
const MOST = 100;

export type NewSubscriptions = ReturnType<typeof createNewSubscriptions>;

/** Subscribing with a card, without a page of Stripe's. */
export function createNewSubscriptions(options: NewSubscriptionsOptions) {
  const { database, catalog, audit, subscriptions, subscribingAtStripe: atStripe } = options;

  return {
    /**
     * Subscribes a customer. With a payment method it is charged at once; where the bank wants to hear from the customer, or without one,
     * the answer has a `clientSecret` for the page, and the licence comes once it is paid. Errors: `product_unknown`, `plan_unknown`,
     * `invalid_request`, `already_subscribed`, `conflict`, `stripe_declined`, `stripe_unavailable`.
     */
    async subscribe(input: SubscribeInput, write: Write): Promise<Subscribed> {
      const { product, plan } = offerOf(catalog, input);
      requireCard(plan, input);
      const quantity = quantityOf(plan, input);
      const priceId = await priceOf(product, plan);
      const { customerId } = input;
      const asked = await atStripe.asked(database.connection, customerId, product.id);
      if (asked.isOpen) throw inProgress();
      await atStripe.catchUp(customerId, product.id);
      const known = await knownTo(database.connection, input.owns, product.id);
      const discount = await discountOf(plan, input.discount, options.findPromotionCode);
      const stripeCustomerId = await options.customersAtStripe.ensure(customerId, write);
      const attached =
        input.paymentMethod === undefined
          ? null
          : await options.paymentMethods.attach(customerId, input.paymentMethod, write).catch(explainCard);
      const request: SubscribeRequest = {
        customerId,
        stripeCustomerId,
        product: product.id,
        priceId,
        quantity,
        paymentMethod: attached?.id ?? null,
        trialDays: (input.trial ?? known.length === 0) ? (plan.price?.trialDays ?? 0) : 0,
        discount,
        metadata: { latchkey_product: product.id, latchkey_plan: plan.id },
        replaces: known.filter(({ status }) => status === 'incomplete').map(({ reference }) => reference),
      };
      const planned = await write(async (transaction) => {
        await repository.lockReference(transaction.connection, `${customerId}/${product.id}`);
        const now = await atStripe.asked(transaction.connection, customerId, product.id);
        if (now.isOpen || now.count !== asked.count) throw inProgress();
        await knownTo(transaction.connection, input.owns, product.id);
        await audit.record(transaction, {
          action: 'subscription.asked',
          subjectType: 'customer',
          subjectId: customerId,
          detail: { product: product.id, plan: plan.id, quantity: request.quantity },
        });
        return atStripe.plan(transaction, request);
      });
      const started = await atStripe.carryOut(planned).catch((error: unknown) => explainRefusal(error, input.discount));
      const subscription = await subscriptions.get(started.reference);
      const [license] = await options.licenseReader.findBySubscription(database.connection, subscription.id);
      return { subscription, clientSecret: started.clientSecret, licenseId: license?.id ?? null };
    },
  };

  /** What they have or had of the product; `already_subscribed` when one of it goes on. */
  async function knownTo(
    connection: Connection,
    owns: readonly string[],
    product: string,
  ): Promise<readonly Subscription[]> {
    const page = { limit: MOST, after: null };
    const known = await repository.listSubscriptions(connection, { customerId: owns, product }, page);
    const running = known.find(({ standing }) => standing !== 'ended' && standing !== 'pending');
    if (running === undefined) return known;
    throw new LatchkeyError('already_subscribed', `There is a subscription to ${product} already: ${running.id}.`, {
      meta: { subscription_id: running.id, plan: running.plan, status: running.status },
    });
  }

  async function priceOf(product: Product, plan: Plan): Promise<string> {
    if (!options.canDeliver(product)) {
      throw new LatchkeyError('invalid_request', `${product.name} is not for sale yet.`, { path: 'product' });
    }
    const price = await options.currentPrice(database.connection, product.id, plan.id);
    if (price !== null) return price.stripePriceId;
    throw new LatchkeyError(
      'stripe_not_configured',
      `${product.name} is not known to Stripe yet. Run "latchkey catalog push" once.`,
    );
  }
}

function offerOf(catalog: Catalog, { product: name, plan: wanted }: SubscribeInput): { product: Product; plan: Plan } {
  const product = findProduct(catalog, name);
  if (product === null) {
    throw new LatchkeyError('product_unknown', `There is no product "${name}".`, { path: 'product' });
  }
  const sold = product.plans.filter(isRecurring).map(({ id }) => id);
  const plan = findOffer(catalog, name, wanted)?.plan ?? null;
  const path = 'plan';
  if (plan === null) {
    const detail = `${product.id} has no plan "${wanted}". Its subscriptions: ${sold.join(', ') || 'none'}.`;
    throw new LatchkeyError('plan_unknown', detail, { path });
  }
  if (!isPaid(plan)) {
    throw new LatchkeyError('invalid_request', `There is nothing to pay for the plan ${plan.id}.`, { path });
  }
  if (!isRecurring(plan)) {
    throw new LatchkeyError('invalid_request', `The plan ${plan.id} is paid for once: sell it by a checkout.`, {
      path,
    });
  }
  return { product, plan };
}

function quantityOf(plan: Plan, { quantity = 1 }: SubscribeInput): number {
  const refusal = quantityRefusal(plan, quantity);
  if (refusal !== null) throw new LatchkeyError('invalid_request', refusal, { path: 'quantity' });
  return quantity;
}

/** Where nothing is due at first, Stripe would begin without a card, and nothing could be charged for what is used. */
function requireCard(plan: Plan, { paymentMethod }: SubscribeInput): void {
  if (paymentMethod !== undefined || !isBilledByUse(plan)) return;
  const detail = `The plan ${plan.id} is billed by what is used: send a payment_method to charge, or sell it by a checkout.`;
  throw new LatchkeyError('invalid_request', detail, { path: 'payment_method' });
}

/** What cannot be given to the customer is not there, or somebody else's: nothing is wrong with Stripe. */
function explainCard(error: unknown): never {
  if (!(error instanceof LatchkeyError) || error.code !== 'stripe_rejected') throw error;
  throw new LatchkeyError('invalid_request', error.detail, { path: 'payment_method', cause: error });
}

function inProgress(): LatchkeyError {
  return new LatchkeyError('conflict', 'They are being subscribed at this moment. Look at what came of it first.');
}
