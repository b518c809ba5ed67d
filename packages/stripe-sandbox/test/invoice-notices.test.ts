import type Stripe from 'stripe';
import { afterEach, describe, expect, it } from 'vitest';
import { beginSubscription, DAY, HOUR, periodOf, startTestStripe, type TestStripe } from './harness.ts';

let test: TestStripe;
afterEach(() => test.close());

async function begin(...args: Parameters<typeof beginSubscription>) {
  const begun = await beginSubscription(...args);
  test = begun.test;
  return begun;
}

async function eventsOf(stripe: Stripe, type: string): Promise<Stripe.Event[]> {
  return (await stripe.events.list({ type, limit: 100 })).data.reverse();
}

describe('the invoice of a coming renewal', () => {
  it('is announced seven days before, as it will be', async () => {
    const { stripe, subscription, customer } = await begin();
    const { end } = periodOf(subscription);
    await stripe.invoiceItems.create({ customer: customer.id, subscription: subscription.id, amount: 130 });
    await test.moveTo(end - 7 * DAY - 1);
    expect(await eventsOf(stripe, 'invoice.upcoming')).toEqual([]);
    await test.moveTo(end - 7 * DAY);
    const [event] = await eventsOf(stripe, 'invoice.upcoming');
    expect(event?.created).toBe(end - 7 * DAY);
    const upcoming = event?.data.object as Stripe.Invoice;
    expect(upcoming).toMatchObject({ amount_due: 2630, billing_reason: 'upcoming', status: 'draft', period_end: end });
    expect(upcoming.parent?.subscription_details?.subscription).toBe(subscription.id);
    await test.moveTo(end + HOUR);
    const renewal = (await stripe.invoices.list({ subscription: subscription.id, limit: 1 })).data[0];
    expect(renewal?.amount_paid).toBe(upcoming.amount_due);
    expect(await eventsOf(stripe, 'invoice.upcoming')).toHaveLength(1);
    await test.moveTo(end + 60 * DAY);
    expect(await eventsOf(stripe, 'invoice.upcoming')).toHaveLength(3);
  });

  it('is announced as many days before as it is set to, and once, whatever changes in between', async () => {
    const { stripe, subscription } = await begin('pm_card_visa', { upcomingDays: 3 });
    const { end } = periodOf(subscription);
    await test.moveTo(end - 3 * DAY);
    await stripe.subscriptions.update(subscription.id, { metadata: { seen: 'yes' } });
    await test.moveTo(end - DAY);
    expect(await eventsOf(stripe, 'invoice.upcoming')).toHaveLength(1);
  });

  it('is announced at the end of a trial, and not for a subscription that ends', async () => {
    const trial = await begin('pm_card_visa', {}, { trial_period_days: 30 });
    const { stripe, subscription } = trial;
    await test.moveTo((subscription.trial_end ?? 0) - 7 * DAY);
    const [event] = await eventsOf(stripe, 'invoice.upcoming');
    expect(event?.data.object).toMatchObject({ amount_due: 2500 });
    await test.close();
    const ending = await begin('pm_card_visa', {}, { cancel_at_period_end: true });
    await test.moveTo(periodOf(ending.subscription).end);
    expect(await eventsOf(ending.stripe, 'invoice.upcoming')).toEqual([]);
  });
});

describe('an invoice that is sent', () => {
  it('will be due, is due and overdue, and nothing of it once it is paid', async () => {
    test = await startTestStripe({ overdueDays: 2 });
    const { stripe } = test;
    const customer = await stripe.customers.create({});
    const sent = async () => {
      const draft = await stripe.invoices.create({
        customer: customer.id,
        collection_method: 'send_invoice',
        days_until_due: 10,
      });
      await stripe.invoiceItems.create({ customer: customer.id, invoice: draft.id, amount: 900 });
      return stripe.invoices.sendInvoice(draft.id ?? '');
    };
    const paid = await sent();
    const late = await sent();
    const due = late.due_date ?? 0;
    await stripe.invoices.pay(paid.id ?? '', { paid_out_of_band: true });
    await test.moveTo(due + 5 * DAY);
    const notices = [
      ...(await eventsOf(stripe, 'invoice.will_be_due')),
      ...(await eventsOf(stripe, 'invoice.overdue')),
    ];
    expect(notices.map((event) => (event.data.object as Stripe.Invoice).id)).toEqual([late.id, late.id]);
    expect(notices.map((event) => event.created)).toEqual([due - 3 * DAY, due + 2 * DAY]);
    const behind = (await stripe.customers.retrieve(customer.id)) as Stripe.Customer;
    expect(behind.delinquent).toBe(true);
  });

  it('leaves its subscription past due from the day it was due until it is paid', async () => {
    const { stripe, subscription } = await begin(
      'pm_card_visa',
      {},
      { collection_method: 'send_invoice', days_until_due: 5 },
    );
    expect(subscription.status).toBe('active');
    const id = String(subscription.latest_invoice);
    await test.moveTo(subscription.created + HOUR);
    const invoice = await stripe.invoices.retrieve(id);
    expect(invoice.status).toBe('open');
    expect(await eventsOf(stripe, 'invoice.sent')).toHaveLength(1);
    await test.moveTo((invoice.due_date ?? 0) - 1);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    await test.moveTo(invoice.due_date ?? 0);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('past_due');
    expect(await eventsOf(stripe, 'invoice.overdue')).toHaveLength(1);
    await stripe.invoices.pay(id, { paid_out_of_band: true });
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
  });

  it('that is given up says so, and is no longer tried', async () => {
    const { stripe, subscription } = await begin('pm_card_chargeCustomerFail', {}, { trial_period_days: 1 });
    await test.moveTo((subscription.trial_end ?? 0) + HOUR);
    const [open] = (await stripe.invoices.list({ subscription: subscription.id, status: 'open' })).data;
    const given = await stripe.invoices.markUncollectible(open?.id ?? '');
    expect(given).toMatchObject({ status: 'uncollectible', auto_advance: false, next_payment_attempt: null });
    expect(await eventsOf(stripe, 'invoice.marked_uncollectible')).toHaveLength(1);
    await test.moveTo((subscription.trial_end ?? 0) + 20 * DAY);
    expect((await stripe.invoices.retrieve(open?.id ?? '')).attempt_count).toBe(1);
  });
});
