import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCustomer, createPrice, DAY, HOUR, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
let monthly: Stripe.Price;
let once: Stripe.Price;
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
  monthly = await createPrice(stripe);
  once = await createPrice(stripe, null, 1200);
});
afterAll(() => test.close());

const SUCCESS = 'https://shop.test/done?session={CHECKOUT_SESSION_ID}';

function subscribe(more: Partial<Stripe.Checkout.SessionCreateParams> = {}): Promise<Stripe.Checkout.Session> {
  return stripe.checkout.sessions.create({
    mode: 'subscription',
    line_items: [{ price: monthly.id, quantity: 1 }],
    success_url: SUCCESS,
    ...more,
  });
}

function buy(more: Partial<Stripe.Checkout.SessionCreateParams> = {}): Promise<Stripe.Checkout.Session> {
  return stripe.checkout.sessions.create({
    mode: 'payment',
    line_items: [{ price: once.id, quantity: 2 }],
    success_url: SUCCESS,
    ...more,
  });
}

const complete = (id: string, body: object = {}) =>
  test.control<Stripe.Checkout.Session>('POST', `/checkout/sessions/${id}/complete`, body);

async function post(path: string, fields: Record<string, string>) {
  const response = await fetch(path, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  return { status: response.status, location: response.headers.get('location'), text: await response.text() };
}

const CARD = { step: 'pay', number: '4242 4242 4242 4242', expiry: '12/34', cvc: '123', name: 'Ada' };

describe('a subscription session', () => {
  it('makes nothing until it is completed, then the customer, the subscription and its paid invoice', async () => {
    const session = await subscribe({
      customer_email: 'ada@example.com',
      client_reference_id: 'order-7',
      metadata: { cart: '9' },
      subscription_data: { metadata: { plan: 'license' } },
    });
    expect(session).toMatchObject({
      status: 'open',
      payment_status: 'unpaid',
      amount_total: 2500,
      currency: 'usd',
      customer: null,
      subscription: null,
      invoice: null,
      ui_mode: 'hosted_page',
      expires_at: session.created + DAY,
    });
    expect(session.url).toBe(`${test.url}/c/pay/${session.id}`);
    expect((await stripe.subscriptions.list()).data).toEqual([]);
    const done = await complete(session.id, { payment_method: 'pm_card_visa' });
    expect(done).toMatchObject({ status: 'complete', payment_status: 'paid', url: null, metadata: { cart: '9' } });
    expect(done.customer_details?.email).toBe('ada@example.com');
    const subscription = await stripe.subscriptions.retrieve(String(done.subscription));
    expect(subscription).toMatchObject({
      status: 'active',
      metadata: { plan: 'license' },
      latest_invoice: done.invoice,
    });
    expect(subscription.default_payment_method).toMatch(/^pm_/);
    const customer = (await stripe.customers.retrieve(String(done.customer))) as Stripe.Customer;
    expect(customer.email).toBe('ada@example.com');
    const invoice = await stripe.invoices.retrieve(String(done.invoice));
    expect(invoice.parent?.subscription_details?.metadata).toEqual({ plan: 'license' });
    const [event] = (await stripe.events.list({ type: 'checkout.session.completed', limit: 1 })).data;
    expect(event?.data.object).toMatchObject({ id: session.id, status: 'complete' });
    const bySubscription = await stripe.checkout.sessions.list({ subscription: subscription.id });
    expect(bySubscription.data.map((one) => one.id)).toEqual([session.id]);
    const lines = await stripe.checkout.sessions.listLineItems(session.id);
    expect(lines.data).toMatchObject([{ description: 'Licence', quantity: 1, amount_total: 2500 }]);
    const expanded = await stripe.checkout.sessions.retrieve(session.id, { expand: ['line_items', 'subscription'] });
    expect(expanded.line_items?.data[0]?.price?.id).toBe(monthly.id);
  });

  it('stays open with nothing made when the card is declined, and can be paid with another', async () => {
    const session = await subscribe({ customer_email: 'declined@example.com' });
    const before = (await stripe.customers.list({ limit: 100 })).data.length;
    for (const card of [
      'pm_card_chargeDeclined',
      'pm_card_chargeDeclinedInsufficientFunds',
      'pm_card_chargeCustomerFail',
    ]) {
      await expect(complete(session.id, { payment_method: card })).rejects.toThrow(/402.*card_declined/s);
    }
    await expect(complete(session.id, { payment_method: 'pm_card_chargeDeclinedExpiredCard' })).rejects.toThrow(
      /expired_card/,
    );
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
    expect((await stripe.customers.list({ limit: 100 })).data).toHaveLength(before);
    expect((await complete(session.id)).status).toBe('complete');
    await expect(complete(session.id)).rejects.toThrow(/400/);
  });

  it('uses the customer it was given', async () => {
    const customer = await createCustomer(stripe);
    const done = await complete((await subscribe({ customer: customer.id })).id);
    expect(done.customer).toBe(customer.id);
    expect(done.customer_creation).toBeNull();
  });

  it('with a trial charges nothing today and starts trialing', async () => {
    const session = await subscribe({ subscription_data: { trial_period_days: 14 } });
    expect(session).toMatchObject({ amount_total: 0, payment_status: 'no_payment_required' });
    const done = await complete(session.id);
    const subscription = await stripe.subscriptions.retrieve(String(done.subscription));
    expect(subscription).toMatchObject({ status: 'trialing', trial_end: subscription.created + 14 * DAY });
    expect(done.payment_status).toBe('no_payment_required');
  });

  it('bills a one-time price with the first invoice only', async () => {
    const session = await subscribe({
      line_items: [
        { price: monthly.id, quantity: 1 },
        { price: once.id, quantity: 1 },
      ],
    });
    const done = await complete(session.id);
    const invoice = await stripe.invoices.retrieve(String(done.invoice));
    expect(invoice.total).toBe(3700);
    const subscription = await stripe.subscriptions.retrieve(String(done.subscription));
    expect(subscription.items.data).toHaveLength(1);
  });

  it('completes with 3-D Secure answered, and is declined when it is not', async () => {
    const session = await subscribe();
    const card = { payment_method: 'pm_card_threeDSecure2Required' };
    await expect(complete(session.id, { ...card, authentication: 'fail' })).rejects.toThrow(/402/);
    expect((await complete(session.id, card)).status).toBe('complete');
  });
});

describe('a payment session', () => {
  it('takes the payment of a guest without making a customer', async () => {
    const session = await buy({ payment_intent_data: { metadata: { hours: '10' }, description: 'Ten hours' } });
    expect(session).toMatchObject({ amount_total: 2400, customer_creation: 'if_required', payment_intent: null });
    const done = await complete(session.id, { email: 'guest@example.com' });
    expect(done).toMatchObject({ payment_status: 'paid', customer: null, subscription: null, invoice: null });
    expect(done.customer_details?.email).toBe('guest@example.com');
    const intent = await stripe.paymentIntents.retrieve(String(done.payment_intent));
    expect(intent).toMatchObject({
      status: 'succeeded',
      amount: 2400,
      metadata: { hours: '10' },
      description: 'Ten hours',
    });
  });

  it('keeps a declined attempt on its intent, which the next attempt succeeds with', async () => {
    const session = await buy();
    await expect(complete(session.id, { payment_method: 'pm_card_chargeDeclined' })).rejects.toThrow(/402/);
    const tried = await stripe.checkout.sessions.retrieve(session.id, { expand: ['payment_intent'] });
    expect(tried.status).toBe('open');
    const intent = tried.payment_intent as Stripe.PaymentIntent;
    expect(intent).toMatchObject({ status: 'requires_payment_method' });
    expect(intent.last_payment_error).toMatchObject({ code: 'card_declined', decline_code: 'generic_decline' });
    const done = await complete(session.id);
    expect(done.payment_intent).toBe(intent.id);
    const charges = await stripe.charges.list({ payment_intent: intent.id });
    expect(charges.data.map((charge) => charge.status)).toEqual(['succeeded', 'failed']);
  });

  it('makes a customer when asked to', async () => {
    const done = await complete((await buy({ customer_creation: 'always' })).id, { email: 'kept@example.com' });
    expect(done.customer).toMatch(/^cus_/);
  });

  it('takes prices made in passing', async () => {
    const session = await buy({
      line_items: [
        {
          quantity: 3,
          price_data: { currency: 'usd', unit_amount: 500, product_data: { name: 'Hour', metadata: { kind: 'h' } } },
        },
      ],
    });
    expect(session.amount_total).toBe(1500);
    const [line] = (await stripe.checkout.sessions.listLineItems(session.id)).data;
    expect(line?.price).toMatchObject({ active: false, unit_amount: 500 });
  });
});

describe('expiry', () => {
  it('comes at expires_at by the clock, or when asked for, and then nothing can be paid', async () => {
    const own = await startTestStripe();
    const price = await createPrice(own.stripe);
    const params: Stripe.Checkout.SessionCreateParams = {
      mode: 'subscription',
      line_items: [{ price: price.id, quantity: 1 }],
      success_url: SUCCESS,
    };
    const early = await own.stripe.checkout.sessions.create(params);
    expect(await own.stripe.checkout.sessions.expire(early.id)).toMatchObject({ status: 'expired', url: null });
    expect((await stripeError(own.stripe.checkout.sessions.expire(early.id))).statusCode).toBe(400);
    const created = await own.now();
    const late = await own.stripe.checkout.sessions.create({ ...params, expires_at: created + HOUR });
    await own.moveTo(created + HOUR - 1);
    expect((await own.stripe.checkout.sessions.retrieve(late.id)).status).toBe('open');
    await own.moveTo(created + HOUR);
    expect((await own.stripe.checkout.sessions.retrieve(late.id)).status).toBe('expired');
    await expect(own.control('POST', `/checkout/sessions/${late.id}/complete`, {})).rejects.toThrow(/400/);
    expect((await fetch(`${own.url}/c/pay/${late.id}`)).status).toBe(410);
    expect((await own.stripe.events.list({ type: 'checkout.session.expired' })).data).toHaveLength(2);
    await own.close();
  });
});

describe('what does not fit together', () => {
  it.each<[string, () => Partial<Stripe.Checkout.SessionCreateParams>, string]>([
    [
      'a one-time price alone in subscription mode',
      () => ({ line_items: [{ price: once.id, quantity: 1 }] }),
      'line_items',
    ],
    ['a recurring price in payment mode', () => ({ mode: 'payment' }), 'line_items'],
    ['payment data in subscription mode', () => ({ payment_intent_data: { description: 'x' } }), 'payment_intent_data'],
    ['customer creation in subscription mode', () => ({ customer_creation: 'always' }), 'customer_creation'],
    ['a customer and an address', () => ({ customer: 'cus_x', customer_email: 'a@b.c' }), 'customer'],
    ['an expiry in five minutes', () => ({ expires_at: Math.floor(Date.now() / 1000) + 300 }), 'expires_at'],
    ['a line without quantity', () => ({ line_items: [{ price: monthly.id }] }), 'line_items[0][quantity]'],
    ['an unknown price', () => ({ line_items: [{ price: 'price_none', quantity: 1 }] }), 'line_items[0][price]'],
    ['another mode of the page', () => ({ ui_mode: 'elements' }), 'ui_mode'],
    [
      'payment_method_types, which this version does not have',
      () => ({ payment_method_types: ['card'] }) as object,
      'payment_method_types',
    ],
  ])('%s is refused', async (_what, params, param) => {
    expect(await stripeError(subscribe(params()))).toMatchObject({ statusCode: 400, param });
  });
});

describe('the hosted page', () => {
  it('shows what is sold and takes a test card, then sends the buyer back to the shop', async () => {
    const session = await subscribe({ cancel_url: 'https://shop.test/cart?a=1&b=2' });
    const page = await fetch(session.url ?? '');
    expect(page.status).toBe(200);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
    const text = await page.text();
    for (const shown of ['Licence', '$25.00', 'per month', 'local test Stripe', 'https://shop.test/cart?a=1&amp;b=2']) {
      expect(text).toContain(shown);
    }
    const paid = await post(session.url ?? '', { ...CARD, email: 'page@example.com' });
    expect(paid).toMatchObject({ status: 303, location: `https://shop.test/done?session=${session.id}` });
    const done = await stripe.checkout.sessions.retrieve(session.id);
    expect(done).toMatchObject({ status: 'complete', customer_details: { email: 'page@example.com', name: 'Ada' } });
    expect(await (await fetch(session.url ?? '')).text()).toContain('all done');
  });

  it('says what is wrong in place: with a field, with a decline', async () => {
    const session = await subscribe();
    const at = session.url ?? '';
    const wrong = await post(at, { ...CARD, email: 'nobody', number: '1234', expiry: '01/20', cvc: 'x' });
    expect(wrong.status).toBe(400);
    expect(wrong.text.match(/aria-invalid="true"/g)).toHaveLength(4);
    const real = await post(at, { ...CARD, email: 'a@b.test', number: '4929 0000 0000 6' });
    expect(real.text).toContain('not one of the test cards');
    const declined = await post(at, { ...CARD, email: 'a@b.test', number: '4000000000009995' });
    expect(declined.status).toBe(402);
    expect(declined.text).toContain('insufficient funds');
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
  });

  it('asks for 3-D Secure where the card does: failing it declines, completing it pays', async () => {
    const session = await subscribe();
    const at = session.url ?? '';
    const fields = { email: 'a@b.test', name: 'Ada' };
    const ask = async () => {
      const asked = await post(at, { ...CARD, ...fields, number: '4000002500003155' });
      expect(asked.text).toContain('3-D Secure');
      return /name="payment_method" value="(pm_\w+)"/.exec(asked.text)?.[1] ?? '';
    };
    const failed = await post(at, { step: 'authenticate', payment_method: await ask(), outcome: 'fail', ...fields });
    expect(failed.status).toBe(402);
    expect(failed.text).toContain('unable to authenticate');
    const passed = await post(at, { step: 'authenticate', payment_method: await ask(), outcome: 'success', ...fields });
    expect(passed.status).toBe(303);
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('complete');
  });

  it('escapes what the shop and the buyer wrote', async () => {
    const nasty = '<script>alert("x")</script>';
    const price = await stripe.prices.create({ currency: 'usd', unit_amount: 100, product_data: { name: nasty } });
    const session = await buy({ line_items: [{ price: price.id, quantity: 1 }] });
    const text = await (await fetch(session.url ?? '')).text();
    expect(text).not.toContain('<script>');
    expect(text).toContain('&lt;script&gt;');
    const again = await post(session.url ?? '', { ...CARD, email: '"><script>', cvc: 'x' });
    expect(again.text).not.toContain('<script>');
  });

  it('is 404 for what is not there; the front page says what this is', async () => {
    expect((await fetch(`${test.url}/c/pay/cs_test_none`)).status).toBe(404);
    expect((await fetch(`${test.url}/elsewhere`)).status).toBe(404);
    expect(await (await fetch(test.url)).text()).toContain('Local test Stripe');
  });
});

describe('the hosted invoice', () => {
  it('lets a customer whose renewal failed pay with another card, which becomes the default', async () => {
    const own = await startTestStripe();
    const price = await createPrice(own.stripe);
    const customer = await createCustomer(own.stripe);
    const subscription = await own.stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    await own.control('POST', `/customers/${customer.id}/payment_method`, {
      payment_method: 'pm_card_chargeCustomerFail',
    });
    await own.moveTo((subscription.items.data[0]?.current_period_end ?? 0) + 2 * HOUR);
    const [open] = (await own.stripe.invoices.list({ status: 'open' })).data;
    const at = open?.hosted_invoice_url ?? '';
    expect(await (await fetch(at)).text()).toContain('Pay $25.00');
    const declined = await post(at, { ...CARD, number: '4000000000000341' });
    expect(declined).toMatchObject({ status: 402 });
    expect(await post(at, CARD)).toMatchObject({ status: 303 });
    expect((await own.stripe.subscriptions.retrieve(subscription.id)).status).toBe('active');
    expect(await (await fetch(at)).text()).toContain('Status: paid');
    expect((await fetch(`${at}x`)).status).toBe(404);
    const [charge] = (await own.stripe.charges.list({ limit: 1 })).data;
    expect(await (await fetch(charge?.receipt_url ?? '')).text()).toContain('ending in 4242');
    await own.close();
  });
});
