import {
  type Catalog,
  type CreditOrder,
  findOffer,
  findProduct,
  isPaid,
  isRecurring,
  LatchkeyError,
  type Plan,
  type Product,
  quantityRefusal,
} from '@latchkey/core';
import type { Connection, Database, Transaction } from '../../db/database.ts';
import type { Clock, Ids } from '../../ports.ts';
import type { Audit } from '../audit/index.ts';
import type { CustomersAtStripe } from '../customers/index.ts';
import type { CreditSales } from './credit-sales.ts';
import { type Discount, discountOf, explainRefusal, type StripeDiscount } from './discounts.ts';
import type { SoldElsewhere } from './elsewhere.ts';
import type { Payer } from './purchase.ts';
import * as repository from './repository.ts';

export type Checkout = repository.CheckoutRow;

/** What is to be made at Stripe for a checkout: all of it, so that it can be made later just as well. */
export interface CheckoutRequest {
  checkoutId: string;
  mode: 'subscription' | 'payment';
  /** How many of what it sells. */
  quantity: number;
  /** A price of the catalog's; left out where there is one for this checkout alone. */
  priceId?: string;
  inlinePrice?: InlinePrice;
  email?: string;
  /** Stripe's id of whoever buys, where they are known. */
  customerId?: string;
  discount?: StripeDiscount;
  promotionCodes: boolean;
  automaticTax: boolean;
  successUrl: string;
  cancelUrl: string;
  trialDays: number;
  metadata: Record<string, string>;
}

/** What is bought in advance, and what it costs. */
export interface InlinePrice {
  name: string;
  amountCents: number;
  currency: string;
}

/** The session that Stripe made. */
export interface CheckoutSession {
  id: string;
  url: string;
}

/** Carries a checkout to Stripe in three steps: planned with the checkout, called, recorded. */
export interface CheckoutIntents {
  plan(transaction: Transaction, checkoutId: string, request: CheckoutRequest): Promise<{ id: string }>;
  carryOut(planned: { id: string }): Promise<CheckoutSession>;
}

export interface CheckoutsOptions {
  database: Database;
  catalog: Catalog;
  clock: Clock;
  ids: Ids;
  audit: Audit;
  publicUrl: () => string;
  /** The Stripe price that a plan is sold by now; null before the catalog was pushed. */
  currentPrice(connection: Connection, product: string, plan: string): Promise<{ stripePriceId: string } | null>;
  intents: CheckoutIntents;
  customersAtStripe: Pick<CustomersAtStripe, 'ensure'>;
  /** Stripe's id of a promotion code that can be used now; null when there is none like this. */
  findPromotionCode(code: string): Promise<string | null>;
  /** Whether what is paid for can be given: nobody is to pay for a key that cannot be made. */
  canDeliver(product: Product): boolean;
  credits: Pick<CreditSales, 'sale'>;
  /** Gives what a checkout without a subscription paid for. Called again for the same session, it does nothing. */
  purchased(transaction: Transaction, checkout: Checkout, payer: Payer): Promise<void>;
}

export interface NewCheckout {
  product: string;
  plan?: string | undefined;
  /** How many of the plan, such as seats. Left out: one. */
  quantity?: number | undefined;
  /** What is bought in advance, in the place of a plan. */
  credit?: CreditOrder | undefined;
  /** The licence that it is for, by our id; left out: one that is issued when it is paid. */
  licenseId?: string | undefined;
  email?: string | undefined;
  /** Our id of whoever buys: they are not made a customer once more. */
  customerId?: string | undefined;
  discount?: Discount | undefined;
  successUrl?: string | undefined;
  cancelUrl?: string | undefined;
}

/** A session as Stripe has it now. */
export interface FollowedSession {
  id: string;
  /** Our own id of the checkout, as the session carries it in its metadata. */
  checkoutId: string | null;
  mode: string;
  status: string | null;
  isPaid: boolean;
  subscription: string | null;
  /** Null for what a subscription pays, and until the customer begins to pay. */
  paymentIntent: string | null;
  stripeCustomerId: string | null;
  email: string | null;
  name: string | null;
  /** What it sold, for one that was made elsewhere and is recognised. */
  sold?: SoldElsewhere | null;
}

export type CheckoutService = ReturnType<typeof createCheckouts>;

/** What a checkout sells. */
interface Sale {
  product: Product;
  plan: Plan;
  mode: CheckoutRequest['mode'];
  price: Pick<CheckoutRequest, 'priceId' | 'inlinePrice'>;
  /** Ids that go with it to Stripe. */
  notes: Record<string, string>;
  /** Writes down what belongs to it, with the checkout. */
  planned(transaction: Transaction, checkoutId: string): Promise<void>;
}

type Write = <T>(work: (transaction: Transaction) => Promise<T>) => Promise<T>;

