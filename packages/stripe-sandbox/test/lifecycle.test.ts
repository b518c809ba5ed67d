import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import { createCustomer, createPrice, DAY, HOUR, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
afterEach(() => test.close());

function periodOf(subscription: Stripe.Subscription): { start: number; end: number } {
  const [item] = subscription.items.data;
  return { start: item?.current_period_start ?? 0, end: item?.current_period_end ?? 0 };
}

/** Starts a sandbox with one monthly subscription paid by `card`. */
async function begin(
  card = 'pm_card_visa',
  options: Parameters<typeof startTestStripe>[0] = {},
  more: Partial<Stripe.SubscriptionCreateParams> = {},
) {
  test = await startTestStripe(options);
  const { stripe } = test;
  const price = await createPrice(stripe);
  const customer = await createCustomer(stripe, card);
  const subscription = await stripe.subscriptions.create({
    customer: customer.id,
    items: [{ price: price.id }],
    ...more,
  });
  return { stripe, price, customer, subscription };
}

async function latestInvoice(stripe: Stripe, subscription: string): Promise<Stripe.Invoice> {
  const [invoice] = (await stripe.invoices.list({ subscription, limit: 1 })).data;
  if (invoice === undefined) throw new Error('The subscription has no invoice');
  return invoice;
}

async function eventTypes(stripe: Stripe, since: number): Promise<string[]> {
  const events = await stripe.events.list({ created: { gte: since }, limit: 100 });
  return events.data.map((event) => event.type).reverse();
}

describe('a subscription that is paid', () => {
  it('is active at once, with a paid invoice and the events of its making', async () => {
    const { stripe, customer, price, subscription } = await begin();
    expect(subscription).toMatchObject({ status: 'active', currency: 'usd', customer: customer.id, cancel_at: null });
    const { start, end } = periodOf(subscription);
    expect(start).toBe(subscription.created);
    expect(new Date(end * 1000).getUTCDate()).toBeLessThanOrEqual(new Date(start * 1000).getUTCDate());
    const invoice = await stripe.invoices.retrieve(String(subscription.latest_invoice), { expand: ['payments'] });
    expect(invoice).toMatchObject({
      status: 'paid',
      billing_reason: 'subscription_create',
      amount_due: 2500,
      amount_paid: 2500,
      amount_remaining: 0,
      attempt_count: 1,
      attempted: true,
      number: `${customer.invoice_prefix}-0001`,
    });
    expect(invoice.parent?.subscription_details?.subscription).toBe(subscription.id);
    const [line] = invoice.lines.data;
    expect(line).toMatchObject({
      amount: 2500,
      description: '1 × Licence (at $25.00 / month)',
      period: { start, end },
    });
    expect(line?.pricing?.price_details?.price).toBe(price.id);
    const payment = invoice.payments?.data[0];
    expect(payment).toMatchObject({ status: 'paid', amount_paid: 2500, is_default: true });
    const intent = await stripe.paymentIntents.retrieve(String(payment?.payment.payment_intent), {
      expand: ['latest_charge'],
    });
    expect(intent).toMatchObject({ status: 'succeeded', amount_received: 2500, customer: customer.id });
    expect((intent.latest_charge as Stripe.Charge).outcome?.type).toBe('authorized');
    const types = await eventTypes(stripe, subscription.created);
    expect(types.slice(types.indexOf('customer.subscription.created'))).toEqual([
      'customer.subscription.created',
      'customer.updated',
      'invoice.created',
      'invoice.finalized',
      'payment_intent.created',
      'charge.succeeded',
      'payment_intent.succeeded',
      'invoice.updated',
      'invoice_payment.paid',
      'invoice.paid',
      'invoice.payment_succeeded',
      'customer.subscription.updated',
    ]);
  });

  it('renews at the end of its period: a draft for an hour, then finalised and charged', async () => {
    const { stripe, subscription } = await begin();
    const { end } = periodOf(subscription);
    await test.moveTo(end);
    const renewed = await stripe.subscriptions.retrieve(subscription.id);
    expect(renewed.status).toBe('active');
    expect(periodOf(renewed).start).toBe(end);
    const draft = await latestInvoice(stripe, subscription.id);
    expect(draft).toMatchObject({
      id: renewed.latest_invoice,
      status: 'draft',
      billing_reason: 'subscription_cycle',
      created: end,
      automatically_finalizes_at: end + HOUR,
      next_payment_attempt: end + HOUR,
      auto_advance: true,
      period_start: subscription.created,
      period_end: end,
    });
    expect(draft.lines.data[0]?.period).toEqual({ start: end, end: periodOf(renewed).end });
    await test.moveTo(end + HOUR);
    const paid = await stripe.invoices.retrieve(draft.id ?? '');
    expect(paid.status).toBe('paid');
    expect(paid.status_transitions).toMatchObject({ finalized_at: end + HOUR, paid_at: end + HOUR });
    const [updated] = (await stripe.events.list({ type: 'customer.subscription.updated', limit: 1 })).data;
    expect(updated?.created).toBe(end);
    const previous = updated?.data.previous_attributes as Partial<Stripe.Subscription>;
    expect(previous.latest_invoice).toBe(subscription.latest_invoice);
    expect(previous.items?.data[0]?.current_period_end).toBe(end);
    expect(updated?.request).toEqual({ id: null, idempotency_key: null });
  });

  it('renews month after month from the 31st, in one jump of the clock', async () => {
    test = await startTestStripe();
    const { stripe } = test;
    const year = new Date((await test.now()) * 1000).getUTCFullYear() + 1;
    await test.moveTo(Date.UTC(year, 0, 31, 9, 30) / 1000);
    const price = await createPrice(stripe);
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    await test.moveTo(Date.UTC(year, 6, 1) / 1000);
    const invoices = await stripe.invoices.list({ subscription: subscription.id, limit: 100 });
    const days = invoices.data.map((invoice) => new Date((invoice.lines.data[0]?.period.start ?? 0) * 1000));
    expect(days.reverse().map((day) => `${day.getUTCMonth() + 1}-${day.getUTCDate()}`)).toEqual([
      '1-31',
      year % 4 === 0 ? '2-29' : '2-28',
      '3-31',
      '4-30',
      '5-31',
      '6-30',
    ]);
    expect(invoices.data.every((invoice) => invoice.status === 'paid')).toBe(true);
    expect(new Set(invoices.data.map((invoice) => invoice.number)).size).toBe(6);
  });

  it.each([
    ['day', 10, 10 * DAY],
    ['week', 2, 14 * DAY],
    ['year', 1, undefined],
  ] as const)('renews every %s × %i', async (interval, count, seconds) => {
    test = await startTestStripe();
    const { stripe } = test;
    const price = await createPrice(stripe, { interval, interval_count: count });
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 3 }],
    });
    const { start, end } = periodOf(subscription);
    const expected = new Date(start * 1000);
    expected.setUTCFullYear(expected.getUTCFullYear() + 1);
    expect(end).toBe(seconds === undefined ? expected.getTime() / 1000 : start + seconds);
    await test.moveTo(end + 2 * HOUR);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      status: 'paid',
      amount_paid: 7500,
      created: end,
    });
  });
});

