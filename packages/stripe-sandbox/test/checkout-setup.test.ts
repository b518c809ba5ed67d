import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DAY, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
let customer: string;
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
  customer = (await stripe.customers.create({ email: 'ada@example.com' })).id;
});
afterAll(() => test.close());

const open = (more: Partial<Stripe.Checkout.SessionCreateParams> = {}) =>
  stripe.checkout.sessions.create({
    mode: 'setup',
    currency: 'usd',
    success_url: 'https://shop.test/saved?session={CHECKOUT_SESSION_ID}',
    ...more,
  });
const complete = (id: string, body: object = {}) => test.control('POST', `/checkout/sessions/${id}/complete`, body);
const cardsOf = async (id: string) => (await stripe.customers.listPaymentMethods(id)).data.map((one) => one.id);

describe('a Checkout Session in setup mode', () => {
  it('has an intent from the start, shows no amount, and saves the card with the customer', async () => {
    const session = await open({ customer, setup_intent_data: { description: 'later', metadata: { a: '1' } } });
    expect(session).toMatchObject({
      amount_total: null,
      amount_subtotal: null,
      payment_status: 'no_payment_required',
      payment_intent: null,
    });
    const before = await stripe.setupIntents.retrieve(String(session.setup_intent));
    expect(before).toMatchObject({ customer, description: 'later', metadata: { a: '1' }, payment_method: null });
    const page = await (await fetch(session.url ?? '')).text();
    expect(page).toContain('Save card');
    expect(page).not.toContain('$');
    await complete(session.id);
    const done = await stripe.checkout.sessions.retrieve(session.id, { expand: ['setup_intent'] });
    expect(done).toMatchObject({ status: 'complete', setup_intent: { status: 'succeeded' }, customer });
    const saved = (done.setup_intent as Stripe.SetupIntent).payment_method;
    expect(await cardsOf(customer)).toEqual([saved]);
    const { data } = await stripe.events.list({ limit: 2 });
    expect(data.map((event) => event.type)).toEqual(['checkout.session.completed', 'setup_intent.succeeded']);
    expect((await stripe.charges.list()).data).toEqual([]);
  });

  it('asks the bank on its page, and leads back', async () => {
    const session = await open({ customer });
    const url = session.url ?? '';
    const card = { number: '4000 0025 0000 3155', expiry: '12/40', cvc: '123', name: 'Ada', email: '' };
    const send = (form: Record<string, string>) =>
      fetch(url, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
    const asked = await (await send({ step: 'pay', ...card })).text();
    expect(asked).toContain('Saving this card needs 3-D Secure');
    const [, method = ''] = /name="payment_method" value="(pm_\w+)"/.exec(asked) ?? [];
    const answer = await send({ step: 'authenticate', payment_method: method, outcome: 'success' });
    expect(answer.headers.get('location')).toBe(`https://shop.test/saved?session=${session.id}`);
    expect(await cardsOf(customer)).toContain(method);
    const paid = await stripe.paymentIntents.create({
      amount: 500,
      currency: 'usd',
      customer,
      payment_method: method,
      off_session: true,
      confirm: true,
    });
    expect(paid.status).toBe('succeeded');
  });

  it('stays open when the bank declines the card', async () => {
    const session = await open({ customer });
    await expect(complete(session.id, { payment_method: 'pm_card_chargeDeclined' })).rejects.toThrow('answered 402');
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('open');
    const intent = await stripe.setupIntents.retrieve(String(session.setup_intent));
    expect(intent).toMatchObject({ status: 'requires_payment_method', last_setup_error: { code: 'card_declined' } });
    await complete(session.id);
    expect((await stripe.setupIntents.retrieve(intent.id)).status).toBe('succeeded');
  });

  it('makes a customer only where it is told to', async () => {
    const guest = await open();
    await complete(guest.id, { email: 'guest@example.com' });
    expect((await stripe.checkout.sessions.retrieve(guest.id)).customer).toBeNull();
    const made = await open({ customer_creation: 'always' });
    await complete(made.id, { email: 'new@example.com' });
    const { customer: id, setup_intent: intent } = await stripe.checkout.sessions.retrieve(made.id);
    expect(await stripe.setupIntents.retrieve(String(intent))).toMatchObject({ customer: id, status: 'succeeded' });
    expect(await cardsOf(String(id))).toHaveLength(1);
  });

  it('keeps its intent to itself, and cancels it when it expires', async () => {
    const session = await open({ customer });
    const intent = String(session.setup_intent);
    const confirmed = stripe.setupIntents.confirm(intent, { payment_method: 'pm_card_visa' });
    expect((await stripeError(confirmed)).code).toBe('setup_intent_unexpected_state');
    expect((await stripeError(stripe.setupIntents.cancel(intent))).code).toBe('setup_intent_unexpected_state');
    await test.moveTo((await test.now()) + DAY);
    expect((await stripe.checkout.sessions.retrieve(session.id)).status).toBe('expired');
    expect((await stripe.setupIntents.retrieve(intent)).status).toBe('canceled');
  });

  it('sells nothing', async () => {
    const lines = { line_items: [{ price: 'price_1', quantity: 1 }] };
    expect((await stripeError(open(lines))).param).toBe('line_items');
    expect((await stripeError(open({ allow_promotion_codes: true }))).param).toBe('allow_promotion_codes');
    const { currency: _currency, ...without } = {
      mode: 'setup',
      currency: 'usd',
      success_url: 'https://shop.test',
    } as const;
    expect((await stripeError(stripe.checkout.sessions.create(without))).param).toBe('currency');
    const payment = open({ mode: 'payment', setup_intent_data: { description: 'x' }, ...lines });
    expect((await stripeError(payment)).param).toBe('setup_intent_data');
  });
});
