import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import {
  beginSubscription,
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
afterEach(() => test.close());

async function begin(...args: Parameters<typeof beginSubscription>) {
  const begun = await beginSubscription(...args);
  test = begun.test;
  return begun;
}

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

describe('a draft that is paid by hand before its time', () => {
  it('makes that attempt the first, and the retries follow it', async () => {
    const { stripe, customer, subscription } = await begin();
    await test.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    const { end } = periodOf(subscription);
    await test.moveTo(end + 60);
    const draft = await latestInvoice(stripe, subscription.id);
    expect((await stripeError(stripe.invoices.pay(draft.id ?? ''))).code).toBe('card_declined');
    const tried = await latestInvoice(stripe, subscription.id);
    const [failure] = (await stripe.events.list({ type: 'invoice.payment_failed' })).data;
    expect(tried).toMatchObject({
      status: 'open',
      attempt_count: 1,
      next_payment_attempt: (failure?.created ?? 0) + 3 * DAY,
    });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
    await test.moveTo(end + 4 * DAY);
    expect((await latestInvoice(stripe, subscription.id)).attempt_count).toBe(2);
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