describe('a renewal that cannot be paid', () => {
  it('is retried 3, 5 and 7 days after the attempt before, then the subscription is canceled', async () => {
    const { stripe, customer, subscription } = await begin();
    await test.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    const { end } = periodOf(subscription);
    const attempts = [end + HOUR, end + HOUR + 3 * DAY, end + HOUR + 8 * DAY, end + HOUR + 15 * DAY];
    for (const [index, at] of attempts.entries()) {
      await test.moveTo(at - 1);
      const before = await latestInvoice(stripe, subscription.id);
      expect(before.attempt_count).toBe(index);
      await test.moveTo(at);
      const after = await latestInvoice(stripe, subscription.id);
      const last = index === attempts.length - 1;
      expect(after).toMatchObject({
        status: 'open',
        attempt_count: index + 1,
        attempted: true,
        next_payment_attempt: attempts[index + 1] ?? null,
        auto_advance: !last,
      });
      const { status } = await stripe.subscriptions.retrieve(subscription.id);
      expect(status).toBe(last ? 'canceled' : 'past_due');
    }
    const failures = await stripe.events.list({ type: 'invoice.payment_failed', limit: 100 });
    expect(failures.data.map((event) => event.created).reverse()).toEqual(attempts);
    const counts = failures.data.map((event) => (event.data.object as Stripe.Invoice).attempt_count);
    expect(counts.reverse()).toEqual([1, 2, 3, 4]);
    const canceled = await stripe.subscriptions.retrieve(subscription.id);
    expect(canceled).toMatchObject({ ended_at: attempts[3], canceled_at: attempts[3] });
    expect(canceled.cancellation_details?.reason).toBe('payment_failed');
    const [deleted] = (await stripe.events.list({ type: 'customer.subscription.deleted' })).data;
    expect(deleted?.created).toBe(attempts[3]);
    const debtor = (await stripe.customers.retrieve(customer.id)) as Stripe.Customer;
    expect(debtor.delinquent).toBe(true);
    await test.moveTo(end + 400 * DAY);
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
  });

  it.each(['unpaid', 'past_due'] as const)(
    'leaves the subscription %s after the last retry where that is configured',
    async (outcome) => {
      const { stripe, customer, subscription } = await begin('pm_card_visa', {
        retryDelaysDays: [1],
        afterFinalRetry: outcome,
      });
      await test.control('POST', `/customers/${customer.id}/payment_method`, {
        payment_method: 'pm_card_chargeCustomerFail',
      });
      const { end } = periodOf(subscription);
      await test.moveTo(end + HOUR + DAY);
      const invoice = await latestInvoice(stripe, subscription.id);
      expect(invoice).toMatchObject({ attempt_count: 2, next_payment_attempt: null, status: 'open' });
      const behind = await stripe.subscriptions.retrieve(subscription.id);
      expect(behind.status).toBe(outcome);
      await test.moveTo(periodOf(behind).end + 2 * HOUR);
      const next = await latestInvoice(stripe, subscription.id);
      expect(next.status).toBe(outcome === 'unpaid' ? 'draft' : 'open');
    },
  );

  it('recovers by a good card: at the next retry', async () => {
    const { stripe, customer, subscription } = await begin();
    await test.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    const { end } = periodOf(subscription);
    await test.moveTo(end + 2 * HOUR);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
    await test.control('POST', `/customers/${customer.id}/payment_method`, { payment_method: 'pm_card_mastercard' });
    await test.moveTo(end + HOUR + 3 * DAY);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      status: 'paid',
      attempt_count: 1,
      next_payment_attempt: null,
    });
    const well = (await stripe.customers.retrieve(customer.id)) as Stripe.Customer;
    expect(well.delinquent).toBe(false);
  });

  it('recovers by a good card: when the open invoice is paid by hand; a second payment is refused', async () => {
    const { stripe, customer, subscription } = await begin();
    await test.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    const { end } = periodOf(subscription);
    await test.moveTo(end + 2 * HOUR);
    const open = await latestInvoice(stripe, subscription.id);
    const refused = await stripeError(stripe.invoices.pay(open.id ?? ''));
    expect(refused).toMatchObject({ statusCode: 402, code: 'card_declined', decline_code: 'generic_decline' });
    // A manual attempt after the first does not count, nor does it move the schedule.
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      attempt_count: 1,
      next_payment_attempt: end + HOUR + 3 * DAY,
    });
    await test.control('POST', `/customers/${customer.id}/payment_method`, { payment_method: 'pm_card_visa' });
    const paid = await stripe.invoices.pay(open.id ?? '');
    expect(paid).toMatchObject({ status: 'paid', amount_remaining: 0, next_payment_attempt: null });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    expect((await stripeError(stripe.invoices.pay(open.id ?? ''))).code).toBe('invoice_already_paid');
    await test.moveTo(end + 20 * DAY);
    expect((await stripe.events.list({ type: 'invoice.payment_failed' })).data).toHaveLength(2);
  });
});

