import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
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
let small: Stripe.Price;
let large: Stripe.Price;
let foreign: Stripe.Price;
let configuration: Stripe.BillingPortal.Configuration;
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
  small = await createPrice(stripe);
  large = await createPrice(stripe, { interval: 'month' }, 6000);
  foreign = await createPrice(stripe, { interval: 'month' }, 100);
  configuration = await stripe.billingPortal.configurations.create({
    default_return_url: 'https://shop.test/account',
    features: {
      payment_method_update: { enabled: true },
      invoice_history: { enabled: true },
      customer_update: { enabled: true, allowed_updates: ['email', 'name'] },
      subscription_cancel: {
        enabled: true,
        cancellation_reason: { enabled: true, options: ['too_expensive', 'other'] },
      },
      subscription_update: {
        enabled: true,
        default_allowed_updates: ['price'],
        proration_behavior: 'always_invoice',
        products: [small, large].map((price) => ({ product: String(price.product), prices: [price.id] })),
      },
    },
  });
});
afterAll(() => test.close());

async function get(url: string) {
  const response = await fetch(url, { redirect: 'manual' });
  return { status: response.status, location: response.headers.get('location'), text: await response.text() };
}

async function post(url: string, fields: Record<string, string> = {}) {
  const response = await fetch(url, { method: 'POST', body: new URLSearchParams(fields), redirect: 'manual' });
  return { status: response.status, location: response.headers.get('location'), text: await response.text() };
}

/** A subscriber with the portal open before them. */
async function openPortal(more: Partial<Stripe.BillingPortal.SessionCreateParams> = {}) {
  const customer = await createCustomer(stripe);
  const subscription = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: small.id }] });
  const session = await stripe.billingPortal.sessions.create({
    customer: customer.id,
    configuration: configuration.id,
    ...more,
  });
  return { customer, subscription, session, home: session.url, at: `${session.url}/subscriptions/${subscription.id}` };
}

const CARD = { number: '5555 5555 5555 4444', expiry: '12/34', cvc: '123', name: 'Ada' };

describe('a configuration', () => {
  it('allows what it names, keeps what an update leaves out, and shows its products when they are expanded', async () => {
    expect(configuration).toMatchObject({ active: true, is_default: false, metadata: {} });
    expect(configuration.features.subscription_cancel).toMatchObject({ mode: 'at_period_end', enabled: true });
    expect(configuration.features.subscription_update.products).toBeUndefined();
    const updated = await stripe.billingPortal.configurations.update(configuration.id, {
      business_profile: { headline: 'Your licenses' },
      features: { subscription_cancel: { proration_behavior: 'none' } },
    });
    expect(updated.business_profile.headline).toBe('Your licenses');
    expect(updated.features.subscription_cancel.cancellation_reason.options).toEqual(['too_expensive', 'other']);
    const shown = await stripe.billingPortal.configurations.retrieve(configuration.id, {
      expand: ['features.subscription_update.products'],
    });
    expect(shown.features.subscription_update.products?.map((one) => one.prices)).toEqual([[small.id], [large.id]]);
    const types = (await stripe.events.list({ types: ['billing_portal.configuration.updated'] })).data;
    expect(types).toHaveLength(1);
  });

  it('is there by default for sessions that name none, once for all of them', async () => {
    const customer = await createCustomer(stripe);
    const first = await stripe.billingPortal.sessions.create({ customer: customer.id, expand: ['configuration'] });
    const second = await stripe.billingPortal.sessions.create({ customer: customer.id });
    const used = first.configuration as Stripe.BillingPortal.Configuration;
    expect(used).toMatchObject({ is_default: true });
    expect(second.configuration).toBe(used.id);
    const listed = await stripe.billingPortal.configurations.list({ is_default: true });
    expect(listed.data.map((one) => one.id)).toEqual([used.id]);
    const refused = await stripeError(stripe.billingPortal.configurations.update(used.id, { active: false }));
    expect(refused.param).toBe('active');
  });

  it('refuses by name what the portal here does not do', async () => {
    const pause = { subscription_pause: { enabled: true } };
    const error = await stripeError(stripe.billingPortal.configurations.create({ features: pause }));
    expect(error).toMatchObject({ code: 'sandbox_unsupported', param: 'features[subscription_pause][enabled]' });
    const session = stripe.billingPortal.sessions.create({ customer: 'cus_1', on_behalf_of: 'acct_1' });
    expect(await stripeError(session)).toMatchObject({ code: 'sandbox_unsupported', param: 'on_behalf_of' });
    const noProducts = stripe.billingPortal.configurations.create({
      features: { subscription_update: { enabled: true, default_allowed_updates: ['price'] } },
    });
    expect((await stripeError(noProducts)).param).toBe('features[subscription_update][products]');
  });
});

