import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCustomer, createPrice, startTestStripe, stripeError, type TestStripe } from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
});
afterAll(() => test.close());

describe('a payment method', () => {
  it('is a fresh object each time a test id is used, belongs to its customer, and can be detached', async () => {
    const { id } = await stripe.customers.create();
    const first = await stripe.paymentMethods.attach('pm_card_visa', { customer: id });
    const second = await stripe.paymentMethods.attach('pm_card_mastercard', { customer: id });
    expect(first.id).toMatch(/^pm_\w{24}$/);
    expect(first.card).toMatchObject({ brand: 'visa', last4: '4242' });
    expect(second.card).toMatchObject({ brand: 'mastercard', last4: '4444' });
    expect((await stripe.customers.listPaymentMethods(id)).data.map((one) => one.id)).toEqual([second.id, first.id]);
    const other = await stripe.customers.create();
    const taken = await stripeError(stripe.paymentMethods.attach(first.id, { customer: other.id }));
    expect(taken.code).toBe('payment_method_unexpected_state');
    await stripe.customers.update(id, { invoice_settings: { default_payment_method: first.id } });
    expect((await stripe.paymentMethods.detach(first.id)).customer).toBeNull();
    const customer = (await stripe.customers.retrieve(id)) as Stripe.Customer;
    expect(customer.invoice_settings.default_payment_method).toBeNull();
    expect((await stripe.paymentMethods.list({ customer: id, type: 'card' })).data.map((one) => one.id)).toEqual([
      second.id,
    ]);
    expect((await stripeError(stripe.paymentMethods.detach(first.id))).statusCode).toBe(400);
  });

  it('can be made of a test number or token and updated; other numbers are declined', async () => {
    const made = await stripe.paymentMethods.create({
      type: 'card',
      card: { number: '4000056655665556', exp_month: 7, exp_year: 2040, cvc: '123' },
      billing_details: { name: 'Ada', address: { city: 'London' } },
    });
    expect(made.card).toMatchObject({ exp_month: 7, exp_year: 2040, funding: 'debit' });
    expect(made.billing_details).toMatchObject({ name: 'Ada', email: null });
    const updated = await stripe.paymentMethods.update(made.id, {
      card: { exp_year: 2041 },
      metadata: { kept: 'yes' },
    });
    expect(updated).toMatchObject({ card: { exp_month: 7, exp_year: 2041 }, metadata: { kept: 'yes' } });
    const token = await stripe.paymentMethods.create({ type: 'card', card: { token: 'tok_visa' } });
    expect(token.card?.last4).toBe('4242');
    const real = await stripeError(stripe.paymentMethods.create({ type: 'card', card: { number: '4929000000006' } }));
    expect(real).toMatchObject({ statusCode: 402, decline_code: 'test_mode_live_card' });
  });

  it.each([
    ['pm_card_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'],
    ['pm_card_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'],
    ['pm_card_chargeDeclinedExpiredCard', 'expired_card', 'expired_card'],
    ['pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', 'incorrect_cvc'],
    ['pm_card_chargeDeclinedProcessingError', 'processing_error', 'processing_error'],
  ])('%s is declined on attaching and on paying: %s, %s', async (card, code, decline) => {
    const { id } = await stripe.customers.create();
    const attached = await stripeError(stripe.paymentMethods.attach(card, { customer: id }));
    expect(attached).toMatchObject({ statusCode: 402, type: 'StripeCardError', code, decline_code: decline });
    const paid = await stripeError(
      stripe.paymentIntents.create({ amount: 1000, currency: 'usd', payment_method: card, confirm: true }),
    );
    expect(paid).toMatchObject({ statusCode: 402, code, decline_code: decline });
    expect(paid.payment_intent).toMatchObject({ status: 'requires_payment_method' });
    const charge = await stripe.charges.retrieve(paid.charge ?? '');
    expect(charge).toMatchObject({ status: 'failed', paid: false, failure_code: code, amount_captured: 0 });
  });

  it('pm_card_chargeCustomerFail is attached, and then every charge fails', async () => {
    const customer = await createCustomer(stripe, 'pm_card_chargeCustomerFail');
    const card = String(customer.invoice_settings.default_payment_method);
    const error = await stripeError(
      stripe.paymentIntents.create({
        amount: 500,
        currency: 'eur',
        customer: customer.id,
        payment_method: card,
        confirm: true,
      }),
    );
    expect(error).toMatchObject({ statusCode: 402, code: 'card_declined' });
  });
});