describe('a subscription whose first payment fails', () => {
  it('is incomplete, expires after 23 hours, and its invoice is void', async () => {
    const { stripe, subscription } = await begin('pm_card_chargeCustomerFail');
    expect(subscription.status).toBe('incomplete');
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      status: 'open',
      attempt_count: 1,
      next_payment_attempt: null,
    });
    await test.moveTo(subscription.created + 23 * HOUR - 1);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('incomplete');
    await test.moveTo(subscription.created + 23 * HOUR);
    const expired = await stripe.subscriptions.retrieve(subscription.id);
    expect(expired).toMatchObject({ status: 'incomplete_expired', ended_at: subscription.created + 23 * HOUR });
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(invoice.status).toBe('void');
    const [payment] = (await stripe.invoicePayments.list({ invoice: invoice.id ?? '' })).data;
    const intent = await stripe.paymentIntents.retrieve(String(payment?.payment.payment_intent));
    expect(intent).toMatchObject({ status: 'canceled', cancellation_reason: 'void_invoice' });
  });

  it('is not made at all with error_if_incomplete, and the answer is the card error', async () => {
    test = await startTestStripe();
    const { stripe } = test;
    const price = await createPrice(stripe);
    const customer = await createCustomer(stripe, 'pm_card_chargeCustomerFail');
    const error = await stripeError(
      stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
        payment_behavior: 'error_if_incomplete',
      }),
    );
    expect(error).toMatchObject({ statusCode: 402, type: 'StripeCardError', code: 'card_declined' });
    expect((await stripe.subscriptions.list({ customer: customer.id, status: 'all' })).data).toEqual([]);
  });

  it('cannot start at all without a payment method, except as default_incomplete', async () => {
    test = await startTestStripe();
    const { stripe } = test;
    const price = await createPrice(stripe);
    const customer = await stripe.customers.create();
    const params = { customer: customer.id, items: [{ price: price.id }] };
    expect(await stripeError(stripe.subscriptions.create(params))).toMatchObject({
      statusCode: 400,
      code: 'resource_missing',
    });
    const waiting = await stripe.subscriptions.create({
      ...params,
      payment_behavior: 'default_incomplete',
      payment_settings: { save_default_payment_method: 'on_subscription' },
      expand: ['latest_invoice.confirmation_secret'],
    });
    expect(waiting.status).toBe('incomplete');
    const invoice = waiting.latest_invoice as Stripe.Invoice;
    const intentId = String(invoice.confirmation_secret?.client_secret).split('_secret_')[0] ?? '';
    const declined = await stripeError(
      stripe.paymentIntents.confirm(intentId, { payment_method: 'pm_card_chargeDeclined' }),
    );
    expect(declined).toMatchObject({ statusCode: 402, code: 'card_declined' });
    expect(declined.payment_intent?.status).toBe('requires_payment_method');
    await stripe.paymentIntents.confirm(intentId, { payment_method: 'pm_card_visa' });
    const active = await stripe.subscriptions.retrieve(waiting.id);
    expect(active.status).toBe('active');
    expect(active.default_payment_method).toMatch(/^pm_/);
    await test.moveTo(active.created + 30 * HOUR);
    expect((await stripe.subscriptions.retrieve(waiting.id)).status).toBe('active');
  });

  it('becomes active once the customer has authenticated, and stays incomplete when they fail to', async () => {
    const { stripe, customer, subscription } = await begin('pm_card_threeDSecure2Required');
    expect(subscription.status).toBe('incomplete');
    const invoice = await latestInvoice(stripe, subscription.id);
    const [payment] = (await stripe.invoicePayments.list({ invoice: invoice.id ?? '' })).data;
    const intentId = String(payment?.payment.payment_intent);
    expect(await stripe.paymentIntents.retrieve(intentId)).toMatchObject({ status: 'requires_action' });
    await test.control('POST', `/payment_intents/${intentId}/authenticate`, { outcome: 'fail' });
    expect(await stripe.paymentIntents.retrieve(intentId)).toMatchObject({ status: 'requires_payment_method' });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('incomplete');
    const { default_payment_method: card } = customer.invoice_settings;
    await stripe.paymentIntents.confirm(intentId, { payment_method: String(card) });
    await test.control('POST', `/payment_intents/${intentId}/authenticate`, {});
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    const charge = (await stripe.charges.list({ payment_intent: intentId })).data[0];
    expect(charge?.payment_method_details?.card?.three_d_secure?.result).toBe('authenticated');
  });
});

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

