import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import { Database } from '../src/store/database.ts';
import { ObjectStore, type StoredObject } from '../src/store/objects.ts';
import {
  createPrice,
  DAY,
  HOUR,
  latestInvoice,
  periodOf,
  startTestStripe,
  stripeError,
  type TestStripe,
} from './harness.ts';
import { Receiver } from './receiver.ts';

/** 31 January 2030, noon. */
const START = Date.UTC(2030, 0, 31, 12) / 1000;

let test: TestStripe;
afterEach(() => test.close());

async function customerOn(stripe: Stripe, clock: string, card = 'pm_card_visa'): Promise<Stripe.Customer> {
  const customer = await stripe.customers.create({ test_clock: clock, email: 'grace@example.com' });
  const paymentMethod = await stripe.paymentMethods.attach(card, { customer: customer.id });
  return stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: paymentMethod.id } });
}

/** A clock at START, a customer on it, and a monthly subscription of theirs. */
async function begin(card = 'pm_card_visa', more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  test = await startTestStripe();
  const { stripe } = test;
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: START, name: 'A year' });
  const customer = await customerOn(stripe, clock.id, card);
  const price = await createPrice(stripe);
  const items = [{ price: price.id }];
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items, ...more });
  const advance = async (to: number) => {
    await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: to });
    const arrived = await stripe.testHelpers.testClocks.retrieve(clock.id);
    expect(arrived).toMatchObject({ status: 'ready', frozen_time: to, status_details: {} });
  };
  return { stripe, clock, customer, price, subscription, advance };
}

async function eventTypes(stripe: Stripe, type: string): Promise<string[]> {
  return (await stripe.events.list({ type, limit: 100 })).data.map((event) => event.type).reverse();
}

describe('a test clock', () => {
  it('stands still, is advancing until it has arrived, and says both', async () => {
    const { stripe, clock } = await begin();
    expect(clock).toMatchObject({ frozen_time: START, status: 'ready', name: 'A year', status_details: {} });
    expect(clock.deletes_after).toBe(clock.created + 30 * DAY);
    const advancing = await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: START + DAY });
    expect(advancing).toMatchObject({
      status: 'advancing',
      frozen_time: START,
      status_details: { advancing: { target_frozen_time: START + DAY } },
    });
    expect((await stripe.testHelpers.testClocks.retrieve(clock.id)).frozen_time).toBe(START + DAY);
    expect(await eventTypes(stripe, 'test_helpers.test_clock.*')).toEqual([
      'test_helpers.test_clock.created',
      'test_helpers.test_clock.advancing',
      'test_helpers.test_clock.ready',
    ]);
  });

  it('goes on by itself, with nobody asking for anything', async () => {
    const { stripe, clock } = await begin();
    const receiver = new Receiver();
    const url = await receiver.listen();
    await stripe.webhookEndpoints.create({ url, enabled_events: ['test_helpers.test_clock.ready'] });
    await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: START + DAY });
    await receiver.arrived(1);
    expect(receiver.types()).toEqual(['test_helpers.test_clock.ready']);
    await receiver.close();
  });

  it('only goes forward, and two intervals of its shortest subscription at a time', async () => {
    const { stripe, clock } = await begin();
    const to = (frozen_time: number) => stripe.testHelpers.testClocks.advance(clock.id, { frozen_time });
    expect((await stripeError(to(START))).param).toBe('frozen_time');
    const limit = Date.UTC(2030, 2, 31, 12) / 1000;
    expect((await stripeError(to(limit + 1))).message).toContain(String(limit));
    await to(limit);
    const alone = await stripe.testHelpers.testClocks.create({ frozen_time: START });
    const twoYears = Date.UTC(2032, 0, 31, 12) / 1000;
    const far = stripe.testHelpers.testClocks.advance(alone.id, { frozen_time: twoYears + 1 });
    expect((await stripeError(far)).param).toBe('frozen_time');
    await stripe.testHelpers.testClocks.advance(alone.id, { frozen_time: twoYears });
    expect((await stripe.testHelpers.testClocks.retrieve(alone.id)).frozen_time).toBe(twoYears);
  });

  it('takes three customers of three subscriptions each', async () => {
    const { stripe, clock, customer, price } = await begin();
    const items = [{ price: price.id }];
    for (let count = 1; count < 3; count += 1) await stripe.subscriptions.create({ customer: customer.id, items });
    const fourth = stripe.subscriptions.create({ customer: customer.id, items });
    expect((await stripeError(fourth)).message).toContain('at most 3 subscriptions');
    for (let count = 1; count < 3; count += 1) await stripe.customers.create({ test_clock: clock.id });
    const one = stripe.customers.create({ test_clock: clock.id });
    expect((await stripeError(one)).message).toContain('at most 3 customers');
  });

  it('goes on where it was when the program was killed on the way', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stripe-sandbox-'));
    const stateFile = join(folder, 'state.sqlite');
    const first = await startTestStripe({ stateFile });
    const clock = await first.stripe.testHelpers.testClocks.create({ frozen_time: START });
    const customer = await customerOn(first.stripe, clock.id);
    const price = await createPrice(first.stripe);
    const items = [{ price: price.id }];
    const subscription = await first.stripe.subscriptions.create({ customer: customer.id, items });
    const to = periodOf(subscription).end + 2 * HOUR;
    await first.close();
    // The state file as a kill leaves it that comes right after the answer to `advance`.
    const database = new Database(stateFile);
    const advancing = { status: 'advancing', status_details: { advancing: { target_frozen_time: to } } };
    new ObjectStore(database).replace({ ...clock, ...advancing } as unknown as StoredObject);
    database.close();
    test = await startTestStripe({ stateFile });
    const arrived = await test.stripe.testHelpers.testClocks.retrieve(clock.id);
    expect(arrived).toMatchObject({ status: 'ready', frozen_time: to });
    expect((await test.stripe.invoices.list({ customer: customer.id })).data).toHaveLength(2);
    rmSync(folder, { recursive: true });
  });
});

