import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import {
  createCustomer,
  createPrice,
  DAY,
  HOUR,
  latestInvoice,
  periodOf,
  startTestStripe,
  stripeError,
  type TestStripe,
} from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
afterEach(() => test.close());

type UpdatePhase = Stripe.SubscriptionScheduleUpdateParams.Phase;

/** A subscription of $20 a month, and a price of $10 to go down to. */
async function begin(more: Partial<Stripe.SubscriptionCreateParams> = {}) {
  test = await startTestStripe();
  stripe = test.stripe;
  const customer = await createCustomer(stripe);
  const pro = await createPrice(stripe, { interval: 'month' }, 2000);
  const basic = await createPrice(stripe, { interval: 'month' }, 1000);
  const yearly = await createPrice(stripe, { interval: 'year' }, 9000);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: pro.id }],
    metadata: { seats: 'one' },
    ...more,
  });
  return { customer, pro, basic, yearly, subscription };
}

/** The current phase as an update has to repeat it. */
function same(phase: Stripe.SubscriptionSchedule.Phase | undefined): UpdatePhase {
  if (phase === undefined) throw new Error('The schedule has no phase');
  return {
    items: phase.items.map(({ price, quantity }) => ({ price: String(price), quantity: quantity ?? 1 })),
    start_date: phase.start_date,
    end_date: phase.end_date,
    discounts: phase.discounts.map(({ discount }) => ({ discount: String(discount) })),
    ...(phase.trial_end === null ? {} : { trial_end: phase.trial_end }),
  };
}

/** The downgrade at the end of the period, as Stripe documents it: take over, then add a phase. */
async function downgrade(subscription: Stripe.Subscription, to: Stripe.Price, more: Partial<UpdatePhase> = {}) {
  const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
  return stripe.subscriptionSchedules.update(schedule.id, {
    phases: [same(schedule.phases[0]), { items: [{ price: to.id }], proration_behavior: 'none', ...more }],
  });
}

const amounts = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => line.amount);
const get = (subscription: { id: string }) => stripe.subscriptions.retrieve(subscription.id);
const priceOf = (subscription: Stripe.Subscription) => subscription.items.data.map((item) => item.price.id);
async function eventsOf(pattern: string): Promise<string[]> {
  return (await stripe.events.list({ type: pattern, limit: 100 })).data.map((event) => event.type).reverse();
}

describe('a schedule made from a subscription', () => {
  it('takes it over as it is: one phase, its period, its items, and it goes on afterwards', async () => {
    const { subscription, customer, pro } = await begin();
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const { start, end } = periodOf(subscription);
    expect(schedule).toMatchObject({
      status: 'active',
      subscription: subscription.id,
      customer: customer.id,
      end_behavior: 'release',
      current_phase: { start_date: start, end_date: end },
    });
    expect(schedule.phases).toHaveLength(1);
    expect(schedule.phases[0]).toMatchObject({
      start_date: start,
      end_date: end,
      items: [{ price: pro.id, quantity: 1 }],
    });
    expect(await get(subscription)).toMatchObject({ schedule: schedule.id, status: 'active' });
    const again = stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    expect((await stripeError(again)).param).toBe('from_subscription');
    expect(await eventsOf('subscription_schedule.*')).toEqual(['subscription_schedule.created']);
  });

  it('takes no other parameters, and no subscription that has ended', async () => {
    const { subscription } = await begin();
    const both = stripe.subscriptionSchedules.create({
      from_subscription: subscription.id,
      end_behavior: 'cancel',
    });
    expect((await stripeError(both)).param).toBe('end_behavior');
    await stripe.subscriptions.cancel(subscription.id);
    const late = stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    expect((await stripeError(late)).param).toBe('from_subscription');
  });
});

