import { afterEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
  createPrice,
  DAY,
  HOUR,
  latestInvoice,
  periodOf,
  startTestStripe,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
afterEach(() => test.close());

async function begin(...args: Parameters<typeof beginSubscription>) {
  const begun = await beginSubscription(...args);
  test = begun.test;
  return begun;
}

describe('a trial', () => {
  it('costs nothing until it ends, then begins a full paid period anchored to its end', async () => {
    const { stripe, subscription } = await begin('pm_card_visa', {}, { trial_period_days: 14 });
    const trialEnd = subscription.created + 14 * DAY;
    expect(subscription).toMatchObject({ status: 'trialing', trial_end: trialEnd, billing_cycle_anchor: trialEnd });
    expect(periodOf(subscription)).toEqual({ start: subscription.created, end: trialEnd });
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ status: 'paid', total: 0, amount_paid: 0 });
    expect((await stripe.paymentIntents.list()).data).toEqual([]);
    await test.moveTo(trialEnd - 3 * DAY);
    expect((await stripe.events.list({ type: 'customer.subscription.trial_will_end' })).data).toHaveLength(1);
    await test.moveTo(trialEnd);
    const active = await stripe.subscriptions.retrieve(subscription.id);
    expect(active.status).toBe('active');
    expect(periodOf(active).start).toBe(trialEnd);
    await test.moveTo(trialEnd + HOUR);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      status: 'paid',
      amount_paid: 2500,
      billing_reason: 'subscription_cycle',
      created: trialEnd,
    });
  });

  it.each([
    ['create_invoice', 'past_due'],
    ['cancel', 'canceled'],
    ['pause', 'paused'],
  ] as const)(
    'that ends without a payment method, told to %s, leaves the subscription %s',
    async (behavior, status) => {
      test = await startTestStripe();
      const { stripe } = test;
      const price = await createPrice(stripe);
      const customer = await stripe.customers.create();
      const subscription = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
        trial_period_days: 7,
        trial_settings: { end_behavior: { missing_payment_method: behavior } },
      });
      expect(subscription.status).toBe('trialing');
      await test.moveTo(subscription.created + 7 * DAY + 2 * HOUR);
      expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe(status);
    },
  );

  it('that paused the subscription is resumed with a payment', async () => {
    test = await startTestStripe();
    const { stripe } = test;
    const price = await createPrice(stripe);
    const customer = await stripe.customers.create();
    const { id, created } = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      trial_period_days: 7,
      trial_settings: { end_behavior: { missing_payment_method: 'pause' } },
    });
    await test.moveTo(created + 10 * DAY);
    await test.control('POST', `/customers/${customer.id}/payment_method`, { payment_method: 'pm_card_visa' });
    const resumed = await stripe.subscriptions.resume(id, { billing_cycle_anchor: { type: 'now' } });
    expect(resumed.status).toBe('active');
    expect(periodOf(resumed).start).toBeGreaterThanOrEqual(created + 10 * DAY);
    expect((await stripe.events.list({ type: 'customer.subscription.resumed' })).data).toHaveLength(1);
  });

  it('can be moved, and ended at once with an invoice that is charged right away', async () => {
    const { stripe, subscription } = await begin('pm_card_visa', {}, { trial_period_days: 14 });
    const later = subscription.created + 20 * DAY;
    const moved = await stripe.subscriptions.update(subscription.id, { trial_end: later });
    expect(moved).toMatchObject({ trial_end: later, billing_cycle_anchor: later });
    await test.moveTo(subscription.created + 15 * DAY);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('trialing');
    const ended = await stripe.subscriptions.update(subscription.id, { trial_end: 'now' });
    expect(ended.status).toBe('active');
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ status: 'paid', amount_paid: 2500 });
  });
});
