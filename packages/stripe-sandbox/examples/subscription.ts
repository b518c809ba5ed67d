import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import Stripe from 'stripe';

/**
 * The life of a subscription, by the official SDK alone: product, price, customer, card, subscription, upgrade with a preview
 * that is what is then charged, cancellation; pages beyond the first hundred, expansion, idempotency, errors.
 *
 *     npm run stripe
 *     node packages/stripe-sandbox/examples/subscription.ts http://127.0.0.1:12111
 *
 * Time is moved by a test clock, so that it runs against Stripe's own test mode just as well: without an address, and with
 * `STRIPE_TEST_KEY` set.
 */

const DAY = 86_400;
const LAST_OF_MANY = 104;

/** Throws where Stripe does not do what the program counts on. */
function hold(condition: boolean, what: string): void {
  if (!condition) throw new Error(`Expected: ${what}`);
}

async function refusal(call: Promise<unknown>): Promise<Stripe.errors.StripeError> {
  try {
    await call;
  } catch (error) {
    if (error instanceof Stripe.errors.StripeError) return error;
    throw error;
  }
  throw new Error('Expected: a refusal');
}

/** What the steps share. */
type Shop = {
  stripe: Stripe;
  say: (line: string) => void;
  clock: Stripe.TestHelpers.TestClock;
  basic: Stripe.Price;
  pro: Stripe.Price;
  customer: Stripe.Customer;
};

async function openShop(stripe: Stripe, say: (line: string) => void): Promise<Shop> {
  const product = await stripe.products.create({ name: 'Licence', metadata: { kind: 'example' } });
  const monthly = { currency: 'usd', product: product.id, recurring: { interval: 'month' as const } };
  const basic = await stripe.prices.create({ ...monthly, unit_amount: 1000, nickname: 'Basic' });
  const pro = await stripe.prices.create({ ...monthly, unit_amount: 2500, nickname: 'Pro' });
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: Math.floor(Date.now() / 1000) });
  const customer = await stripe.customers.create({ email: 'ada@example.com', name: 'Ada', test_clock: clock.id });
  const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
  await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: card.id } });
  say(`product ${product.id} in two prices; ${customer.id} pays with ${card.card?.brand} ${card.card?.last4}`);
  return { stripe, say, clock, basic, pro, customer };
}

/** Lets the clock stand at `time`, and waits until everything on the way has happened. */
async function moveTo({ stripe, clock }: Shop, time: number): Promise<void> {
  let { status } = await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: time });
  while (status === 'advancing') {
    ({ status } = await stripe.testHelpers.testClocks.retrieve(clock.id));
    if (status === 'advancing') await wait(1000);
  }
  hold(status === 'ready', 'a clock that has arrived');
}

async function subscribe({ stripe, say, basic, customer }: Shop): Promise<Stripe.Subscription> {
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: basic.id }],
    metadata: { plan: 'basic' },
    expand: ['latest_invoice'],
  });
  const invoice = subscription.latest_invoice as Stripe.Invoice;
  hold(subscription.status === 'active', 'a subscription that is active');
  hold(invoice.status === 'paid' && invoice.amount_paid === 1000, 'a first invoice of $10, paid');
  say(`${subscription.id} is active, ${invoice.id} paid`);
  return subscription;
}

/** Half-way through the month; what the preview shows is what the customer is charged. */
async function upgrade(shop: Shop, subscription: Stripe.Subscription): Promise<Stripe.Subscription> {
  const { stripe, say, pro } = shop;
  const [item] = subscription.items.data;
  if (item === undefined) throw new Error('Expected: an item');
  const half = Math.round((item.current_period_start + item.current_period_end) / 2);
  await moveTo(shop, half);
  const change = {
    items: [{ id: item.id, price: pro.id }],
    proration_behavior: 'always_invoice' as const,
    proration_date: half,
  };
  const preview = await stripe.invoices.createPreview({ subscription: subscription.id, subscription_details: change });
  const upgraded = await stripe.subscriptions.update(subscription.id, { ...change, metadata: { plan: 'pro' } });
  const invoice = await stripe.invoices.retrieve(String(upgraded.latest_invoice));
  const amounts = (one: Stripe.Invoice) => one.lines.data.map((line) => line.amount).join();
  hold(amounts(preview) === amounts(invoice) && preview.total === invoice.total, 'an invoice that is its preview');
  hold(invoice.amount_paid === 750, 'half of the difference between $25 and $10 charged at once');
  hold(upgraded.metadata.plan === 'pro', 'metadata that follows');
  say(`upgraded for ${amounts(invoice)} cents, as previewed`);
  return upgraded;
}

async function renewAndCancel(shop: Shop, subscription: Stripe.Subscription): Promise<void> {
  const { stripe, say } = shop;
  const end = subscription.items.data[0]?.current_period_end ?? 0;
  await moveTo(shop, end + 2 * 3600);
  const renewed = await stripe.subscriptions.retrieve(subscription.id, { expand: ['latest_invoice'] });
  hold((renewed.latest_invoice as Stripe.Invoice).amount_paid === 2500, 'a renewal at the new price');
  const ending = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  hold(ending.status === 'active' && ending.cancel_at !== null, 'a subscription that is going to end');
  const kept = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
  hold(kept.cancel_at === null, 'a subscription that goes on after all');
  await moveTo(shop, end + 10 * DAY);
  const canceled = await stripe.subscriptions.cancel(subscription.id, {
    prorate: true,
    invoice_now: true,
    cancellation_details: { feedback: 'unused' },
  });
  hold(canceled.status === 'canceled' && canceled.ended_at === end + 10 * DAY, 'a subscription that ended now');
  const last = await stripe.invoices.retrieve(String(canceled.latest_invoice));
  const customer = (await stripe.customers.retrieve(shop.customer.id)) as Stripe.Customer;
  hold(last.total < 0 && customer.balance === last.total, 'what is left of the month as credit');
  say(`renewed, canceled; ${-last.total} cents of credit are left`);
}