describe('canceling', () => {
  it('at the end of the period keeps the subscription until then, bills nothing more, and can be undone', async () => {
    const { stripe, subscription } = await begin();
    const { end } = periodOf(subscription);
    const ending = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    expect(ending).toMatchObject({ status: 'active', cancel_at_period_end: true, cancel_at: end });
    expect(ending.canceled_at).toBeGreaterThanOrEqual(subscription.created);
    expect(ending.cancellation_details?.reason).toBe('cancellation_requested');
    const undone = await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: false });
    expect(undone).toMatchObject({ cancel_at_period_end: false, cancel_at: null, canceled_at: null });
    await stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true });
    await test.moveTo(end - 1);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    await test.moveTo(end + 90 * DAY);
    const canceled = await stripe.subscriptions.retrieve(subscription.id);
    expect(canceled).toMatchObject({ status: 'canceled', ended_at: end, cancel_at_period_end: true });
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(1);
  });

  it('at a time of its own ends it then', async () => {
    const { stripe, subscription } = await begin();
    const at = subscription.created + 45 * DAY;
    const ending = await stripe.subscriptions.update(subscription.id, { cancel_at: at });
    expect(ending).toMatchObject({ cancel_at: at, cancel_at_period_end: false });
    await test.moveTo(at + DAY);
    expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({ status: 'canceled', ended_at: at });
    expect((await stripe.invoices.list({ subscription: subscription.id })).data).toHaveLength(2);
  });

  it('now ends it, keeps what the customer said, stops collecting, and is refused a second time', async () => {
    const { stripe, customer, subscription } = await begin();
    await test.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    await test.moveTo(periodOf(subscription).end + 2 * HOUR);
    const canceled = await stripe.subscriptions.cancel(subscription.id, {
      cancellation_details: { comment: 'Too much', feedback: 'too_expensive' },
    });
    expect(canceled.status).toBe('canceled');
    expect(canceled.cancellation_details).toMatchObject({ comment: 'Too much', feedback: 'too_expensive' });
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({
      status: 'open',
      auto_advance: false,
      next_payment_attempt: null,
    });
    expect((await stripeError(stripe.subscriptions.cancel(subscription.id))).statusCode).toBe(404);
    const error = await stripeError(stripe.subscriptions.update(subscription.id, { cancel_at_period_end: true }));
    expect(error.statusCode).toBe(400);
    expect((await stripe.subscriptions.update(subscription.id, { metadata: { note: 'kept' } })).metadata).toEqual({
      note: 'kept',
    });
    expect((await stripe.subscriptions.list({ customer: customer.id })).data).toEqual([]);
    expect((await stripe.subscriptions.list({ customer: customer.id, status: 'ended' })).data).toHaveLength(1);
  });

  it('happens to the subscriptions of a customer who is deleted', async () => {
    const { stripe, customer, subscription } = await begin();
    expect(await stripe.customers.del(customer.id)).toEqual(
      expect.objectContaining({ id: customer.id, deleted: true }),
    );
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
    expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ id: customer.id, deleted: true });
    expect((await stripe.customers.list()).data).toEqual([]);
  });
});