describe('a downgrade at the end of the period', () => {
  it('costs and changes nothing until then; the renewal bills the lower price, once and whole', async () => {
    const { subscription, basic, pro, customer } = await begin();
    const { end } = periodOf(subscription);
    const schedule = await downgrade(subscription, basic);
    expect(schedule.phases.map((phase) => [phase.start_date, phase.items[0]?.price])).toEqual([
      [periodOf(subscription).start, pro.id],
      [end, basic.id],
    ]);
    const before = await get(subscription);
    expect({ ...before, schedule: null }).toEqual({ ...subscription, schedule: null });
    expect((await stripe.invoiceItems.list({ customer: customer.id })).data).toEqual([]);
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    await test.moveTo(end);
    const after = await get(subscription);
    expect(priceOf(after)).toEqual([basic.id]);
    expect(periodOf(after).start).toBe(end);
    expect(after).toMatchObject({
      billing_cycle_anchor: subscription.billing_cycle_anchor,
      metadata: { seats: 'one' },
    });
    await test.moveTo(end + HOUR);
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(amounts(invoice)).toEqual([1000]);
    expect(invoice).toMatchObject({ status: 'paid', amount_paid: 1000, billing_reason: 'subscription_cycle' });
    expect([preview.total, amounts(preview)]).toEqual([invoice.total, amounts(invoice)]);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
  });

  it('is told in events: the phase, then the subscription with the price it had before', async () => {
    const { subscription, basic, pro } = await begin();
    const { end } = periodOf(subscription);
    await downgrade(subscription, basic);
    await test.moveTo(end);
    expect(await eventsOf('subscription_schedule.*')).toEqual([
      'subscription_schedule.created',
      'subscription_schedule.updated',
      'subscription_schedule.updated',
    ]);
    const [event] = (await stripe.events.list({ type: 'customer.subscription.updated', limit: 1 })).data;
    const changed = event?.data as Stripe.CustomerSubscriptionUpdatedEvent.Data;
    expect(priceOf(changed.object)).toEqual([basic.id]);
    expect(changed.previous_attributes?.items?.data[0]?.price.id).toBe(pro.id);
  });

  it('is over one period later: the schedule lets go, and the subscription renews as it is', async () => {
    const { subscription, basic } = await begin();
    const { id } = await downgrade(subscription, basic);
    const { end } = periodOf(subscription);
    await test.moveTo(end + 25 * DAY);
    expect(await eventsOf('subscription_schedule.expiring')).toHaveLength(1);
    await test.moveTo(end + 32 * DAY);
    expect(await stripe.subscriptionSchedules.retrieve(id)).toMatchObject({
      status: 'released',
      subscription: null,
      released_subscription: subscription.id,
      current_phase: null,
    });
    const after = await get(subscription);
    expect(after).toMatchObject({ schedule: null, status: 'active' });
    expect(priceOf(after)).toEqual([basic.id]);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data.map((one) => one.total)).toEqual([
      1000, 1000, 2000,
    ]);
    expect(await eventsOf('subscription_schedule.released')).toHaveLength(1);
  });

  it('that is released beforehand leaves the subscription as it was, for good', async () => {
    const { subscription, basic, pro } = await begin();
    const { id } = await downgrade(subscription, basic);
    const released = await stripe.subscriptionSchedules.release(id);
    expect(released).toMatchObject({ status: 'released', released_subscription: subscription.id, subscription: null });
    expect((await get(subscription)).schedule).toBeNull();
    const { end } = periodOf(subscription);
    await test.moveTo(end + HOUR);
    expect(priceOf(await get(subscription))).toEqual([pro.id]);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([2000]);
    expect((await stripeError(stripe.subscriptionSchedules.release(id))).message).toContain('`released` status');
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
  });

  it('to another interval begins a cycle of its own, without a credit', async () => {
    const { subscription, yearly } = await begin();
    const { end } = periodOf(subscription);
    await downgrade(subscription, yearly);
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    await test.moveTo(end + HOUR);
    const after = await get(subscription);
    expect(after.billing_cycle_anchor).toBe(end);
    expect(new Date(periodOf(after).end * 1000).getUTCFullYear()).toBe(new Date(end * 1000).getUTCFullYear() + 1);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([9000]);
    expect(preview.total).toBe(9000);
    expect(preview.lines.data[0]?.period).toEqual({ start: end, end: periodOf(after).end });
  });

  it('on a test clock happens when that clock comes to it, and not before', async () => {
    const { basic, pro } = await begin();
    const frozen = (await test.now()) - 60 * DAY;
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: frozen });
    const customer = await stripe.customers.create({ test_clock: clock.id });
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: customer.id });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: pro.id }],
      default_payment_method: card.id,
    });
    const schedule = await downgrade(subscription, basic);
    expect(schedule.test_clock).toBe(clock.id);
    const { end } = periodOf(subscription);
    expect(end).toBeLessThan(await test.now());
    expect(priceOf(await get(subscription))).toEqual([pro.id]);
    await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: end + 2 * HOUR });
    expect(await get(subscription)).toMatchObject({ items: { data: [{ price: { id: basic.id } }] } });
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ total: 1000, status: 'paid', created: end });
  });

  it('of a trial happens when the trial ends', async () => {
    const { subscription, basic } = await begin({ trial_period_days: 7 });
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const { trial_end: _trial, ...without } = same(schedule.phases[0]);
    const ending = stripe.subscriptionSchedules.update(schedule.id, {
      phases: [without, { items: [{ price: basic.id }] }],
    });
    expect(await stripeError(ending)).toMatchObject({ code: 'sandbox_unsupported' });
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [same(schedule.phases[0]), { items: [{ price: basic.id }] }],
    });
    expect((await get(subscription)).status).toBe('trialing');
    await test.moveTo(periodOf(subscription).end + HOUR);
    expect(await get(subscription)).toMatchObject({ status: 'active', items: { data: [{ price: { id: basic.id } }] } });
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([1000]);
  });

  it('keeps the discounts a phase names, and those only', async () => {
    const coupon = { percent_off: 50, duration: 'forever' as const };
    const { subscription, basic } = await begin();
    const half = await stripe.coupons.create(coupon);
    const discounted = await stripe.subscriptions.update(subscription.id, { discounts: [{ coupon: half.id }] });
    const schedule = await downgrade(discounted, basic, {
      discounts: [{ coupon: half.id }],
      duration: { interval: 'month' },
    });
    expect((await get(subscription)).discounts).toEqual(discounted.discounts);
    const { end } = periodOf(subscription);
    const preview = await stripe.invoices.createPreview({ subscription: subscription.id });
    await test.moveTo(end + HOUR);
    expect((await get(subscription)).discounts).toEqual(discounted.discounts);
    expect((await latestInvoice(stripe, subscription.id)).total).toBe(500);
    expect(preview.total).toBe(500);
    expect((await stripe.coupons.retrieve(half.id)).times_redeemed).toBe(1);
    const [, current] = schedule.phases;
    await stripe.subscriptionSchedules.update(schedule.id, { phases: [{ ...same(current), discounts: [] }] });
    expect((await get(subscription)).discounts).toEqual([]);
  });
});

