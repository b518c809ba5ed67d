import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import { beginSubscription, DAY, HOUR, latestInvoice, periodOf, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
afterEach(() => test.close());

async function begin(...args: Parameters<typeof beginSubscription>) {
  const begun = await beginSubscription(...args);
  test = begun.test;
  return begun;
}

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
    ['add_invoice_items', { add_invoice_items: [{ price: 'price_x' }] }],
    ['transfer_data', { transfer_data: { destination: 'acct_x' } }],
    ['pending_invoice_item_interval', { pending_invoice_item_interval: { interval: 'week' } }],
  ] as const)('is refused by name: %s', async (param, params) => {
    const { stripe, subscription } = await begin();
    const error = await stripeError(
      stripe.subscriptions.update(subscription.id, params as Stripe.SubscriptionUpdateParams),
    );
    expect(error).toMatchObject({ statusCode: 400, code: 'sandbox_unsupported', param });
  });
});