/** Checkouts: from a plan to a page where it can be paid. */
export function createCheckouts(options: CheckoutsOptions) {
  const { database, catalog, clock, ids, audit, publicUrl, currentPrice, intents } = options;

  const find = (id: string): Promise<Checkout | null> =>
    repository.findCheckout(database.connection, id.startsWith('cs_') ? 'stripe_session_id' : 'id', id);

  return {
    /**
     * Starts a checkout and answers where to pay. Errors: `product_unknown`, `plan_unknown`, `invalid_request` for a plan that
     * costs nothing and for a discount that cannot be had, `stripe_unavailable`; for what is bought in advance `meter_unknown`,
     * `quantity_invalid`, `resource_missing`, `license_state_conflict`.
     */
    async create(input: NewCheckout, write: Write): Promise<CheckoutSession> {
      const { product, plan, mode, price, notes, planned: alsoPlanned } = await saleOf(input);
      const quantity = quantityOf(plan, input);
      const discount = await discountOf(plan, input.discount, options.findPromotionCode);
      const { customerId } = input;
      const stripeCustomerId =
        customerId === undefined ? null : await options.customersAtStripe.ensure(customerId, write);
      const planned = await write(async (transaction) => {
        const checkoutId = ids.next('chk');
        const now = clock.now();
        const intent = await intents.plan(transaction, checkoutId, {
          checkoutId,
          mode,
          quantity,
          ...price,
          ...(input.email === undefined ? {} : { email: input.email }),
          ...(stripeCustomerId === null ? {} : { customerId: stripeCustomerId }),
          ...(discount === null ? {} : { discount }),
          ...plan.checkout,
          successUrl: input.successUrl ?? `${publicUrl()}/checkout/success?session_id={CHECKOUT_SESSION_ID}`,
          cancelUrl: input.cancelUrl ?? `${publicUrl()}/checkout/cancel`,
          trialDays: plan.price?.trialDays ?? 0,
          metadata: { ...notes, latchkey_product: product.id, latchkey_plan: plan.id, latchkey_checkout: checkoutId },
        });
        await repository.insertCheckout(transaction.connection, {
          id: checkoutId,
          intent_id: intent.id,
          stripe_session_id: null,
          product: product.id,
          plan: plan.id,
          quantity,
          email: input.email ?? null,
          status: 'planned',
          url: null,
          stripe_subscription_id: null,
          created_at: now,
          updated_at: now,
        });
        await alsoPlanned(transaction, checkoutId);
        await record(transaction, 'created', checkoutId, { product: product.id, plan: plan.id, quantity });
        return intent;
      });
      return intents.carryOut(planned).catch((error: unknown) => explainRefusal(error, input.discount));
    },

    /** Writes down the session that Stripe made for a checkout. */
    async opened(transaction: Transaction, checkoutId: string, session: CheckoutSession): Promise<void> {
      const changes = { stripe_session_id: session.id, url: session.url, status: 'open' as const };
      await repository.updateCheckout(transaction.connection, checkoutId, changes, clock.now());
    },

    /** Writes down that Stripe made none. */
    async refused(transaction: Transaction, checkoutId: string, reason: string): Promise<void> {
      await repository.updateCheckout(transaction.connection, checkoutId, { status: 'failed' }, clock.now());
      await record(transaction, 'refused', checkoutId, { reason });
    },

    /** Follows what became of a session: it was paid, or its time ran out. */
    async followSession(transaction: Transaction, session: FollowedSession): Promise<void> {
      const checkout = (await checkoutOf(transaction.connection, session)) ?? (await adopt(transaction, session));
      if (checkout === null) return;
      if (session.mode === 'payment' && session.isPaid) {
        const { stripeCustomerId, email, name, sold = null } = session;
        await options.purchased(transaction, checkout, { sessionId: session.id, stripeCustomerId, email, name, sold });
      }
      if (session.paymentIntent !== null && checkout.stripe_payment_intent_id !== session.paymentIntent) {
        const paidBy = { stripe_payment_intent_id: session.paymentIntent };
        await repository.updateCheckout(transaction.connection, checkout.id, paidBy, clock.now());
      }
      if (session.status === checkout.status) return;
      if (session.status !== 'complete' && session.status !== 'expired') return;
      await repository.updateCheckout(
        transaction.connection,
        checkout.id,
        {
          status: session.status,
          stripe_session_id: session.id,
          ...(session.subscription === null ? {} : { stripe_subscription_id: session.subscription }),
          ...(session.email === null ? {} : { email: session.email }),
        },
        clock.now(),
      );
      await record(transaction, session.status, checkout.id, { subscription: session.subscription });
    },

    /** The checkout by Stripe's `cs_…` or our own id; `resource_missing` when there is none. */
    async get(id: string): Promise<Checkout> {
      const checkout = await find(id);
      if (checkout === null) throw new LatchkeyError('resource_missing', `There is no checkout ${id}.`);
      return checkout;
    },

    find,

    /** The checkout whose payment this is; null for any other payment. */
    paidBy: (connection: Connection, paymentIntentId: string): Promise<Checkout | null> =>
      repository.findCheckout(connection, 'stripe_payment_intent_id', paymentIntentId),

    /** The checkout that began a subscription; null where none is known. */
    ofSubscription: (connection: Connection, reference: string): Promise<Checkout | null> =>
      repository.findCheckout(connection, 'stripe_subscription_id', reference),
  };

  /** Takes over a session that the vendor made at Stripe, once it is complete: from then on it is a checkout like any other. */
  async function adopt(transaction: Transaction, session: FollowedSession): Promise<Checkout | null> {
    const { id, sold = null, status, mode, email } = session;
    if (sold === null || status !== 'complete' || (mode !== 'payment' && mode !== 'subscription')) return null;
    const checkoutId = ids.next('chk');
    const now = clock.now();
    await repository.insertCheckout(transaction.connection, {
      id: checkoutId,
      // No intent made it: the session stands in its place.
      intent_id: id,
      stripe_session_id: id,
      product: sold.product,
      plan: sold.plan,
      email,
      status: 'open',
      url: null,
      stripe_subscription_id: null,
      created_at: now,
      updated_at: now,
    });
    await record(transaction, 'adopted', checkoutId, { product: sold.product, plan: sold.plan, session: id });
    return repository.findCheckout(transaction.connection, 'id', checkoutId);
  }

  async function saleOf(input: NewCheckout): Promise<Sale> {
    const { credit, product: id, plan: named, licenseId } = input;
    if (credit === undefined) {
      const { product, plan, priceId } = await offered(input);
      const mode = isRecurring(plan) ? 'subscription' : 'payment';
      return { product, plan, mode, price: { priceId }, notes: {}, planned: async () => {} };
    }
    const { product, plan, offer, planned } = await options.credits.sale({
      product: id,
      credit,
      licenseId,
      plan: named,
    });
    const inlinePrice = { name: `${product.name}: ${offer.name}`, ...offer.price };
    const notes: Record<string, string> = licenseId === undefined ? {} : { latchkey_license: licenseId };
    return { product, plan, mode: 'payment', price: { inlinePrice }, notes, planned };
  }

  /** What is to be sold, and by which of Stripe's prices. */
  async function offered(input: NewCheckout): Promise<{ product: Product; plan: Plan; priceId: string }> {
    const { product, plan } = offerOf(catalog, input);
    if (!options.canDeliver(product)) {
      throw new LatchkeyError(
        'invalid_request',
        `${product.name} is not for sale yet: keys of its kind (${product.keyScheme.name}) are not made by this version.`,
        { path: 'product' },
      );
    }
    const price = await currentPrice(database.connection, product.id, plan.id);
    if (price !== null) return { product, plan, priceId: price.stripePriceId };
    throw new LatchkeyError(
      'stripe_not_configured',
      `${product.name} is not known to Stripe yet. Run "latchkey catalog push" once.`,
    );
  }

  async function record(
    transaction: Transaction,
    step: string,
    subjectId: string,
    detail: Record<string, unknown>,
  ): Promise<void> {
    await audit.record(transaction, { action: `checkout.${step}`, subjectType: 'checkout', subjectId, detail });
  }
}

