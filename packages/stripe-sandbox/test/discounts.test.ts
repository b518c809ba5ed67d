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

async function begin() {
  test = await startTestStripe();
  stripe = test.stripe;
  return { price: await createPrice(stripe), customer: await createCustomer(stripe) };
}

/** Moves through the next renewal and gives what was paid for it. */
async function renew(id: string): Promise<number> {
  const { end } = periodOf(await stripe.subscriptions.retrieve(id));
  await test.moveTo(end + HOUR);
  const invoice = await latestInvoice(stripe, id);
  expect(invoice.status).toBe('paid');
  return invoice.amount_paid;
}

describe('a coupon on a subscription', () => {
  it('once takes off the first invoice only, and shows on it line by line', async () => {
    const { price, customer } = await begin();
    const coupon = await stripe.coupons.create({ percent_off: 33.3, duration: 'once', name: 'A third' });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 3 }],
      discounts: [{ coupon: coupon.id }],
    });
    const invoice = await stripe.invoices.retrieve(String(subscription.latest_invoice), {
      expand: ['discounts.source.coupon', 'total_discount_amounts.discount', 'lines.data.discount_amounts.discount'],
    });
    // 7500 × 33.3 % = 2497.5, half up.
    expect(invoice).toMatchObject({ subtotal: 7500, total: 5002, amount_paid: 5002, status: 'paid' });
    expect(invoice.total_discount_amounts?.[0]?.amount).toBe(2498);
    expect(invoice.lines.data[0]).toMatchObject({ amount: 7500, discount_amounts: [{ amount: 2498 }] });
    const [discount] = invoice.discounts as Stripe.Discount[];
    expect(discount?.source.coupon).toMatchObject({ name: 'A third' });
    expect(discount).toMatchObject({ subscription: subscription.id, customer: customer.id, end: null });
    expect((await stripe.subscriptions.retrieve(subscription.id)).discounts).toEqual([]);
    expect((await stripe.events.list({ type: 'customer.discount.deleted' })).data).toHaveLength(1);
    expect((await stripe.coupons.retrieve(coupon.id)).times_redeemed).toBe(1);
    expect(await renew(subscription.id)).toBe(7500);
  });

  it('once waits for the end of a trial', async () => {
    const { price, customer } = await begin();
    const coupon = await stripe.coupons.create({ id: 'HALF', percent_off: 50 });
    expect(coupon).toMatchObject({ id: 'HALF', duration: 'once', valid: true });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      discounts: [{ coupon: 'HALF' }],
      trial_period_days: 7,
    });
    expect(subscription.discounts).toHaveLength(1);
    expect(await renew(subscription.id)).toBe(1250);
    expect(await renew(subscription.id)).toBe(2500);
  });

  it('repeating for three months takes off three invoices, forever takes off all', async () => {
    const { price, customer } = await begin();
    const coupon = await stripe.coupons.create({
      amount_off: 1000,
      currency: 'usd',
      duration: 'repeating',
      duration_in_months: 3,
    });
    const forever = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      // Each from what the ones before have left: 2500 − 1000 = 1500, less 10 %.
      discounts: [{ coupon: coupon.id }, { coupon: forever.id }],
    });
    expect((await latestInvoice(stripe, subscription.id)).amount_paid).toBe(1350);
    const paid = [];
    for (let month = 0; month < 4; month += 1) paid.push(await renew(subscription.id));
    expect(paid).toEqual([1350, 1350, 2250, 2250]);
    expect((await stripe.subscriptions.retrieve(subscription.id)).discounts).toHaveLength(1);
  });

  it('of everything leaves nothing to pay: active without a payment method', async () => {
    const { price } = await begin();
    const customer = await stripe.customers.create();
    const coupon = await stripe.coupons.create({ percent_off: 100, duration: 'forever' });
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }],
      discounts: [{ coupon: coupon.id }],
    });
    expect(subscription.status).toBe('active');
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ status: 'paid', amount_due: 0, total: 0 });
  });

  it('for one product leaves the others alone, and goes on when it is deleted', async () => {
    const { price, customer } = await begin();
    const other = await createPrice(stripe, { interval: 'month' }, 1000);
    const coupon = await stripe.coupons.create({
      percent_off: 50,
      duration: 'forever',
      applies_to: { products: [String(other.product)] },
    });
    const shown = await stripe.coupons.retrieve(coupon.id, { expand: ['applies_to'] });
    expect(shown.applies_to?.products).toEqual([other.product]);
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id }, { price: other.id }],
      discounts: [{ coupon: coupon.id }],
    });
    expect((await latestInvoice(stripe, subscription.id)).amount_paid).toBe(3000);
    await stripe.coupons.del(coupon.id);
    expect(await renew(subscription.id)).toBe(3000);
  });

  it('can be put on later, kept, replaced and taken off', async () => {
    const { price, customer } = await begin();
    const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    const ten = await stripe.coupons.create({ percent_off: 10, duration: 'forever' });
    const fifth = await stripe.coupons.create({ percent_off: 20, duration: 'forever' });
    const on = await stripe.subscriptions.update(id, { discounts: [{ coupon: ten.id }] });
    const first = String(on.discounts[0]);
    const both = await stripe.subscriptions.update(id, { discounts: [{ discount: first }, { coupon: fifth.id }] });
    expect(both.discounts).toHaveLength(2);
    expect(both.discounts[0]).toBe(first);
    expect(await renew(id)).toBe(1800);
    const off = await stripe.subscriptions.update(id, { discounts: '' });
    expect(off.discounts).toEqual([]);
    expect((await stripe.events.list({ type: 'customer.discount.deleted' })).data).toHaveLength(2);
    expect(await renew(id)).toBe(2500);
  });
});

