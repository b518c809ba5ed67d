import Stripe from 'stripe';
import type { StripeSandboxOptions } from '../src/index.ts';
import { startObservedSandbox } from './conformance/observed-sandbox.ts';

export type ClockState = {
  now: string;
  next_due_at: string | null;
  pending_deliveries: number;
  waiting_deliveries: number;
  held_deliveries: number;
};

/** A local Stripe under test with the official SDK pointed at it. */
export type TestStripe = {
  url: string;
  port: number;
  stripe: Stripe;
  /** Calls the control API; throws when it does not answer 200. */
  control<T = Record<string, unknown>>(method: 'GET' | 'POST', path: string, body?: object): Promise<T>;
  /** Moves the clock to a time (seconds since the epoch). */
  moveTo(seconds: number): Promise<ClockState>;
  now(): Promise<number>;
  settle(): Promise<void>;
  close(): Promise<void>;
};

export function sdk(port: number, config: Stripe.StripeConfig = {}): Stripe {
  return new Stripe('sk_test_harness', { protocol: 'http', host: '127.0.0.1', port, maxNetworkRetries: 0, ...config });
}

export async function controlCall<T>(
  url: string,
  adminToken: string,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<T> {
  const response = await fetch(`${url}/_sandbox${path}`, {
    method,
    headers: { authorization: `Bearer ${adminToken}` },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return JSON.parse(text) as T;
}

/** Starts one; everything it answers and sends is held against the SDK's types when it is closed. */
export async function startTestStripe(
  options: Partial<Omit<StripeSandboxOptions, 'observer'>> = {},
): Promise<TestStripe> {
  const problems: string[] = [];
  const sandbox = await startObservedSandbox({ log: (line) => problems.push(line), ...options });
  const control = <T>(method: 'GET' | 'POST', path: string, body?: object): Promise<T> =>
    controlCall<T>(sandbox.url, sandbox.adminToken, method, path, body);
  return {
    url: sandbox.url,
    port: sandbox.port,
    stripe: sdk(sandbox.port),
    control,
    moveTo: (seconds) => control<ClockState>('POST', '/clock', { to: new Date(seconds * 1000).toISOString() }),
    async now() {
      return Math.floor(Date.parse((await control<ClockState>('GET', '/clock')).now) / 1000);
    },
    async settle() {
      const { settled } = await control<{ settled: boolean }>('POST', '/webhooks/settle', {});
      if (!settled) throw new Error('The deliveries did not settle');
    },
    async close() {
      await sandbox.close();
      if (problems.length > 0) throw new Error(`The sandbox reported problems:\n${problems.join('\n')}`);
    },
  };
}

/** A monthly (or other) price of a new product. */
export async function createPrice(
  stripe: Stripe,
  recurring: Stripe.PriceCreateParams.Recurring | null = { interval: 'month' },
  amount = 2500,
): Promise<Stripe.Price> {
  return stripe.prices.create({
    currency: 'usd',
    unit_amount: amount,
    product_data: { name: 'Licence' },
    ...(recurring === null ? {} : { recurring }),
  });
}

/** A customer whose default payment method is the given test card. */
export async function createCustomer(stripe: Stripe, card = 'pm_card_visa'): Promise<Stripe.Customer> {
  const customer = await stripe.customers.create({ email: 'ada@example.com', name: 'Ada' });
  const paymentMethod = await stripe.paymentMethods.attach(card, { customer: customer.id });
  return stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: paymentMethod.id } });
}

export const DAY = 86_400;
export const HOUR = 3600;

/** The error an SDK call is rejected with. */
export async function stripeError(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error('The call was expected to fail, but it succeeded');
}

export function periodOf(subscription: Stripe.Subscription): { start: number; end: number } {
  const [item] = subscription.items.data;
  return { start: item?.current_period_start ?? 0, end: item?.current_period_end ?? 0 };
}

/** A sandbox with one monthly subscription paid by `card`. */
export async function beginSubscription(
  card = 'pm_card_visa',
  options: Parameters<typeof startTestStripe>[0] = {},
  more: Partial<Stripe.SubscriptionCreateParams> = {},
) {
  const test = await startTestStripe(options);
  const { stripe } = test;
  const price = await createPrice(stripe);
  const customer = await createCustomer(stripe, card);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    ...more,
  });
  return { test, stripe, price, customer, subscription };
}

export async function latestInvoice(stripe: Stripe, subscription: string): Promise<Stripe.Invoice> {
  const [invoice] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
  if (invoice === undefined) throw new Error('The subscription has no invoice');
  return invoice;
}
