/** The only way to Stripe. Everything the house asks of Stripe is a method here; nothing else knows the SDK. */

import { type Interval, LatchkeyError } from '@latchkey/core';
import Stripe from 'stripe';
import type { NewStripePrice, StripeCatalogApi, StripePriceSummary } from '../catalog/stripe-catalog-api.ts';
import type { Log } from '../observability/log.ts';
import type { FetchedObject } from './project.ts';
import { type Circuit, createResilience, type ResilienceOptions } from './resilience.ts';
import type { MirroredType, StripeObject } from './shapes.ts';

export type { FetchedObject } from './project.ts';

export interface StripeClientOptions {
  secretKey: string;
  /** A Stripe-compatible address; null is Stripe itself. */
  apiUrl: string | null;
  log: Log;
  resilience?: Omit<ResilienceOptions, 'isOutage'>;
}

export interface NewCheckoutSession {
  mode: 'subscription' | 'payment';
  priceId: string;
  quantity?: number;
  email?: string;
  customerId?: string;
  successUrl: string;
  cancelUrl: string;
  trialDays?: number;
  metadata: Record<string, string>;
}

export interface NewSubscription {
  customerId: string;
  priceId: string;
  /** Without one, and without a default of the customer's, the subscription waits for its first payment. */
  paymentMethodId?: string;
  trialDays?: number;
  metadata: Record<string, string>;
}

export interface NewRefund {
  /** `pi_…`, or `ch_…` where there is none. */
  payment: string;
  amountCents: number;
  reason?: 'duplicate' | 'fraudulent' | 'requested_by_customer';
}

/** Stripe, as the house uses it. Every write takes the key under which Stripe carries it out once. */
export interface StripeClient extends StripeCatalogApi {
  readonly circuit: Circuit;
  accountId(): Promise<string>;
  /** An object as it is now; null when Stripe does not know it. */
  fetch(type: MirroredType, id: string): Promise<FetchedObject | null>;
  /** A page of all that Stripe has of a type, the newest first, canceled subscriptions too; `after` is the last id of the page before. */
  listPage(type: MirroredType, after: string | null): Promise<{ objects: FetchedObject[]; hasMore: boolean }>;
  /** The latest invoices of a subscription, at most 100. */
  invoicesOf(subscriptionId: string): Promise<FetchedObject[]>;
  /** Which invoices a payment intent pays, or what pays an invoice. */
  invoicePaymentsOf(of: { paymentIntent: string } | { invoice: string }): Promise<FetchedObject[]>;
  createCustomer(
    customer: { email: string; name?: string; metadata?: Record<string, string> },
    idempotencyKey: string,
  ): Promise<FetchedObject>;
  createCheckoutSession(session: NewCheckoutSession, idempotencyKey: string): Promise<FetchedObject>;
  createSubscription(subscription: NewSubscription, idempotencyKey: string): Promise<FetchedObject>;
  updateSubscription(
    id: string,
    changes: { cancelAtPeriodEnd?: boolean; metadata?: Record<string, string> },
    idempotencyKey: string,
  ): Promise<FetchedObject>;
  cancelSubscription(id: string, idempotencyKey: string): Promise<FetchedObject>;
  /** Gives back a part of a payment intent, or of a charge without one. */
  createRefund(refund: NewRefund, idempotencyKey: string): Promise<FetchedObject>;
  listWebhookEndpoints(): Promise<{ id: string; url: string }[]>;
  createWebhookEndpoint(
    endpoint: { url: string; events: readonly string[] },
    idempotencyKey?: string,
  ): Promise<{ id: string; secret: string }>;
}

/** The SDK gives up a little after the policy does, so that the socket does not outlive the call by much. */
const SDK_TIMEOUT_MS = 10_000;
/** The longest a webhook endpoint list or a search may be: one page. */
const PAGE = 100;