/** Where the catalog says nothing of several, whoever paid for them would have no more than one. */
function quantityOf(plan: Plan, { quantity = 1 }: NewCheckout): number {
  const refusal =
    plan.quantity === null && quantity > 1
      ? `The plan ${plan.id} is sold one at a time.`
      : quantityRefusal(plan, quantity);
  if (refusal !== null) throw new LatchkeyError('invalid_request', refusal, { path: 'quantity' });
  return quantity;
}

/** By the session; or, when it is heard of before we wrote it down, by the id it was given. */
async function checkoutOf(connection: Connection, session: FollowedSession): Promise<Checkout | null> {
  const known = await repository.findCheckout(connection, 'stripe_session_id', session.id);
  if (known !== null || session.checkoutId === null) return known;
  const planned = await repository.findCheckout(connection, 'id', session.checkoutId);
  // A checkout has one session: what another one says of it is not ours.
  return planned?.stripe_session_id === null ? planned : null;
}

/** The plan that is to be bought; the only one that costs something where none is named. */
function offerOf(catalog: Catalog, input: NewCheckout): { product: Product; plan: Plan } {
  const product = findProduct(catalog, input.product);
  if (product === null) {
    throw new LatchkeyError('product_unknown', `There is no product "${input.product}".`, { path: 'product' });
  }
  const paid = product.plans.filter(isPaid);
  const [only, another] = paid;
  if (input.plan === undefined && only !== undefined && another === undefined) return { product, plan: only };
  const names = paid.map(({ id }) => id).join(', ');
  if (input.plan === undefined) {
    throw new LatchkeyError('invalid_request', `Name the plan: ${product.id} sells ${names || 'none'}.`, {
      path: 'plan',
    });
  }
  const plan = findOffer(catalog, product.id, input.plan)?.plan ?? null;
  if (plan === null) {
    throw new LatchkeyError('plan_unknown', `${product.id} has no plan "${input.plan}". It sells: ${names}.`, {
      path: 'plan',
    });
  }
  if (!isPaid(plan)) {
    throw new LatchkeyError('invalid_request', `There is nothing to pay for the plan ${plan.id}.`, { path: 'plan' });
  }
  return { product, plan };
}