describe('a subscription that has a schedule', () => {
  it('leaves its end, its cycle and its trial to the schedule', async () => {
    const { subscription, basic } = await begin();
    await downgrade(subscription, basic);
    const refused: Stripe.SubscriptionUpdateParams[] = [
      { cancel_at_period_end: true },
      { cancel_at: periodOf(subscription).end + DAY },
      { billing_cycle_anchor: { type: 'now' } },
      { trial_end: periodOf(subscription).end + DAY },
    ];
    for (const params of refused) {
      const error = await stripeError(stripe.subscriptions.update(subscription.id, params));
      expect(error).toMatchObject({ statusCode: 400, param: Object.keys(params)[0] });
      expect(error.message).toMatch(/managed by the subscription schedule `sub_sched_\w+`/);
    }
    const named = await stripe.subscriptions.update(subscription.id, { metadata: { seats: 'two' } });
    expect(named.metadata.seats).toBe('two');
  });

  it('can be upgraded now; the phase to come still comes', async () => {
    const { subscription, basic } = await begin();
    const { id } = await downgrade(subscription, basic);
    const items = [{ id: subscription.items.data[0]?.id ?? '', quantity: 3 }];
    await stripe.subscriptions.update(subscription.id, { items, proration_behavior: 'none' });
    const [current] = (await stripe.subscriptionSchedules.retrieve(id)).phases;
    expect(current?.items[0]?.quantity).toBe(3);
    await test.moveTo(periodOf(subscription).end + HOUR);
    expect(amounts(await latestInvoice(stripe, subscription.id))).toEqual([1000]);
  });

  it('can be canceled now, and takes the schedule with it', async () => {
    const { subscription, basic } = await begin();
    const { id } = await downgrade(subscription, basic);
    await stripe.subscriptions.cancel(subscription.id);
    expect(await stripe.subscriptionSchedules.retrieve(id)).toMatchObject({ status: 'canceled', current_phase: null });
    expect(await eventsOf('subscription_schedule.canceled')).toHaveLength(1);
    await test.moveTo(periodOf(subscription).end + DAY);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(1);
  });

  it('that nobody pays for ends, and its schedule is aborted', async () => {
    const { subscription, basic, customer } = await begin();
    const { id } = await downgrade(subscription, basic, { duration: { interval: 'year' } });
    await test.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    await test.moveTo(periodOf(subscription).end + 20 * DAY);
    expect((await get(subscription)).status).toBe('canceled');
    expect((await stripe.subscriptionSchedules.retrieve(id)).status).toBe('canceled');
    expect(await eventsOf('subscription_schedule.aborted')).toHaveLength(1);
  });
});