export function createStripeClient({
  secretKey,
  apiUrl,
  log,
  resilience: tuning = {},
}: StripeClientOptions): StripeClient {
  const sdk = new Stripe(secretKey, {
    ...addressOf(apiUrl),
    maxNetworkRetries: 0,
    timeout: SDK_TIMEOUT_MS,
    telemetry: false,
  });
  const resilience = createResilience({ ...tuning, isOutage });

  /** One call through the policy; whatever goes wrong is an error of ours. */
  async function call<T>(name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await resilience.run(work);
    } catch (error) {
      const known = translate(error, resilience.isRefusal(error), resilience.openSeconds);
      log.warn({ call: name, code: known.code, circuit: resilience.circuit() }, 'a call to Stripe failed');
      throw known;
    }
  }

  const timed = async <T extends object>(
    name: string,
    work: () => Promise<Stripe.Response<T>>,
  ): Promise<FetchedObject> => toFetched(await call(name, work));

  /** The same, where a 404 is an answer. */
  const optional = async <T extends object>(name: string, work: () => Promise<Stripe.Response<T>>) =>
    call(name, () => work().catch(absentIfMissing));

  return {
    get circuit() {
      return resilience.circuit();
    },

    async accountId() {
      const account = await call('account.retrieve', () => sdk.accounts.retrieveCurrent());
      return account.id;
    },

    async fetch(type, id) {
      const found = await optional(`${type}.retrieve`, () => retrieve(sdk, type, id));
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

    createCustomer: ({ email, name, metadata }, idempotencyKey) =>
      timed('customers.create', () =>
        sdk.customers.create(
          { email, ...(name === undefined ? {} : { name }), ...(metadata === undefined ? {} : { metadata }) },
          { idempotencyKey },
        ),
      ),

    createCheckoutSession: (session, idempotencyKey) =>
      timed('checkout.sessions.create', () =>
        sdk.checkout.sessions.create(checkoutParams(session), { idempotencyKey }),
      ),

    createSubscription: ({ customerId, priceId, paymentMethodId, trialDays, metadata }, idempotencyKey) =>
      timed('subscriptions.create', () =>
        sdk.subscriptions.create(
          {
            customer: customerId,
            items: [{ price: priceId }],
            metadata,
            payment_behavior: paymentMethodId === undefined ? 'default_incomplete' : 'allow_incomplete',
            ...(paymentMethodId === undefined ? {} : { default_payment_method: paymentMethodId }),
            ...(trialDays === undefined || trialDays === 0 ? {} : { trial_period_days: trialDays }),
          },
          { idempotencyKey },
        ),
      ),

    updateSubscription: (id, { cancelAtPeriodEnd, metadata }, idempotencyKey) =>
      timed('subscriptions.update', () =>
        sdk.subscriptions.update(
          id,
          {
            ...(cancelAtPeriodEnd === undefined ? {} : { cancel_at_period_end: cancelAtPeriodEnd }),
            ...(metadata === undefined ? {} : { metadata }),
          },
          { idempotencyKey },
        ),
      ),

    cancelSubscription: (id, idempotencyKey) =>
      timed('subscriptions.cancel', () => sdk.subscriptions.cancel(id, {}, { idempotencyKey })),

    createRefund: ({ payment, amountCents, reason }, idempotencyKey) =>
      timed('refunds.create', () =>
        sdk.refunds.create(
          {
            ...(payment.startsWith('pi_') ? { payment_intent: payment } : { charge: payment }),
            amount: amountCents,
            ...(reason === undefined ? {} : { reason }),
          },
          { idempotencyKey },
        ),
      ),

    async listWebhookEndpoints() {
      const list = await call('webhook_endpoints.list', () => sdk.webhookEndpoints.list({ limit: PAGE }));
      return list.data.map(({ id, url }) => ({ id, url }));
    },

    async createWebhookEndpoint({ url, events }, idempotencyKey) {
      const endpoint = await call('webhook_endpoints.create', () =>
        sdk.webhookEndpoints.create(
          { url, enabled_events: [...events] as Stripe.WebhookEndpointCreateParams.EnabledEvent[] },
          idempotencyKey === undefined ? {} : { idempotencyKey },
        ),
      );
      if (endpoint.secret === undefined)
        throw new LatchkeyError('stripe_rejected', 'Stripe gave the endpoint no secret.');
      return { id: endpoint.id, secret: endpoint.secret };
    },

    ...catalogCalls(sdk, call),
  };
}