describe('a payment intent', () => {
  it('succeeds, keeps its payment method for later where that was asked for, and cannot be confirmed again', async () => {
    const { id: customer } = await stripe.customers.create();
    const made = await stripe.paymentIntents.create({
      amount: 1999,
      currency: 'usd',
      customer,
      payment_method: 'pm_card_visa',
      setup_future_usage: 'off_session',
      metadata: { order: '1' },
    });
    expect(made.status).toBe('requires_confirmation');
    const paid = await stripe.paymentIntents.confirm(made.id, {}, { idempotencyKey: 'pay-once' });
    expect(paid).toMatchObject({ status: 'succeeded', amount_received: 1999, metadata: { order: '1' } });
    expect((await stripe.paymentMethods.list({ customer })).data.map((one) => one.id)).toEqual([paid.payment_method]);
    const again = await stripeError(stripe.paymentIntents.confirm(made.id));
    expect(again).toMatchObject({ statusCode: 400, code: 'payment_intent_unexpected_state' });
    expect((await stripeError(stripe.paymentIntents.cancel(made.id))).statusCode).toBe(400);
  });

  it('waits for 3-D Secure, with a page to answer on that leads back', async () => {
    const waiting = await stripe.paymentIntents.create({
      amount: 800,
      currency: 'usd',
      payment_method: 'pm_card_authenticationRequired',
      confirm: true,
      return_url: 'https://shop.test/back',
    });
    expect(waiting.status).toBe('requires_action');
    const page = waiting.next_action?.redirect_to_url?.url ?? '';
    expect(await (await fetch(page)).text()).toContain('$8.00');
    const answer = await fetch(page, {
      method: 'POST',
      body: new URLSearchParams({ outcome: 'success' }),
      redirect: 'manual',
    });
    expect(answer.headers.get('location')).toContain('redirect_status=succeeded');
    expect(await stripe.paymentIntents.retrieve(waiting.id)).toMatchObject({ status: 'succeeded', next_action: null });
    expect((await fetch(page)).status).toBe(404);
    const refused = await stripeError(
      stripe.paymentIntents.create({
        amount: 800,
        currency: 'usd',
        payment_method: 'pm_card_authenticationRequired',
        confirm: true,
        error_on_requires_action: true,
      }),
    );
    expect(refused).toMatchObject({ statusCode: 402, code: 'authentication_required' });
  });

  it('can be canceled before it is paid', async () => {
    const made = await stripe.paymentIntents.create({ amount: 100, currency: 'usd' });
    const canceled = await stripe.paymentIntents.cancel(made.id, { cancellation_reason: 'abandoned' });
    expect(canceled).toMatchObject({ status: 'canceled', cancellation_reason: 'abandoned' });
  });

  it('refuses payment_method_types, which its version of the API no longer has', async () => {
    const params = { amount: 100, currency: 'usd', payment_method_types: ['card'] } as Stripe.PaymentIntentCreateParams;
    expect(await stripeError(stripe.paymentIntents.create(params))).toMatchObject({
      code: 'parameter_unknown',
      param: 'payment_method_types',
    });
  });
});

describe('a refund', () => {
  const pay = () =>
    stripe.paymentIntents.create({ amount: 1000, currency: 'usd', payment_method: 'pm_card_visa', confirm: true });

  it('gives back a part or all, never more than was paid, and says so on the charge', async () => {
    const intent = await pay();
    const part = await stripe.refunds.create({
      payment_intent: intent.id,
      amount: 300,
      reason: 'requested_by_customer',
    });
    expect(part).toMatchObject({ amount: 300, status: 'succeeded', charge: intent.latest_charge });
    const tooMuch = await stripeError(stripe.refunds.create({ charge: String(intent.latest_charge), amount: 701 }));
    expect(tooMuch).toMatchObject({ statusCode: 400, param: 'amount' });
    await stripe.refunds.create({ charge: String(intent.latest_charge) });
    const charge = await stripe.charges.retrieve(String(intent.latest_charge), { expand: ['refunds'] });
    expect(charge).toMatchObject({ amount_refunded: 1000, refunded: true });
    expect(charge.refunds?.data.map((one) => one.amount)).toEqual([700, 300]);
    const none = await stripeError(stripe.refunds.create({ payment_intent: intent.id }));
    expect(none.code).toBe('charge_already_refunded');
    const events = await stripe.events.list({ type: 'charge.refunded', limit: 2 });
    expect(events.data.map((event) => (event.data.object as Stripe.Charge).refunded)).toEqual([true, false]);
    expect((await stripe.refunds.list({ payment_intent: intent.id })).data).toHaveLength(2);
  });

  it('needs a successful charge', async () => {
    const made = await stripe.paymentIntents.create({ amount: 100, currency: 'usd' });
    expect((await stripeError(stripe.refunds.create({ payment_intent: made.id }))).code).toBe(
      'payment_intent_unexpected_state',
    );
    expect((await stripeError(stripe.refunds.create({}))).statusCode).toBe(400);
  });
});