describe('the portal', () => {
  it('shows the plan, its price, when it renews, the card, the invoices and the way back', async () => {
    const { home, subscription } = await openPortal();
    const { status, text } = await get(home);
    expect(status).toBe(200);
    for (const part of ['Licence', '$25.00 per month', 'Renews on', 'Visa •••• 4242', 'paid', 'Your licenses']) {
      expect(text).toContain(part);
    }
    expect(text).toContain('href="https://shop.test/account"');
    const invoice = await latestInvoice(stripe, subscription.id);
    expect(text).toContain(`href="${invoice.hosted_invoice_url}"`);
  });

  it('cancels at the end of the period by cancel_at alone, and takes it back', async () => {
    const { home, at, subscription } = await openPortal();
    expect((await get(`${at}/cancel`)).text).toContain('too_expensive');
    expect(await post(`${at}/cancel`, { feedback: 'too_expensive' })).toMatchObject({ status: 303 });
    const { end } = periodOf(subscription);
    const ending = await stripe.subscriptions.retrieve(subscription.id);
    expect(ending).toMatchObject({ status: 'active', cancel_at: end, cancel_at_period_end: false });
    expect(ending.cancellation_details).toMatchObject({ feedback: 'too_expensive', reason: 'cancellation_requested' });
    expect((await get(home)).text).toContain('Ends on');
    await post(`${at}/keep`);
    expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({ cancel_at: null, canceled_at: null });
    expect((await get(home)).text).toContain('Renews on');
  });

  it('cancels at once where the configuration says so', async () => {
    const immediate = await stripe.billingPortal.configurations.create({
      features: { subscription_cancel: { enabled: true, mode: 'immediately' } },
    });
    const { at, home, subscription } = await openPortal({ configuration: immediate.id });
    await post(`${at}/cancel`);
    expect((await stripe.subscriptions.retrieve(subscription.id)).status).toBe('canceled');
    expect((await get(home)).text).toContain('no subscription');
  });

  it('charges for a change of plan what it showed before', async () => {
    const { at, subscription } = await openPortal();
    expect((await get(`${at}/update`)).text).toContain(large.id);
    const shown = await get(`${at}/update/${large.id}`);
    expect(shown.text).toContain('Charged now: $35.00');
    const [, due = ''] = /name="due" value="(\d+)"/.exec(shown.text) ?? [];
    const [, when = ''] = /name="at" value="(\d+)"/.exec(shown.text) ?? [];
    const wrong = await post(`${at}/update/${large.id}`, { at: when, due: '1' });
    expect(wrong.status).toBe(409);
    expect((await stripe.subscriptions.retrieve(subscription.id)).items.data[0]?.price.id).toBe(small.id);
    await test.moveTo((await test.now()) + HOUR / 2);
    expect((await post(`${at}/update/${large.id}`, { at: when, due })).status).toBe(303);
    expect((await stripe.subscriptions.retrieve(subscription.id)).items.data[0]?.price.id).toBe(large.id);
    expect(await latestInvoice(stripe, subscription.id)).toMatchObject({ amount_paid: Number(due), status: 'paid' });
    expect((await get(`${at}/update/${foreign.id}`)).status).toBe(404);
  });

  it('leaves the plan as it was when the card is declined, and says why', async () => {
    const { customer, at, subscription } = await openPortal();
    const method = await stripe.paymentMethods.attach('pm_card_chargeCustomerFail', { customer: customer.id });
    await stripe.customers.update(customer.id, { invoice_settings: { default_payment_method: method.id } });
    const shown = await get(`${at}/update/${large.id}`);
    const [, due = ''] = /name="due" value="(\d+)"/.exec(shown.text) ?? [];
    const [, when = ''] = /name="at" value="(\d+)"/.exec(shown.text) ?? [];
    const declined = await post(`${at}/update/${large.id}`, { at: when, due });
    expect(declined).toMatchObject({ status: 402 });
    expect(declined.text).toContain('declined');
    expect((await stripe.subscriptions.retrieve(subscription.id)).items.data[0]?.price.id).toBe(small.id);
  });

  it('adds a card that everything is paid with from then on, changes the default, and removes others', async () => {
    const { home, customer } = await openPortal();
    const before = customer.invoice_settings.default_payment_method as string;
    expect((await post(`${home}/payment-methods`, { ...CARD, number: '4000 0000 0000 0002' })).status).toBe(402);
    expect((await post(`${home}/payment-methods`, { ...CARD, cvc: 'x' })).status).toBe(400);
    expect((await post(`${home}/payment-methods`, CARD)).status).toBe(303);
    const added = (await stripe.customers.retrieve(customer.id)) as Stripe.Customer;
    const now = String(added.invoice_settings.default_payment_method);
    expect(now).not.toBe(before);
    expect((await post(`${home}/payment-methods/${now}/remove`)).status).toBe(404);
    await post(`${home}/payment-methods/${before}/default`);
    expect((await post(`${home}/payment-methods/${now}/remove`)).status).toBe(303);
    const left = (await stripe.paymentMethods.list({ customer: customer.id })).data;
    expect(left.map((one) => one.id)).toEqual([before]);
  });

  it('changes name and address, and refuses an address that is none', async () => {
    const { home, customer } = await openPortal();
    expect((await post(`${home}/customer`, { name: 'Ada L', email: 'none' })).status).toBe(400);
    await post(`${home}/customer`, { name: 'Ada L', email: 'ada@new.example', phone: '123' });
    expect(await stripe.customers.retrieve(customer.id)).toMatchObject({
      name: 'Ada L',
      email: 'ada@new.example',
      phone: null,
    });
  });

  it('touches nothing of another customer', async () => {
    const { home, customer } = await openPortal();
    const other = await openPortal();
    const theirs = other.customer.invoice_settings.default_payment_method as string;
    const paths = [
      `subscriptions/${other.subscription.id}/cancel`,
      `subscriptions/${other.subscription.id}/keep`,
      `subscriptions/${other.subscription.id}/update/${large.id}`,
      `payment-methods/${theirs}/default`,
      `payment-methods/${theirs}/remove`,
    ];
    for (const path of paths) expect((await post(`${home}/${path}`)).status, path).toBe(404);
    expect(await stripe.subscriptions.retrieve(other.subscription.id)).toMatchObject({ cancel_at: null });
    expect(await stripe.customers.retrieve(customer.id)).toMatchObject({ invoice_settings: customer.invoice_settings });
  });

  it('closes after an hour', async () => {
    const { home, at, subscription } = await openPortal();
    await test.moveTo((await test.now()) + HOUR + 1);
    expect((await get(home)).status).toBe(410);
    expect((await post(`${at}/cancel`)).status).toBe(410);
    expect(await stripe.subscriptions.retrieve(subscription.id)).toMatchObject({ cancel_at: null });
  });

  it('stands at the time of the clock its customer lives by', async () => {
    const clock = await stripe.testHelpers.testClocks.create({ frozen_time: (await test.now()) - 40 * DAY });
    const customer = await stripe.customers.create({ test_clock: clock.id, payment_method: 'pm_card_visa' });
    const [card] = (await stripe.paymentMethods.list({ customer: customer.id })).data;
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: small.id }],
      ...(card === undefined ? {} : { default_payment_method: card.id }),
    });
    const session = await stripe.billingPortal.sessions.create({ customer: customer.id });
    await post(`${session.url}/subscriptions/${subscription.id}/cancel`);
    const { end } = periodOf(subscription);
    const ending = await stripe.subscriptions.retrieve(subscription.id);
    expect(ending).toMatchObject({ cancel_at: end, canceled_at: clock.frozen_time });
  });
});