describe('an update of a schedule', () => {
  it('changes the current phase now, prorated as it says', async () => {
    const { subscription, basic } = await begin();
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const phase = same(schedule.phases[0]);
    const { start, end } = periodOf(subscription);
    await test.moveTo(start + 10 * DAY);
    await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [{ ...phase, items: [{ price: basic.id, quantity: 4 }] }],
      proration_behavior: 'always_invoice',
    });
    const invoice = await latestInvoice(stripe, subscription.id);
    const share = (end - start - 10 * DAY) / (end - start);
    expect(invoice.billing_reason).toBe('subscription_update');
    expect(Math.abs(invoice.total - Math.round(2000 * share))).toBeLessThanOrEqual(1);
  });

  it('can end the current phase at once, and the next one begins, prorated as that one says', async () => {
    const { subscription, basic } = await begin();
    const schedule = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const { start, end } = periodOf(subscription);
    await test.moveTo(start + 10 * DAY);
    const moved = await stripe.subscriptionSchedules.update(schedule.id, {
      phases: [
        { ...same(schedule.phases[0]), end_date: 'now' },
        { items: [{ price: basic.id }], proration_behavior: 'create_prorations', end_date: end },
      ],
    });
    expect(moved.current_phase).toEqual({ start_date: moved.phases[0]?.end_date, end_date: end });
    expect(priceOf(await get(subscription))).toEqual([basic.id]);
    expect((await stripe.invoiceItems.list({ pending: true })).data.map((item) => Math.sign(item.amount))).toEqual([
      1, -1,
    ]);
  });

  it('must know where it begins, and leave the current phase where it is', async () => {
    const { subscription, basic } = await begin();
    const { id, phases } = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    const current = same(phases[0]);
    const items = [{ price: basic.id }];
    const refused: Stripe.SubscriptionScheduleUpdateParams.Phase[][] = [
      [{ items }],
      [{ ...current, start_date: (current.start_date as number) + 1 }],
      [{ ...current, end_date: current.start_date as number }],
      [current, { items, start_date: (current.end_date as number) + DAY }],
      [{ ...current, duration: { interval: 'month' } }],
    ];
    for (const wanted of refused) {
      const error = await stripeError(stripe.subscriptionSchedules.update(id, { phases: wanted }));
      expect(error.param).toMatch(/^phases/);
    }
    expect((await stripe.subscriptionSchedules.retrieve(id)).phases).toEqual(phases);
  });

  it('to end with a cancellation shows the end on the subscription, and keeps it', async () => {
    const { subscription } = await begin();
    const { id, phases } = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    await stripe.subscriptionSchedules.update(id, { phases: [same(phases[0])], end_behavior: 'cancel' });
    const { end } = periodOf(subscription);
    expect((await get(subscription)).cancel_at).toBe(end);
    await test.moveTo(end);
    expect((await get(subscription)).status).toBe('canceled');
    expect((await stripe.subscriptionSchedules.retrieve(id)).status).toBe('completed');
    expect(await eventsOf('subscription_schedule.completed')).toHaveLength(1);
  });

  it('released takes that end back, unless it is to be kept', async () => {
    const { subscription } = await begin();
    const { end } = periodOf(subscription);
    for (const [preserve, kept] of [
      [false, null],
      [true, end],
    ] as const) {
      const { id, phases } = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
      await stripe.subscriptionSchedules.update(id, { phases: [same(phases[0])], end_behavior: 'cancel' });
      await stripe.subscriptionSchedules.release(id, { preserve_cancel_date: preserve });
      expect((await get(subscription)).cancel_at).toBe(kept);
    }
    const last = await stripe.subscriptionSchedules.create({ from_subscription: subscription.id });
    expect(last).toMatchObject({ end_behavior: 'cancel', phases: [{ end_date: end }] });
  });
});