describe('products and prices', () => {
  it('are made, changed, archived and found by lookup key, which one price has at a time', async () => {
    const product = await stripe.products.create({ id: 'license', name: 'Licence', metadata: { a: '1' } });
    expect(product).toMatchObject({ id: 'license', active: true });
    expect((await stripeError(stripe.products.create({ id: 'license', name: 'Again' }))).code).toBe(
      'resource_already_exists',
    );
    const price = { currency: 'USD', product: product.id, recurring: { interval: 'month' as const } };
    const old = await stripe.prices.create({ ...price, unit_amount: 2500, lookup_key: 'license.month' });
    expect(old).toMatchObject({
      currency: 'usd',
      type: 'recurring',
      recurring: { interval_count: 1, usage_type: 'licensed' },
    });
    const taken = await stripeError(stripe.prices.create({ ...price, unit_amount: 3000, lookup_key: 'license.month' }));
    expect(taken.param).toBe('lookup_key');
    const next = await stripe.prices.create({
      ...price,
      unit_amount: 3000,
      lookup_key: 'license.month',
      transfer_lookup_key: true,
    });
    expect((await stripe.prices.retrieve(old.id)).lookup_key).toBeNull();
    expect((await stripe.prices.list({ lookup_keys: ['license.month'] })).data.map((one) => one.id)).toEqual([next.id]);
    expect((await stripe.prices.update(old.id, { active: false })).active).toBe(false);
    expect((await stripe.prices.list({ product: product.id, active: true })).data).toHaveLength(1);
    const updated = await stripe.products.update(product.id, {
      name: 'License',
      description: 'One server',
      default_price: next.id,
    });
    expect(updated).toMatchObject({ name: 'License', description: 'One server', default_price: next.id });
    expect((await stripeError(stripe.products.del(product.id))).statusCode).toBe(400);
  });

  it('show a fraction of a cent as a decimal only, and bill it rounded once', async () => {
    const price = await stripe.prices.create({
      currency: 'usd',
      unit_amount_decimal: '0.35' as unknown as Stripe.Decimal,
      product_data: { name: 'Calls' },
      recurring: { interval: 'month' },
    });
    expect(price.unit_amount).toBeNull();
    expect(String(price.unit_amount_decimal)).toBe('0.35');
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 30 }],
    });
    const invoice = await stripe.invoices.retrieve(String(subscription.latest_invoice));
    expect(invoice.total).toBe(11);
  });

  it('need an amount, one product, and a sensible interval', async () => {
    const base = { currency: 'usd', product_data: { name: 'X' } };
    expect((await stripeError(stripe.prices.create(base))).code).toBe('parameter_missing');
    const both = { ...base, unit_amount: 1, unit_amount_decimal: '1' as unknown as Stripe.Decimal };
    expect((await stripeError(stripe.prices.create(both))).code).toBe('parameters_exclusive');
    const long = { ...base, unit_amount: 1, recurring: { interval: 'year' as const, interval_count: 4 } };
    expect((await stripeError(stripe.prices.create(long))).param).toBe('recurring[interval_count]');
    expect((await stripeError(stripe.prices.create({ ...base, unit_amount: 1, currency: 'xxx' }))).param).toBe(
      'currency',
    );
    const tiered = { ...base, billing_scheme: 'tiered' as const, unit_amount: 1 };
    expect((await stripeError(stripe.prices.create(tiered))).param).toBe('unit_amount');
  });

  it('are shown as they are now inside subscriptions that were made before', async () => {
    const price = await createPrice(stripe);
    const customer = await createCustomer(stripe);
    const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    await stripe.prices.update(price.id, { nickname: 'renamed' });
    const [item] = (await stripe.subscriptions.retrieve(id)).items.data;
    expect(item?.price.nickname).toBe('renamed');
    expect((await stripe.subscriptionItems.retrieve(item?.id ?? '')).subscription).toBe(id);
    expect((await stripe.subscriptionItems.list({ subscription: id })).data).toHaveLength(1);
    expect((await stripe.subscriptions.list({ price: price.id })).data.map((one) => one.id)).toEqual([id]);
  });
});

describe('invoices', () => {
  it('list their lines, can be voided while open, and paid outside of Stripe', async () => {
    const price = await createPrice(stripe);
    const customer = await createCustomer(stripe, 'pm_card_chargeCustomerFail');
    const start = () => stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id }] });
    const first = String((await start()).latest_invoice);
    expect((await stripe.invoices.listLineItems(first)).data).toHaveLength(1);
    expect((await stripe.invoices.voidInvoice(first)).status).toBe('void');
    expect((await stripeError(stripe.invoices.voidInvoice(first))).statusCode).toBe(400);
    expect((await stripeError(stripe.invoices.finalizeInvoice(first))).statusCode).toBe(400);
    const second = await start();
    const paid = await stripe.invoices.pay(String(second.latest_invoice), { paid_out_of_band: true });
    expect(paid.status).toBe('paid');
    expect((await stripe.subscriptions.retrieve(second.id)).status).toBe('active');
    const third = await start();
    const written = await stripe.invoices.markUncollectible(String(third.latest_invoice));
    expect(written.status).toBe('uncollectible');
    expect((await stripe.invoices.list({ customer: customer.id, status: 'void' })).data).toHaveLength(1);
  });
});