describe('what belongs to a customer on a test clock', () => {
  it('is made at the time of that clock and carries it; events carry the time at which they came about', async () => {
    const { stripe, clock, customer, price, subscription } = await begin();
    expect(customer).toMatchObject({ created: START, test_clock: clock.id });
    expect(subscription).toMatchObject({ created: START, start_date: START, test_clock: clock.id });
    expect(periodOf(subscription)).toEqual({ start: START, end: Date.UTC(2030, 1, 28, 12) / 1000 });
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(invoice).toMatchObject({ created: START, test_clock: clock.id, status: 'paid' });
    expect(invoice.status_transitions.paid_at).toBe(START);
    expect(price.created).toBeLessThan(START);
    const [event] = (await stripe.events.list({ type: 'customer.subscription.created' })).data;
    expect(event?.created).toBeLessThanOrEqual(await test.now());
    const expanded = await stripe.subscriptions.retrieve(subscription.id, { expand: ['test_clock'] });
    expect(expanded.test_clock).toMatchObject({ id: clock.id, object: 'test_helpers.test_clock' });
  });

  it('renews by that clock, each invoice at its own time', async () => {
    const { stripe, subscription, advance } = await begin();
    await advance(Date.UTC(2030, 2, 31, 13) / 1000 - HOUR);
    await advance(Date.UTC(2030, 3, 15) / 1000);
    const invoices = (await stripe.invoices.list({ subscription: subscription.id })).data.reverse();
    expect(invoices.map((one) => one.created)).toEqual([
      START,
      Date.UTC(2030, 1, 28, 12) / 1000,
      Date.UTC(2030, 2, 31, 12) / 1000,
    ]);
    expect(invoices.map((one) => one.status)).toEqual(['paid', 'paid', 'paid']);
    expect(invoices[1]?.status_transitions.paid_at).toBe(Date.UTC(2030, 1, 28, 13) / 1000);
    const current = await stripe.subscriptions.retrieve(subscription.id);
    expect(periodOf(current)).toEqual({
      start: Date.UTC(2030, 2, 31, 12) / 1000,
      end: Date.UTC(2030, 3, 30, 12) / 1000,
    });
  });

  it('does not move with the sandbox clock, nor the others with a test clock', async () => {
    const { stripe, clock, subscription, advance } = await begin();
    // A test clock is forgotten after a month, hence the weeks.
    const price = await createPrice(stripe, { interval: 'week' });
    const other = await stripe.customers.create({});
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: other.id });
    const bystander = await stripe.subscriptions.create({
      customer: other.id,
      items: [{ price: price.id }],
      default_payment_method: card.id,
    });
    await advance(periodOf(subscription).end + 2 * HOUR);
    expect((await stripe.invoices.list({ customer: other.id })).data).toHaveLength(1);
    await test.moveTo(periodOf(bystander).end + 2 * HOUR);
    expect((await stripe.invoices.list({ customer: other.id })).data).toHaveLength(2);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
    const { frozen_time } = await stripe.testHelpers.testClocks.retrieve(clock.id);
    expect(frozen_time).toBe(periodOf(subscription).end + 2 * HOUR);
  });

  it('ends trials and duns by that clock', async () => {
    const { stripe, customer, subscription, advance } = await begin('pm_card_chargeCustomerFail', {
      trial_end: START + 10 * DAY,
    });
    expect(subscription).toMatchObject({ status: 'trialing', trial_start: START });
    await advance(START + 8 * DAY);
    expect(await eventTypes(stripe, 'customer.subscription.trial_will_end')).toHaveLength(1);
    await advance(START + 10 * DAY + HOUR);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
    await advance(START + 10 * DAY + HOUR + 15 * DAY);
    const canceled = await stripe.subscriptions.retrieve(subscription.id);
    expect(canceled).toMatchObject({ status: 'canceled', ended_at: START + 25 * DAY + HOUR });
    expect((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).toMatchObject({ delinquent: true });
  });

  it('changes within its period by that clock, to the second', async () => {
    const { stripe, subscription, advance } = await begin();
    const dearer = await createPrice(stripe, { interval: 'month' }, 5000);
    const { start, end } = periodOf(subscription);
    await advance(start + (end - start) / 2);
    const item = subscription.items.data[0]?.id ?? '';
    const items = [{ id: item, price: dearer.id }];
    const preview = await stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: { items, proration_behavior: 'always_invoice' },
    });
    expect(preview.amount_due).toBe(1250);
    const updated = await stripe.subscriptions.update(subscription.id, { items, proration_behavior: 'always_invoice' });
    const invoice = await stripe.invoices.retrieve(String(updated.latest_invoice));
    expect(invoice).toMatchObject({ amount_paid: 1250, created: start + (end - start) / 2 });
    // A part of it names it as well.
    await stripe.subscriptionItems.update(item, { quantity: 2 });
  });

  it('is what its pages and the control API act on, by that clock too', async () => {
    const { stripe, customer, price } = await begin();
    const session = await stripe.checkout.sessions.create({
      mode: 'subscription',
      customer: customer.id,
      line_items: [{ price: price.id, quantity: 1 }],
      success_url: 'https://example.com/done',
    });
    await test.control('POST', `/checkout/sessions/${session.id}/complete`, {});
    const complete = await stripe.checkout.sessions.retrieve(session.id);
    const bought = await stripe.subscriptions.retrieve(String(complete.subscription));
    expect(bought).toMatchObject({ created: START, test_clock: customer.test_clock });
    await test.control('POST', `/customers/${customer.id}/payment_method`, { payment_method: 'pm_card_mastercard' });
  });

  it('is what people act on at its pages, by that clock too', async () => {
    const { stripe, customer, subscription, advance } = await begin();
    await test.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_authenticationRequired',
    });
    await advance(periodOf(subscription).end + 2 * HOUR);
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(invoice.status).toBe('open');
    const { data } = await stripe.invoicePayments.list({ invoice: invoice.id ?? '' });
    const intent = await stripe.paymentIntents.retrieve(String(data[0]?.payment.payment_intent));
    const answered = await fetch(`${test.url}/authenticate/${intent.client_secret}`, {
      method: 'POST',
      body: new URLSearchParams({ outcome: 'success' }),
      redirect: 'manual',
    });
    expect(answered.status).toBeLessThan(400);
    const paid = await stripe.invoices.retrieve(invoice.id ?? '');
    expect(paid.status_transitions.paid_at).toBe(periodOf(subscription).end + 2 * HOUR);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  });

  it('opens a dispute by itself, though the clock stands still', async () => {
    const { stripe, customer } = await begin('pm_card_createDispute');
    const [dispute] = (await stripe.disputes.list({})).data;
    expect(dispute).toMatchObject({ created: START, status: 'needs_response' });
    const charges = await stripe.charges.list({ customer: customer.id });
    expect(charges.data[0]?.disputed).toBe(true);
  });

  it('is left out of lists of customers and subscriptions, unless they ask for it', async () => {
    const { stripe, clock, customer, subscription } = await begin();
    const other = await stripe.customers.create({});
    const ids = (list: { data: { id: string }[] }) => list.data.map((one) => one.id);
    expect(ids(await stripe.customers.list({}))).toEqual([other.id]);
    expect(ids(await stripe.customers.list({ test_clock: clock.id }))).toEqual([customer.id]);
    expect(ids(await stripe.subscriptions.list({}))).toEqual([]);
    expect(ids(await stripe.subscriptions.list({ test_clock: clock.id }))).toEqual([subscription.id]);
    expect(ids(await stripe.subscriptions.list({ customer: customer.id }))).toEqual([subscription.id]);
    expect(ids(await stripe.testHelpers.testClocks.list({}))).toEqual([clock.id]);
  });

  it('goes with the clock: deleting it deletes its customers and cancels their subscriptions', async () => {
    const { stripe, clock, customer, subscription } = await begin();
    expect(await stripe.testHelpers.testClocks.del(clock.id)).toMatchObject({ id: clock.id, deleted: true });
    expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ deleted: true });
    expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({ status: 'canceled', ended_at: START });
    expect((await stripeError(stripe.testHelpers.testClocks.retrieve(clock.id))).code).toBe('resource_missing');
    expect(await eventTypes(stripe, 'test_helpers.test_clock.deleted')).toHaveLength(1);
    const forgotten = await stripe.testHelpers.testClocks.create({ frozen_time: START });
    await test.moveTo(forgotten.deletes_after);
    expect((await stripe.testHelpers.testClocks.list({})).data).toEqual([]);
  });
});