describe('a schedule of its own', () => {
  it('begins a subscription on its day, with a draft as the first invoice, and changes it phase by phase', async () => {
    const { customer, pro, basic } = await begin();
    const starts = (await test.now()) + 10 * DAY;
    const schedule = await stripe.subscriptionSchedules.create({
      customer: customer.id,
      start_date: starts,
      end_behavior: 'cancel',
      metadata: { deal: 'launch' },
      phases: [
        {
          items: [{ price: basic.id }],
          duration: { interval: 'month', interval_count: 2 },
          metadata: { phase: 'one' },
        },
        { items: [{ price: pro.id, quantity: 2 }], metadata: { phase: 'two' } },
      ],
    });
    expect(schedule).toMatchObject({ status: 'not_started', subscription: null, current_phase: null });
    expect((await stripe.subscriptionSchedules.list({ scheduled: true })).data.map(({ id }) => id)).toEqual([
      schedule.id,
    ]);
    await test.moveTo(starts);
    const active = await stripe.subscriptionSchedules.retrieve(schedule.id, { expand: ['subscription'] });
    const subscription = active.subscription as Stripe.Subscription;
    expect(subscription).toMatchObject({ status: 'active', schedule: schedule.id, metadata: { phase: 'one' } });
    expect((await latestInvoice(stripe, subscription.id)).status).toBe('draft');
    await test.moveTo(starts + HOUR);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ status: 'paid', amount_paid: 1000 });
    const [one, two] = active.phases;
    await test.moveTo((one?.end_date ?? 0) + HOUR);
    expect((await get(subscription)).metadata).toEqual({ phase: 'two' });
    expect((await latestInvoice(stripe, subscription.id)).total).toBe(4000);
    await test.moveTo((two?.end_date ?? 0) + HOUR);
    expect((await get(subscription)).status).toBe('canceled');
    expect((await stripe.subscriptionSchedules.retrieve(schedule.id)).status).toBe('completed');
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(3);
  });

  it('begins at once when it says so, and can be canceled with what is left given back', async () => {
    const { customer, basic } = await begin();
    const schedule = await stripe.subscriptionSchedules.create({
      customer: customer.id,
      start_date: 'now',
      phases: [{ items: [{ price: basic.id }] }],
    });
    expect(schedule.status).toBe('active');
    const { start } = periodOf(await stripe.subscriptions.retrieve(String(schedule.subscription)));
    await test.moveTo(start + 15 * DAY);
    const canceled = await stripe.subscriptionSchedules.cancel(schedule.id);
    expect(canceled).toMatchObject({ status: 'canceled', current_phase: null });
    const last = await latestInvoice(stripe, String(schedule.subscription));
    expect(last.total).toBeLessThan(-400);
    expect((await stripeError(stripe.subscriptionSchedules.cancel(schedule.id))).message).toContain('canceled');
  });

  it('that is canceled before its day never begins', async () => {
    const { customer, basic } = await begin();
    const { id } = await stripe.subscriptionSchedules.create({
      customer: customer.id,
      start_date: (await test.now()) + DAY,
      phases: [{ items: [{ price: basic.id }] }],
    });
    await stripe.subscriptionSchedules.cancel(id);
    await test.moveTo((await test.now()) + 2 * DAY);
    expect((await stripe.subscriptions.list({ customer: customer.id })).data).toHaveLength(1);
  });
});
