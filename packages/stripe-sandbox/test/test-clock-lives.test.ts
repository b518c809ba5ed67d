import type Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { createPrice, DAY, HOUR, startTestStripe, type TestStripe } from './harness.ts';

/** Somebody's time: that of a test clock, or the sandbox's own. */
type Time = { customer: Stripe.CustomerCreateParams; start: number; to(seconds: number): Promise<void> };

const DAYS_AT_A_TIME = 50;

async function onTestClock({ stripe }: TestStripe, start: number): Promise<Time> {
  const clock = await stripe.testHelpers.testClocks.create({ frozen_time: start });
  const to = async (seconds: number) => {
    let { frozen_time: now } = await stripe.testHelpers.testClocks.retrieve(clock.id);
    while (now < seconds) {
      now = Math.min(seconds, now + DAYS_AT_A_TIME * DAY);
      await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: now });
    }
  };
  return { customer: { test_clock: clock.id }, start, to };
}

async function onSandboxClock(test: TestStripe, start: number): Promise<Time> {
  await test.moveTo(start);
  return { customer: {}, start, to: async (seconds) => void (await test.moveTo(seconds)) };
}

/** A trial, months, a dearer plan in the middle of one, something on top, a card that fails and one that pays, an end. */
async function live(test: TestStripe, time: Time) {
  const { stripe } = test;
  const [cheap, dear] = [
    await createPrice(stripe, { interval: 'month' }, 2900),
    await createPrice(stripe, { interval: 'month' }, 7900),
  ];
  const customer = await stripe.customers.create({ ...time.customer, email: 'ada@example.com' });
  const use = (payment_method: string) =>
    test.control('POST', `/customers/${customer.id}/payment_method`, { payment_method });
  await use('pm_card_visa');
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: cheap.id }],
    trial_end: time.start + 14 * DAY,
  });
  const item = subscription.items.data[0]?.id ?? '';
  await time.to(time.start + 90 * DAY);
  await stripe.subscriptions.update(subscription.id, {
    items: [{ id: item, price: dear.id }],
    proration_behavior: 'always_invoice',
    proration_date: time.start + 90 * DAY,
  });
  await stripe.invoiceItems.create({ customer: customer.id, subscription: subscription.id, amount: 333 });
  await time.to(time.start + 120 * DAY);
  await use('pm_card_chargeCustomerFail');
  await time.to(time.start + 140 * DAY);
  await use('pm_card_visa');
  await time.to(time.start + 200 * DAY);
  await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  await time.to(time.start + 260 * DAY + HOUR);
  return { customer, subscription };
}

/** What is left of a life, with times counted from its beginning and names without their random part. */
async function remains(test: TestStripe, time: Time) {
  const { customer, subscription } = await live(test, time);
  // In minutes: the sandbox clock runs on between two calls, a test clock does not.
  const since = (at: number | null | undefined) => (at ? Math.floor((at - time.start) / 60) : null);
  const { data } = await test.stripe.invoices.list({ customer: customer.id, limit: 100 });
  const ended = await test.stripe.subscriptions.retrieve(subscription.id);
  const invoices = data.map((one) => ({
    created: since(one.created),
    due: one.amount_due,
    paid: since(one.status_transitions.paid_at),
    attempts: one.attempt_count,
    status: one.status,
    lines: one.lines.data.map((line) => [
      line.amount,
      line.description,
      since(line.period.start),
      since(line.period.end),
    ]),
  }));
  const types: string[] = [];
  for await (const event of test.stripe.events.list({ limit: 100 })) types.push(event.type);
  return {
    invoices,
    subscription: { status: ended.status, ended: since(ended.ended_at), canceled: since(ended.canceled_at) },
    events: types.filter((type) => !type.startsWith('test_helpers.')).reverse(),
  };
}

describe('a life on a test clock', () => {
  it('is the same life as by the sandbox clock, to the cent, the minute and the event', async () => {
    const [one, other] = [await startTestStripe(), await startTestStripe()];
    // The sandbox clock only goes forward, and runs: the life by it is led on a day that is yet to come.
    const start = (await one.now()) + 40 * DAY;
    const byTestClock = await remains(one, await onTestClock(one, start));
    const bySandboxClock = await remains(other, await onSandboxClock(other, start));
    expect(byTestClock.invoices.length).toBeGreaterThan(6);
    expect(byTestClock.invoices.some((invoice) => invoice.attempts > 1)).toBe(true);
    expect(byTestClock).toEqual(bySandboxClock);
    await Promise.all([one.close(), other.close()]);
  });
});
