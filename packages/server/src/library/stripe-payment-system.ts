import { LatchkeyError } from '@latchkey/core';
import type { Write } from '../modules/subscriptions/index.ts';
import { closeHouse, type House, type HouseSource, libraryActor, openHouse, ownSource } from './house.ts';
import type { FetchedObject, StripeObject } from './stripe-objects.ts';

/** A Stripe object as Stripe answered it, in the shape of its current API version. */
export type { StripeObject } from './stripe-objects.ts';

export interface StripePaymentSystemOptions {
  /** Which product is sold; by default the catalog's only product, or its first with keys of the scheme `sha512-hmac`. */
  product?: string;
  plan?: string;
}

/** An event whose signature was right. */
export interface VerifiedEvent {
  id: string;
  type: string;
  created: number;
  data: { object: StripeObject };
  /** The delivery as it came: what is stored when the event is handled. */
  readonly payload: Uint8Array;
  readonly signature: string;
}

/** Payments through Stripe, as a program calls them. Give it a running Latchkey, or options to run one of its own. */
export class StripePaymentSystem {
  readonly #source: HouseSource;
  readonly #options: StripePaymentSystemOptions;

  constructor(source: HouseSource, options: StripePaymentSystemOptions = {}) {
    this.#source = ownSource(source);
    this.#options = options;
  }

