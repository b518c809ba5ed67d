import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCustomer, createPrice, HOUR, startTestStripe, type TestStripe } from './harness.ts';
import { Receiver } from './receiver.ts';

const OLD = '2024-06-20';

type Old = Record<string, unknown> & { data: Old[]; lines: { data: Old[] } };

let test: TestStripe;
let receiver: Receiver;
let subscription: Stripe.Subscription;
beforeAll(async () => {
  test = await startTestStripe();
  receiver = new Receiver();
  const url = await receiver.listen();
  await test.stripe.webhookEndpoints.create({ url, enabled_events: ['*'], api_version: OLD });
  const price = await createPrice(test.stripe);
  const customer = await createCustomer(test.stripe);
  subscription = await test.stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    metadata: { plan: 'license' },
  });
});
afterAll(async () => {
  await test.close();
  await receiver.close();
});

async function get(path: string, version = OLD): Promise<Old> {
  const response = await fetch(`${test.url}/v1/${path}`, {
    headers: { authorization: 'Bearer sk_test_old', 'stripe-version': version },
  });
  expect(response.headers.get('stripe-version')).toBe(version);
  return (await response.json()) as Old;
}

/** Where the payment of the first invoice is today. */
async function payment(): Promise<{ invoice: string; intent: string; charge: string }> {
  const invoice = String(subscription.latest_invoice);
  const [paid] = (await test.stripe.invoicePayments.list({ invoice })).data;
  const intent = String(paid?.payment.payment_intent);
  return { invoice, intent, charge: String((await test.stripe.paymentIntents.retrieve(intent)).latest_charge) };
}

describe('a caller of a version before 2025-03-31', () => {
  it('sees the billing period on the subscription', async () => {
    const [item] = subscription.items.data;
    const old = await get(`subscriptions/${subscription.id}`);
    expect(old.current_period_end).toBe(item?.current_period_end);
    expect(old.current_period_start).toBe(item?.current_period_start);
  });

  it('sees the subscription, payment intent and charge of an invoice, and whether it is paid', async () => {
    const { invoice, intent, charge } = await payment();
    const old = await get(`invoices/${invoice}`);
    expect(old).toMatchObject({ subscription: subscription.id, payment_intent: intent, charge, paid: true });
    expect(old.subscription_details).toEqual({ metadata: { plan: 'license' } });
    expect(old).not.toHaveProperty('parent');
    expect(old.lines.data[0]).toMatchObject({
      subscription: subscription.id,
      type: 'subscription',
      proration: false,
      price: { object: 'price', unit_amount: 2500 },
    });
  });

  it('sees the invoice of a payment intent and of a charge, in lists and expanded objects as well', async () => {
    const { invoice, intent, charge } = await payment();
    expect((await get(`payment_intents/${intent}`)).invoice).toBe(invoice);
    expect((await get(`charges/${charge}?expand[]=payment_intent`)).payment_intent).toMatchObject({ invoice });
    expect((await get('invoices')).data[0]).toMatchObject({ paid: true });
    expect((await get(`subscriptions/${subscription.id}?expand[]=latest_invoice`)).latest_invoice).toMatchObject({
      paid: true,
    });
  });

  it('gets its webhooks in the same shapes, under the version of its endpoint', async () => {
    await test.settle();
    const events = receiver.received.map(
      ({ body }) => JSON.parse(body) as { type: string; api_version: string; data: { object: Old } },
    );
    expect(new Set(events.map((event) => event.api_version))).toEqual(new Set([OLD]));
    const paid = events.find((event) => event.type === 'invoice.paid')?.data.object;
    expect(paid).toMatchObject({ subscription: subscription.id, paid: true });
    const draft = events.find((event) => event.type === 'invoice.created')?.data.object;
    expect(draft).toMatchObject({ status: 'draft', paid: false });
    const created = events.find((event) => event.type === 'customer.subscription.created')?.data.object;
    expect(created?.current_period_end).toBeGreaterThan(Number(created?.current_period_start) + HOUR);
  });
});

describe('a caller of 2025-03-31 or later', () => {
  it('sees the shapes of today', async () => {
    const current = await get(`subscriptions/${subscription.id}`, '2025-03-31.basil');
    expect(current).not.toHaveProperty('current_period_end');
    expect(await get(`invoices/${subscription.latest_invoice}`, '2026-10-28.endive')).not.toHaveProperty(
      'payment_intent',
    );
  });
});