describe('a flow', () => {
  it('leads straight to the cancellation, and then to where it says', async () => {
    const { customer, subscription } = await openPortal();
    const session = await stripe.billingPortal.sessions.create({
      customer: customer.id,
      configuration: configuration.id,
      flow_data: {
        type: 'subscription_cancel',
        subscription_cancel: { subscription: subscription.id },
        after_completion: { type: 'redirect', redirect: { return_url: 'https://shop.test/bye' } },
      },
    });
    const entered = await get(session.url);
    expect(entered.location).toMatch(new RegExp(`/subscriptions/${subscription.id}/cancel$`));
    expect((await post(`${test.url}${entered.location}`)).location).toBe('https://shop.test/bye');
    expect((await stripe.subscriptions.retrieve(subscription.id)).cancel_at).not.toBeNull();
  });

  it('confirms one change of plan, with its quantity', async () => {
    const { customer, subscription } = await openPortal();
    const item = subscription.items.data[0]?.id ?? '';
    const confirm = { subscription: subscription.id, items: [{ id: item, price: large.id, quantity: 2 }] };
    const session = await stripe.billingPortal.sessions.create({
      customer: customer.id,
      configuration: configuration.id,
      flow_data: { type: 'subscription_update_confirm', subscription_update_confirm: confirm },
    });
    const entered = await get(session.url);
    const shown = await get(`${test.url}${entered.location}`);
    expect(shown.text).toContain('Charged now: $95.00');
    const [, when = ''] = /name="at" value="(\d+)"/.exec(shown.text) ?? [];
    expect((await post(`${test.url}${entered.location}`, { at: when, due: '9500' })).status).toBe(303);
    expect((await stripe.subscriptions.retrieve(subscription.id)).items.data[0]).toMatchObject({ quantity: 2 });
  });

  it('is refused for a subscription of another customer, and for a feature that is off', async () => {
    const { customer, subscription } = await openPortal();
    const other = await createCustomer(stripe);
    const flow_data = {
      type: 'subscription_cancel' as const,
      subscription_cancel: { subscription: subscription.id },
    };
    const settings = { configuration: configuration.id, flow_data };
    const stranger = stripe.billingPortal.sessions.create({ customer: other.id, ...settings });
    expect((await stripeError(stranger)).param).toBe('flow_data[subscription_cancel][subscription]');
    const off = stripe.billingPortal.sessions.create({
      customer: customer.id,
      flow_data: { type: 'subscription_update', subscription_update: { subscription: subscription.id } },
    });
    expect((await stripeError(off)).param).toBe('flow_data[type]');
  });
});