type Call = <T>(name: string, work: () => Promise<T>) => Promise<T>;

function catalogCalls(sdk: Stripe, call: Call): StripeCatalogApi {
  const findPrice = async (lookupKey: string) => {
    // Stripe lists active and archived prices together unless told otherwise.
    const list = await call('prices.list', () => sdk.prices.list({ lookup_keys: [lookupKey], limit: 1 }));
    return list.data[0];
  };
  return {
    async findOrCreateProduct({ idempotencyKey, description, ...product }) {
      const wanted = { ...product, ...(description === null ? {} : { description }) };
      const find = () => call('products.retrieve', () => sdk.products.retrieve(product.id).catch(absentIfMissing));
      const found =
        (await find()) ??
        (await call('products.create', () =>
          sdk.products.create(wanted, { idempotencyKey }).catch((error: unknown) => {
            if (isTaken(error)) return null;
            throw error;
          }),
        )) ??
        (await find());
      if (found === null)
        throw new LatchkeyError('stripe_rejected', `Stripe neither has nor makes the product ${product.id}.`);
      return { id: found.id, name: found.name, description: found.description, active: found.active };
    },

    async updateProduct(id, { name, description }) {
      const changes = { name, description: description ?? '', active: true };
      await call('products.update', () => sdk.products.update(id, changes));
    },

    async findOrCreatePrice(price) {
      const found =
        (await findPrice(price.lookupKey)) ??
        (await call('prices.create', () =>
          sdk.prices.create(priceParams(price), { idempotencyKey: price.idempotencyKey }).catch((error: unknown) => {
            if (isTaken(error)) return null;
            throw error;
          }),
        )) ??
        (await findPrice(price.lookupKey));
      if (found === undefined)
        throw new LatchkeyError('stripe_rejected', `Stripe neither has nor makes the price ${price.lookupKey}.`);
      return priceSummary(found);
    },

    async activatePrice(id) {
      await call('prices.update', () => sdk.prices.update(id, { active: true }));
    },

    async retrievePrice(id) {
      const price = await call('prices.retrieve', () => sdk.prices.retrieve(id).catch(absentIfMissing));
      return price === null ? null : priceSummary(price);
    },
  };
}

function priceParams(price: NewStripePrice): Stripe.PriceCreateParams {
  const { productId, lookupKey, nickname, amountCents, currency, interval, intervalCount, metadata } = price;
  return {
    product: productId,
    lookup_key: lookupKey,
    nickname,
    unit_amount: amountCents,
    currency,
    metadata,
    ...(interval === null ? {} : { recurring: { interval, interval_count: intervalCount } }),
  };
}

const INTERVALS: readonly Interval[] = ['day', 'week', 'month', 'year'];

function priceSummary(price: Stripe.Price): StripePriceSummary {
  return {
    id: price.id,
    productId: typeof price.product === 'string' ? price.product : price.product.id,
    active: price.active,
    lookupKey: price.lookup_key,
    amountCents: price.unit_amount,
    currency: price.currency,
    interval: INTERVALS.find((interval) => interval === price.recurring?.interval) ?? null,
    intervalCount: price.recurring?.interval_count ?? 1,
  };
}