/** More than a page holds: the SDK fetches page after page, and each object comes once. */
async function pages({ stripe, say, basic }: Shop): Promise<void> {
  const product = String(basic.product);
  for (let number = 1; number <= LAST_OF_MANY; number += 8) {
    const some = Array.from({ length: Math.min(8, LAST_OF_MANY - number + 1) }, (_, index) => number + index);
    await Promise.all(some.map((amount) => stripe.prices.create({ currency: 'usd', product, unit_amount: amount })));
  }
  const seen = new Set<string>();
  let count = 0;
  for await (const price of stripe.prices.list({ product, type: 'one_time', limit: 40 })) {
    seen.add(price.id);
    count += 1;
  }
  hold(count === LAST_OF_MANY && seen.size === count, `each of ${LAST_OF_MANY} prices once`);
  const first = await stripe.prices.list({ product, limit: 100 });
  hold(first.data.length === 100 && first.has_more, 'a full page, and more behind it');
  say(`${count} prices in three pages`);
}

async function expansion({ stripe, say }: Shop, subscription: string): Promise<void> {
  const [first] = (await stripe.invoices.list({ subscription, status: 'paid', limit: 10 })).data.slice(-1);
  if (first === undefined) throw new Error('Expected: a paid invoice');
  const path = 'payments.data.payment.payment_intent';
  const expanded = await stripe.invoices.retrieve(first.id ?? '', { expand: [path, 'customer'] });
  const intent = expanded.payments?.data[0]?.payment.payment_intent as Stripe.PaymentIntent;
  hold(intent.object === 'payment_intent' && intent.status === 'succeeded', 'the payment, four levels down');
  hold((expanded.customer as Stripe.Customer).object === 'customer', 'the customer in place of an id');
  const deeper = await refusal(stripe.invoices.retrieve(first.id ?? '', { expand: [`${path}.latest_charge`] }));
  hold(deeper.statusCode === 400, 'a fifth level refused');
  say('ids turned into objects, four levels deep');
}

async function idempotency({ stripe, say }: Shop): Promise<void> {
  const idempotencyKey = randomUUID();
  const made = await stripe.customers.create({ name: 'Grace' }, { idempotencyKey });
  const again = await stripe.customers.create({ name: 'Grace' }, { idempotencyKey });
  hold(made.id === again.id, 'the same answer for the same key');
  hold(again.lastResponse.headers['idempotent-replayed'] === 'true', 'an answer that says it is a repetition');
  const other = await refusal(stripe.customers.create({ name: 'Ada' }, { idempotencyKey }));
  hold(other instanceof Stripe.errors.StripeIdempotencyError, 'other parameters under the same key refused');
  await stripe.customers.del(made.id);
  say('one key, one customer');
}

async function errors({ stripe, say, customer, basic }: Shop): Promise<void> {
  const declined = await refusal(stripe.paymentMethods.attach('pm_card_chargeDeclined', { customer: customer.id }));
  hold(declined instanceof Stripe.errors.StripeCardError && declined.code === 'card_declined', 'a declined card');
  const missing = await refusal(stripe.subscriptions.retrieve('sub_that_never_was'));
  hold(missing.statusCode === 404 && missing.code === 'resource_missing', 'no such subscription');
  const incomplete = await refusal(
    stripe.subscriptions.create({ customer: customer.id } as Stripe.SubscriptionCreateParams),
  );
  hold(incomplete.param === 'items' && incomplete.statusCode === 400, 'a missing parameter, named');
  const unknown = { customer: customer.id, items: [{ price: basic.id }], colour: 'red' };
  hold((await refusal(stripe.subscriptions.create(unknown))).code === 'parameter_unknown', 'an unknown one, named');
  say('declines and mistakes come with their codes');
}

/** Runs all of it; throws at the first thing that is not as it should be. `say` is told of each step. */
export async function liveASubscription(stripe: Stripe, say: (line: string) => void): Promise<void> {
  const shop = await openShop(stripe, say);
  const subscription = await upgrade(shop, await subscribe(shop));
  await expansion(shop, subscription.id);
  await renewAndCancel(shop, subscription);
  await pages(shop);
  await idempotency(shop);
  await errors(shop);
  await stripe.testHelpers.testClocks.del(shop.clock.id);
}

function connect(address: string | undefined): Stripe {
  const key = process.env.STRIPE_TEST_KEY;
  if (address === undefined && key !== undefined && key.startsWith('sk_test_')) return new Stripe(key);
  const { hostname, port } = new URL(address ?? 'http://127.0.0.1:12111');
  return new Stripe('sk_test_example', { protocol: 'http', host: hostname, port: Number(port) });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  await liveASubscription(connect(process.argv[2]), (line) => process.stdout.write(`${line}\n`));
}