describe('what this storey does not do', () => {
  it.each([
    ['items', { items: [{ price: 'price_x' }] }],
    ['pause_collection', { pause_collection: { behavior: 'void' } }],
    ['discounts', { discounts: [{ coupon: 'x' }] }],
    ['automatic_tax[enabled]', { automatic_tax: { enabled: true } }],
  ] as const)('is refused by name: %s', async (param, params) => {
    const { stripe, subscription } = await begin();
    const error = await stripeError(
      stripe.subscriptions.update(subscription.id, params as Stripe.SubscriptionUpdateParams),
    );
    expect(error).toMatchObject({ statusCode: 400, code: 'sandbox_unsupported', param });
  });
});

describe('an invoice that is sent', () => {
  it('is finalised after an hour with a due date, is not charged, and can be paid by hand', async () => {
    const { stripe, subscription } = await begin(
      'pm_card_visa',
      {},
      { collection_method: 'send_invoice', days_until_due: 14 },
    );
    expect(subscription.status).toBe('active');
    expect((await latestInvoice(stripe, subscription.id)).status).toBe('draft');
    await test.moveTo(subscription.created + HOUR);
    const open = await latestInvoice(stripe, subscription.id);
    expect(open).toMatchObject({ status: 'open', attempted: false, due_date: subscription.created + HOUR + 14 * DAY });
    expect(await stripe.invoices.pay(open.id ?? '')).toMatchObject({ status: 'paid', amount_paid: 2500 });
  });
});