describe('what cannot be redeemed', () => {
  it('is refused: used up, expired, of another currency, unknown', async () => {
    const { price, customer } = await begin();
    const now = await test.now();
    const once = await stripe.coupons.create({ percent_off: 10, max_redemptions: 1 });
    const soon = await stripe.coupons.create({ percent_off: 10, redeem_by: now + DAY });
    const euro = await stripe.coupons.create({ amount_off: 100, currency: 'eur' });
    const buy = (coupon: string) =>
      stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }], discounts: [{ coupon }] });
    await buy(once.id);
    expect((await stripe.coupons.retrieve(once.id)).valid).toBe(false);
    await test.moveTo(now + 2 * DAY);
    for (const coupon of [once.id, soon.id]) {
      expect((await stripeError(buy(coupon))).code).toBe('coupon_expired');
    }
    expect((await stripeError(buy(euro.id))).param).toBe('discounts[0][coupon]');
    expect((await stripeError(buy('NOPE'))).code).toBe('resource_missing');
    const both = stripe.coupons.create({ percent_off: 10, amount_off: 5, currency: 'usd' });
    expect((await stripeError(both)).param).toBe('percent_off');
  });

  it('is a code that is another customer’s, for first purchases, below its minimum, switched off', async () => {
    const { price, customer } = await begin();
    const other = await createCustomer(stripe);
    const coupon = await stripe.coupons.create({ percent_off: 10 });
    const promotion = { type: 'coupon' as const, coupon: coupon.id };
    const buy = (code: Stripe.PromotionCode) =>
      stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: price.id }],
        discounts: [{ promotion_code: code.id }],
      });
    const make = (more: Partial<Stripe.PromotionCodeCreateParams>) =>
      stripe.promotionCodes.create({ promotion, ...more });
    const others = await make({ customer: other.id });
    const large = await make({ restrictions: { minimum_amount: 2501, minimum_amount_currency: 'usd' } });
    const first = await make({ code: 'FIRST', restrictions: { first_time_transaction: true } });
    const off = await make({});
    await stripe.promotionCodes.update(off.id, { active: false });
    for (const code of [others, large, off]) expect((await stripeError(buy(code))).statusCode).toBe(400);
    const bought = await buy(first);
    expect(await latestInvoice(stripe, bought.id)).toMatchObject({ amount_paid: 2250 });
    expect((await stripeError(buy(first))).statusCode).toBe(400);
    expect((await stripe.promotionCodes.retrieve(first.id)).times_redeemed).toBe(1);
    expect((await stripe.promotionCodes.list({ code: 'first' })).data).toHaveLength(1);
    expect((await stripeError(make({ code: 'first' }))).code).toBe('resource_already_exists');
  });
});

describe('Checkout with a discount', () => {
  async function session(more: Partial<Stripe.Checkout.SessionCreateParams>) {
    const { price } = await begin();
    const coupon = await stripe.coupons.create({ percent_off: 20, duration: 'once' });
    const code = await stripe.promotionCodes.create({
      code: 'LAUNCH',
      promotion: { type: 'coupon', coupon: coupon.id },
    });
    const given = more.allow_promotion_codes === true ? {} : { discounts: [{ promotion_code: code.id }] };
    return stripe.checkout.sessions.create({
      mode: 'subscription',
      success_url: 'http://127.0.0.1/done',
      line_items: [{ price: price.id, quantity: 1 }],
      ...given,
      ...more,
    });
  }

  it('that is given asks for less, and the subscription’s invoice is of the same sum', async () => {
    const open = await session({});
    expect(open).toMatchObject({ amount_subtotal: 2500, amount_total: 2000, total_details: { amount_discount: 500 } });
    await test.control('POST', `/checkout/sessions/${open.id}/complete`, {});
    const done = await stripe.checkout.sessions.retrieve(open.id, {
      expand: ['invoice', 'discounts.promotion_code', 'line_items'],
    });
    expect((done.invoice as Stripe.Invoice).amount_paid).toBe(2000);
    expect(done.discounts?.[0]?.promotion_code).toMatchObject({ code: 'LAUNCH', times_redeemed: 1 });
    expect(done.line_items?.data[0]).toMatchObject({ amount_discount: 500, amount_total: 2000 });
  });

  it('that a person types on the page is taken off before they pay', async () => {
    const open = await session({ allow_promotion_codes: true });
    const page = await fetch(`${test.url}/c/pay/${open.id}`);
    expect(await page.text()).toContain('Promotion code');
    const post = (fields: Record<string, string>) =>
      fetch(`${test.url}/c/pay/${open.id}`, {
        method: 'POST',
        body: new URLSearchParams(fields),
        redirect: 'manual',
      });
    const wrong = await post({ step: 'code', code: 'NOTHING' });
    expect(wrong.status).toBe(400);
    expect(await wrong.text()).toContain('This code is invalid');
    expect((await post({ step: 'code', code: 'launch' })).status).toBe(303);
    expect((await stripe.checkout.sessions.retrieve(open.id)).amount_total).toBe(2000);
    await post({ step: 'pay', email: 'ada@example.com', number: '4242424242424242', expiry: '12/39', cvc: '123' });
    const done = await stripe.checkout.sessions.retrieve(open.id, { expand: ['invoice'] });
    expect(done.status).toBe('complete');
    expect((done.invoice as Stripe.Invoice).total).toBe(2000);
  });
});