  /** The catalog's product in Stripe, made when it is not there yet: once, however often this is called. */
  async createProduct(): Promise<{ id: string; name: string }> {
    const house = await openHouse(this.#source);
    const { product } = house.offer(this.#options);
    const price = await this.#pushed(house);
    return { id: price.stripeProductId, name: house.productName(product) };
  }

  /** The plan's price in Stripe, made when it is not there yet. `productId` is what `createProduct` answered. */
  async createPrice(input: {
    productId: string;
  }): Promise<{ id: string; product: string; unitAmount: number; currency: string }> {
    const house = await openHouse(this.#source);
    const price = await this.#pushed(house);
    if (price.stripeProductId !== input.productId) {
      throw new LatchkeyError('invalid_request', `${input.productId} is not the product of this catalog in Stripe.`, {
        path: 'productId',
      });
    }
    const amount = house.priceOf(house.offer(this.#options));
    return {
      id: price.stripePriceId,
      product: price.stripeProductId,
      unitAmount: amount.amountCents,
      currency: amount.currency,
    };
  }

  /** A new customer, in Stripe and here. Errors: `stripe_rejected`, `stripe_unavailable`. */
  async createCustomer(input: {
    email: string;
    name?: string;
    metadata?: Record<string, string>;
  }): Promise<StripeObject> {
    const house = await openHouse(this.#source);
    return this.#take(house, 'customer', await house.stripe.createCustomer(input, house.newKey()));
  }

  /**
   * A new subscription to what the price is for. Without `paymentMethodId`, and without a default card of the customer's, it waits for its
   * first payment. It is made once, whatever breaks in between. Errors: `already_subscribed` while another to the same product goes on,
   * `stripe_declined` (then nothing is left that could be charged), `stripe_rejected`, `stripe_unavailable`.
   */
  async createSubscription(input: {
    customerId: string;
    priceId: string;
    paymentMethodId?: string;
    metadata?: Record<string, string>;
  }): Promise<StripeObject> {
    const house = await openHouse(this.#source);
    const { customerId, priceId, paymentMethodId, metadata = {} } = input;
    const offer = await house.offerOfPrice(priceId);
    if (offer === null) {
      // A price that the catalog does not know brings no licence; whoever made it in Stripe knows what it is for.
      return this.#take(
        house,
        'subscription',
        await house.stripe.createSubscription({ ...input, metadata }, house.newKey()),
      );
    }
    const { id } = await this.#customer(house, customerId);
    const write: Write = (work) => house.database.transaction({ actor: libraryActor }, work);
    const wish = { customerId: id, owns: [id], ...offer, paymentMethod: paymentMethodId };
    const { subscription } = await house.newSubscriptions.subscribe(wish, write);
    const { reference } = subscription;
    if (Object.keys(metadata).length > 0) {
      return this.#take(
        house,
        'subscription',
        await house.stripe.updateSubscription(reference, { metadata }, house.newKey()),
      );
    }
    const made = await this.getSubscription({ subscriptionId: reference });
    if (made === null) throw new LatchkeyError('stripe_rejected', `Stripe does not know ${reference} any more.`);
    return made;
  }

  /** A page where the price can be paid. Paying it brings the licence and the letter with its key. */
  async createCheckoutSession(input: {
    priceId: string;
    successUrl: string;
    cancelUrl: string;
    customerEmail?: string;
    metadata?: Record<string, string>;
  }): Promise<StripeObject> {
    const house = await openHouse(this.#source);
    const offer = await house.offerOfPrice(input.priceId);
    const session = await house.stripe.createCheckoutSession(
      {
        mode: offer === null || house.priceOf(offer).interval !== null ? 'subscription' : 'payment',
        priceId: input.priceId,
        ...(input.customerEmail === undefined ? {} : { email: input.customerEmail }),
        successUrl: input.successUrl,
        cancelUrl: input.cancelUrl,
        metadata: {
          ...(offer === null ? {} : { latchkey_product: offer.product, latchkey_plan: offer.plan }),
          ...input.metadata,
        },
      },
      house.newKey(),
    );
    return this.#take(house, 'checkout_session', session);
  }

  /** Cancels a subscription of Stripe's now, or with `atPeriodEnd` when what was paid for ends. */
  async cancelSubscription(input: { subscriptionId: string; atPeriodEnd?: boolean }): Promise<StripeObject> {
    const house = await openHouse(this.#source);
    const { subscriptionId, atPeriodEnd = false } = input;
    const key = house.newKey();
    const answer = atPeriodEnd
      ? await house.stripe.updateSubscription(subscriptionId, { cancelAtPeriodEnd: true }, key)
      : await house.stripe.cancelSubscription(subscriptionId, key);
    return this.#take(house, 'subscription', answer);
  }

  /** A subscription as Stripe has it now; null when Stripe does not know it. */
  async getSubscription(input: { subscriptionId: string }): Promise<StripeObject | null> {
    const house = await openHouse(this.#source);
    const found = await house.stripe.fetch('subscription', input.subscriptionId);
    return found === null ? null : this.#take(house, 'subscription', found);
  }

  /** The event of a delivery that Stripe signed; null when it did not, or too long ago. `payload` is the body as it came, byte for byte. */
  async verifyWebhookSignature(input: {
    payload: string | Uint8Array;
    signature: string | undefined;
  }): Promise<VerifiedEvent | null> {
    const house = await openHouse(this.#source);
    const payload = typeof input.payload === 'string' ? Buffer.from(input.payload, 'utf8') : input.payload;
    if (input.signature === undefined || !house.isSigned(payload, input.signature)) return null;
    const event = JSON.parse(Buffer.from(payload).toString('utf8')) as Omit<VerifiedEvent, 'payload' | 'signature'>;
    return { ...event, payload, signature: input.signature };
  }

  /**
   * Stores a verified event and works on it, together with whatever waited. Resolves when that is done: the licence is issued,
   * extended or taken back. The same event again changes nothing.
   */
  async handleWebhookEvent(input: { event: VerifiedEvent }): Promise<'stored' | 'duplicate'> {
    const house = await openHouse(this.#source);
    const outcome = await house.inbox.receive(input.event.payload, input.event.signature, 'library');
    await house.settle();
    return outcome;
  }

  /** Whether a checkout or a subscription is paid, as Stripe says now. */
  async verifyPayment(
    input: { sessionId: string } | { subscriptionId: string },
  ): Promise<{ paid: boolean; status: string | null; subscriptionId: string | null }> {
    const house = await openHouse(this.#source);
    if ('sessionId' in input) {
      const session = await house.stripe.fetch('checkout_session', input.sessionId);
      if (session === null) return { paid: false, status: null, subscriptionId: null };
      const { payment_status, subscription } = this.#fields(await this.#take(house, 'checkout_session', session));
      const paid = payment_status === 'paid' || payment_status === 'no_payment_required';
      return {
        paid,
        status: String(payment_status),
        subscriptionId: typeof subscription === 'string' ? subscription : null,
      };
    }
    const subscription = await this.getSubscription(input);
    const status = subscription === null ? null : String(this.#fields(subscription).status);
    return { paid: status === 'active' || status === 'trialing', status, subscriptionId: subscription?.id ?? null };
  }

  /** Closes the Latchkey that was opened for this object; one that was handed in stays open. */
  async close(): Promise<void> {
    await closeHouse(this.#source);
  }

  /** The customer of an id of Stripe's; one that was made elsewhere is made known here first. */
  async #customer(house: House, stripeCustomerId: string): Promise<{ id: string }> {
    const known = await house.customers.ofStripe(stripeCustomerId);
    if (known !== null) return known;
    const found = await house.stripe.fetch('customer', stripeCustomerId);
    if (found !== null) await this.#take(house, 'customer', found);
    return house.customers.get(stripeCustomerId);
  }

  async #pushed(house: House): Promise<{ stripeProductId: string; stripePriceId: string }> {
    const offer = house.offer(this.#options);
    const known = await house.currentPrice(offer);
    if (known !== null) return known;
    await house.pushCatalog();
    const price = await house.currentPrice(offer);
    if (price !== null) return price;
    throw new LatchkeyError(
      'plan_unknown',
      `${offer.plan} of ${offer.product} costs nothing, so Stripe has no price for it.`,
    );
  }

  /** Stripe's answer is projected before it is handed on, so that the next read here sees it. */
  async #take(
    house: House,
    type: 'customer' | 'subscription' | 'checkout_session',
    { object, asOf }: FetchedObject,
  ): Promise<StripeObject> {
    await house.projector.projectFetched(type, object, asOf);
    return object;
  }

  #fields(object: StripeObject): Record<string, unknown> {
    return object;
  }
}