function checkoutParams(session: NewCheckoutSession): Stripe.Checkout.SessionCreateParams {
  const { mode, priceId, quantity = 1, email, customerId, successUrl, cancelUrl, trialDays, metadata } = session;
  const trial = trialDays === undefined || trialDays === 0 ? {} : { trial_period_days: trialDays };
  return {
    mode,
    line_items: [{ price: priceId, quantity }],
    success_url: successUrl,
    cancel_url: cancelUrl,
    metadata,
    ...(customerId === undefined ? {} : { customer: customerId }),
    ...(email === undefined || customerId !== undefined ? {} : { customer_email: email }),
    ...(mode === 'subscription'
      ? { subscription_data: { metadata, ...trial } }
      : {
          payment_intent_data: { metadata },
          ...(customerId === undefined ? { customer_creation: 'always' as const } : {}),
        }),
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

function addressOf(apiUrl: string | null): Stripe.StripeConfig {
  if (apiUrl === null) return {};
  const { hostname, port, protocol } = new URL(apiUrl);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  return { host: hostname, port: port === '' ? (scheme === 'https' ? 443 : 80) : Number(port), protocol: scheme };
}

function toFetched<T extends object>(answer: Stripe.Response<T>): FetchedObject {
  return { object: plain(answer), asOf: dateOf(answer) };
}

/** Plain JSON as it came over the wire: the SDK turns decimals into objects of its own. */
function plain(object: object): StripeObject {
  return JSON.parse(JSON.stringify(object)) as StripeObject;
}

interface AnswerHeaders {
  lastResponse: { headers: Record<string, string> };
}

/**
 * The answer's `Date`: Stripe's own clock, in whole seconds, which orders fetches against events. An answer that Stripe kept
 * and gives again under the same idempotency key carries today's date and an old state: it is dated so early that nothing
 * newer gives way to it.
 */
function dateOf({ lastResponse: { headers } }: AnswerHeaders): Date {
  if (headers['idempotent-replayed'] === 'true') return new Date(0);
  const date = new Date(headers.date ?? '');
  if (Number.isNaN(date.getTime())) throw new LatchkeyError('stripe_rejected', 'Stripe answered without a date.');
  return date;
}

function isOutage(error: unknown): boolean {
  if (error instanceof Stripe.errors.StripeConnectionError || error instanceof Stripe.errors.StripeRateLimitError)
    return true;
  if (!(error instanceof Stripe.errors.StripeError)) return false;
  // 409: another attempt under the same idempotency key is still being carried out.
  return error.statusCode === undefined || error.statusCode >= 500 || error.statusCode === 409;
}

function absentIfMissing(error: unknown): null {
  if (error instanceof Stripe.errors.StripeError && error.statusCode === 404) return null;
  throw error;
}

/** The id or the lookup key was given away a moment ago. */
function isTaken(error: unknown): boolean {
  return (
    error instanceof Stripe.errors.StripeInvalidRequestError &&
    (error.code === 'resource_already_exists' || error.param === 'lookup_key')
  );
}

function translate(error: unknown, isRefusal: boolean, openSeconds: number): LatchkeyError {
  if (error instanceof LatchkeyError) return error;
  if (isRefusal || isOutage(error)) {
    return new LatchkeyError(
      'stripe_unavailable',
      'Stripe does not answer at the moment. Nothing was lost; try again soon.',
      {
        retryAfterSeconds: openSeconds,
        cause: error,
      },
    );
  }
  if (error instanceof Stripe.errors.StripeCardError) {
    return new LatchkeyError('stripe_declined', error.message, {
      meta: { decline_code: error.decline_code ?? error.code ?? null },
      cause: error,
    });
  }
  if (error instanceof Stripe.errors.StripeError) {
    const missing = error.statusCode === 404;
    return new LatchkeyError(missing ? 'resource_missing' : 'stripe_rejected', `Stripe refused: ${error.message}`, {
      meta: { stripe_code: error.code ?? null, stripe_request_id: error.requestId ?? null },
      cause: error,
    });
  }
  return new LatchkeyError('internal', 'A call to Stripe broke off in an unexpected way.', { cause: error });
}
