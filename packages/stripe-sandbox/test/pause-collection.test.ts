import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
  createPrice,
  DAY,
  HOUR,
  latestInvoice,
  periodOf,
  stripeError,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
afterEach(() => test.close());

async function begin() {
  const begun = await beginSubscription();
  ({ test, stripe } = begun);
  return { ...begun, end: periodOf(begun.subscription).end };
}

const get = (subscription: { id: string }) => stripe.subscriptions.retrieve(subscription.id);

describe('a subscription whose collection is paused', () => {
  it.each([
    ['keep_as_draft', 'draft'],
    ['mark_uncollectible', 'uncollectible'],
    ['void', 'void'],
  ] as const)('with %s goes on with invoices that are %s, and stays active', async (behavior, status) => {
    const { subscription, end } = await begin();
    const paused = await stripe.subscriptions.update(subscription.id, { pause_collection: { behavior } });
    expect(paused).toMatchObject({ status: 'active', pause_collection: { behavior, resumes_at: null } });
    await test.moveTo(end + 5 * DAY);
    const renewed = await get(subscription);
    expect(renewed.status).toBe('active');
    expect(periodOf(renewed).start).toBe(end);
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(invoice).toMatchObject({ status, amount_paid: 0, total: 2500, auto_advance: false });
    expect((await stripe.events.list({ type: 'invoice.upcoming' })).data).toEqual([]);
    const resumed = await stripe.subscriptions.update(subscription.id, { pause_collection: '' });
    expect(resumed.pause_collection).toBeNull();
    await test.moveTo(periodOf(renewed).end + HOUR);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ status: 'paid', amount_paid: 2500 });
    // What was left while it was paused is not collected by itself afterwards.
    expect((await stripe.invoices.retrieve(invoice.id ?? '')).status).toBe(status);
  });

  it('collects again by itself at the time that was set', async () => {
    const { subscription, end } = await begin();
    const until = end + 10 * DAY;
    const pause = { behavior: 'void' as const, resumes_at: until };
    await stripe.subscriptions.update(subscription.id, { pause_collection: pause });
    await test.moveTo(until - HOUR);
    expect((await get(subscription)).pause_collection).toEqual(pause);
    await test.moveTo(until);
    expect((await get(subscription)).pause_collection).toBeNull();
    await test.moveTo(end + 35 * DAY);
    const statuses = (await stripe.invoices.list({ subscription: subscription.id })).data.map((one) => one.status);
    expect(statuses).toEqual(['paid', 'void', 'paid']);
    const past = stripe.subscriptions.update(subscription.id, { pause_collection: { ...pause, resumes_at: end } });
    expect((await stripeError(past)).param).toBe('pause_collection[resumes_at]');
  });

  it('charges no change either, and needs no card for it', async () => {
    const { subscription, customer } = await begin();
    const dearer = await createPrice(stripe, { interval: 'month' }, 9000);
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: '' } });
    await stripe.subscriptions.update(subscription.id, { pause_collection: { behavior: 'mark_uncollectible' } });
    const changed = await stripe.subscriptions.update(subscription.id, {
      items: [{ id: subscription.items.data[0]?.id ?? '', price: dearer.id }],
      proration_behavior: 'always_invoice',
      payment_behavior: 'pending_if_incomplete',
    });
    expect(changed).toMatchObject({ status: 'active', pending_update: null });
    expect((await latestInvoice(stripe, subscription.id)).status).toBe('uncollectible');
  });

  it('gives credit back that a void invoice had used', async () => {
    const { subscription, customer, end } = await begin();
    await stripe.customers.update(customer.id, { balance: -1000 });
    await stripe.subscriptions.update(subscription.id, { pause_collection: { behavior: 'void' } });
    await test.moveTo(end + DAY);
    expect(((await stripe.customers.retrieve(customer.id)) as Stripe.Customer).balance).toBe(-1000);
  });
});
