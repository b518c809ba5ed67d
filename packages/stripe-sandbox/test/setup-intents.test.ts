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

const cardsOf = async (id: string) => (await stripe.customers.listPaymentMethods(id)).data.map((one) => one.id);
const attemptsOf = async (id: string) => (await stripe.setupAttempts.list({ setup_intent: id })).data;

/** The types of the events about an object, oldest first. */
async function eventsOf(id: string): Promise<string[]> {
  const { data } = await stripe.events.list({ limit: 100 });
  return data
    .filter((event) => (event.data.object as { id?: string }).id === id)
    .map((event) => event.type)
    .reverse();
}

const waiting = (card: string, more: Stripe.SetupIntentCreateParams = {}) =>
  stripe.setupIntents.create({ customer, payment_method: card, confirm: true, ...more });

describe('a setup intent', () => {
  it('saves a card of the customer without a payment, once', async () => {
    const made = await stripe.setupIntents.create({
      customer,
      usage: 'off_session',
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      metadata: { for: 'later' },
    });
    expect(made).toMatchObject({ status: 'requires_payment_method', payment_method: null, latest_attempt: null });
    expect(made.client_secret).toMatch(new RegExp(`^${made.id}_secret_`));
    const missing = await stripeError(stripe.setupIntents.confirm(made.id));
    expect(missing).toMatchObject({ statusCode: 400, code: 'setup_intent_unexpected_state' });
    const saved = await stripe.setupIntents.confirm(made.id, { payment_method: 'pm_card_visa' });
    expect(saved).toMatchObject({ status: 'succeeded', metadata: { for: 'later' }, usage: 'off_session' });
    expect(await cardsOf(customer)).toContain(saved.payment_method);
    expect(await attemptsOf(made.id)).toMatchObject([{ id: saved.latest_attempt, status: 'succeeded', customer }]);
    expect(await eventsOf(made.id)).toEqual(['setup_intent.created', 'setup_intent.succeeded']);
    const again = await stripeError(stripe.setupIntents.confirm(made.id));
    expect(again).toMatchObject({ statusCode: 400, code: 'setup_intent_unexpected_state' });
    expect((await stripeError(stripe.setupIntents.cancel(made.id))).code).toBe('setup_intent_unexpected_state');
    expect((await stripe.charges.list({ customer })).data).toEqual([]);
    const { data } = await stripe.setupIntents.list({ payment_method: String(saved.payment_method) });
    expect(data.map((one) => one.id)).toEqual([made.id]);
  });

  it('is declined with the card, says why, and can be tried again with another one', async () => {
    const made = await stripe.setupIntents.create({ customer, payment_method: 'pm_card_chargeDeclinedExpiredCard' });
    expect(made.status).toBe('requires_confirmation');
    const before = await cardsOf(customer);
    const declined = await stripeError(stripe.setupIntents.confirm(made.id));
    expect(declined).toMatchObject({
      statusCode: 402,
      type: 'StripeCardError',
      code: 'expired_card',
      setup_intent: { id: made.id, status: 'requires_payment_method', payment_method: null },
    });
    const after = await stripe.setupIntents.retrieve(made.id, { expand: ['latest_attempt'] });
    expect(after.last_setup_error).toMatchObject({ code: 'expired_card', type: 'card_error' });
    expect(after.latest_attempt).toMatchObject({ status: 'failed', setup_error: { code: 'expired_card' } });
    expect(await cardsOf(customer)).toEqual(before);
    const changed = await stripe.setupIntents.update(made.id, {
      payment_method: 'pm_card_mastercard',
      description: 'again',
      metadata: { try: '2' },
    });
    expect(changed).toMatchObject({ status: 'requires_confirmation', description: 'again', metadata: { try: '2' } });
    const saved = await stripe.setupIntents.confirm(made.id);
    expect(saved).toMatchObject({ status: 'succeeded', last_setup_error: null });
    expect((await attemptsOf(made.id)).map((one) => one.status)).toEqual(['succeeded', 'failed']);
    expect(await eventsOf(made.id)).toEqual([
      'setup_intent.created',
      'setup_intent.setup_failed',
      'setup_intent.succeeded',
    ]);
  });

  it('saves a card that fails only when it is charged', async () => {
    expect((await waiting('pm_card_chargeCustomerFail')).status).toBe('succeeded');
  });

  it('waits for 3-D Secure, with a page to answer on that leads back', async () => {
    const intent = await waiting('pm_card_authenticationRequiredOnSetup', { return_url: 'https://shop.test/back' });
    expect(intent).toMatchObject({ status: 'requires_action', next_action: { type: 'redirect_to_url' } });
    expect(await attemptsOf(intent.id)).toMatchObject([{ status: 'requires_action' }]);
    const page = intent.next_action?.redirect_to_url?.url ?? '';
    expect(await (await fetch(page)).text()).toContain('Saving this card');
    const body = new URLSearchParams({ outcome: 'success' });
    const answer = await fetch(page, { method: 'POST', body, redirect: 'manual' });
    const back = new URL(answer.headers.get('location') ?? '');
    expect(Object.fromEntries(back.searchParams)).toEqual({
      setup_intent: intent.id,
      setup_intent_client_secret: intent.client_secret,
      redirect_status: 'succeeded',
    });
    const saved = await stripe.setupIntents.retrieve(intent.id);
    expect(saved).toMatchObject({ status: 'succeeded', next_action: null });
    expect(await attemptsOf(intent.id)).toMatchObject([
      { status: 'succeeded', payment_method_details: { card: { three_d_secure: { result: 'authenticated' } } } },
    ]);
    expect((await fetch(page)).status).toBe(404);
    expect(await eventsOf(intent.id)).toEqual([
      'setup_intent.created',
      'setup_intent.requires_action',
      'setup_intent.succeeded',
    ]);
  });

  it('leaves the card that was authenticated chargeable while the customer is away, and no other', async () => {
    const intent = await waiting('pm_card_authenticationRequiredOnSetup');
    await test.control('POST', `/setup_intents/${intent.id}/authenticate`, { outcome: 'success' });
    const { payment_method: saved } = await stripe.setupIntents.retrieve(intent.id);
    const charge = (card: string) =>
      stripe.paymentIntents.create({
        amount: 900,
        currency: 'usd',
        customer,
        payment_method: card,
        off_session: true,
        confirm: true,
      });
    expect((await charge(String(saved))).status).toBe('succeeded');
    const merelyAttached = await stripe.paymentMethods.attach('pm_card_authenticationRequiredOnSetup', { customer });
    expect((await stripeError(charge(merelyAttached.id))).code).toBe('authentication_required');
  });

  it('fails with 3-D Secure, and attaches nothing', async () => {
    const before = await cardsOf(customer);
    const intent = await waiting('pm_card_authenticationRequired');
    const failed = await test.control('POST', `/setup_intents/${intent.id}/authenticate`, { outcome: 'fail' });
    expect(failed).toMatchObject({
      status: 'requires_payment_method',
      last_setup_error: { code: 'setup_intent_authentication_failure', type: 'invalid_request_error' },
    });
    expect(await cardsOf(customer)).toEqual(before);
    expect(await attemptsOf(intent.id)).toMatchObject([{ status: 'failed' }]);
    const answered = test.control('POST', `/setup_intents/${intent.id}/authenticate`, { outcome: 'success' });
    await expect(answered).rejects.toThrow('does not wait for authentication');
  });

  it('abandons an attempt that waits when it is confirmed anew, or canceled', async () => {
    const intent = await waiting('pm_card_authenticationRequired');
    await stripe.setupIntents.confirm(intent.id, { payment_method: 'pm_card_threeDSecure2Required' });
    const canceled = await stripe.setupIntents.cancel(intent.id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned', next_action: null });
    expect((await attemptsOf(intent.id)).map((one) => one.status)).toEqual(['abandoned', 'abandoned']);
    expect((await eventsOf(intent.id)).at(-1)).toBe('setup_intent.canceled');
  });

  it('does not take another customer’s card, nor a customer’s for nobody', async () => {
    const other = await stripe.customers.create();
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer: other.id });
    expect((await stripeError(waiting(card.id))).code).toBe('payment_method_unexpected_state');
    const nobody = stripe.setupIntents.create({ payment_method: card.id, confirm: true });
    expect((await stripeError(nobody)).code).toBe('payment_method_unexpected_state');
    const unattached = await stripe.setupIntents.create({ payment_method: 'pm_card_visa', confirm: true });
    expect(unattached.status).toBe('succeeded');
    expect((await stripe.paymentMethods.retrieve(String(unattached.payment_method))).customer).toBeNull();
  });

  it('refuses what is not there yet, and what its version of the API no longer has, by name', async () => {
    const unsupported = await stripeError(stripe.setupIntents.create({ customer, attach_to_self: true }));
    expect(unsupported).toMatchObject({ code: 'sandbox_unsupported', param: 'attach_to_self' });
    const old = { customer, payment_method_types: ['card'] } as Stripe.SetupIntentCreateParams;
    expect((await stripeError(stripe.setupIntents.create(old))).param).toBe('payment_method_types');
    const early = stripe.setupIntents.create({ customer, return_url: 'https://shop.test/back' });
    expect((await stripeError(early)).param).toBe('return_url');
    expect((await stripeError(stripe.setupIntents.retrieve('seti_none'))).message).toContain('setupintent');
  });

  it('lives by the test clock of its customer', async () => {
    const start = await test.now();
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: start + 30 * DAY });
    const { id } = await stripe.customers.create({ test_clock: clock.id });
    const intent = await stripe.setupIntents.create({
      customer: id,
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      return_url: 'https://shop.test/back',
    });
    expect(intent.created).toBe(start + 30 * DAY);
    await stripe.testHelpers.testClocks.advance(clock.id, { frozen_time: start + 31 * DAY });
    const page = intent.next_action?.redirect_to_url?.url ?? '';
    await fetch(page, { method: 'POST', body: new URLSearchParams({ outcome: 'success' }), redirect: 'manual' });
    expect((await stripe.setupIntents.retrieve(intent.id)).status).toBe('succeeded');
    const second = await stripe.setupIntents.create({ customer: id, payment_method: 'pm_card_visa', confirm: true });
    expect(await attemptsOf(second.id)).toMatchObject([{ created: start + 31 * DAY }]);
  });
});
