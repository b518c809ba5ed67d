import fc from 'fast-check';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../../test/support/sandbox.ts';
import type { StripeObject } from '../shapes.ts';
import { normaliseObject } from './index.ts';

const plain = (object: unknown): StripeObject => JSON.parse(JSON.stringify(object)) as StripeObject;
const line = (more: object) => ({ id: 'il_1', object: 'line_item', amount: 2_500, ...more });
const invoice = (more: object) => ({ id: 'in_1', object: 'invoice', status: 'paid', ...more }) as StripeObject;

describe('a subscription from before 2025-03-31', () => {
  const older = {
    id: 'sub_1',
    object: 'subscription',
    current_period_start: 100,
    current_period_end: 200,
    discount: { id: 'di_1', object: 'discount', coupon: { id: 'half', object: 'coupon' } },
    items: { object: 'list', data: [{ id: 'si_1' }, { id: 'si_2', current_period_end: 150 }] },
  };

  it('has its period on every item that had none, and its discount in the list', () => {
    expect(normaliseObject(older)).toEqual({
      id: 'sub_1',
      object: 'subscription',
      discounts: ['di_1'],
      items: {
        object: 'list',
        data: [
          { id: 'si_1', current_period_start: 100, current_period_end: 200 },
          { id: 'si_2', current_period_start: 100, current_period_end: 150 },
        ],
      },
    });
  });

  it('keeps the list of discounts where it had both', () => {
    expect(normaliseObject({ ...older, discounts: ['di_1', 'di_2'] }).discounts).toEqual(['di_1', 'di_2']);
    expect(normaliseObject({ ...older, discount: null }).discounts).toEqual([]);
  });
});

describe('an invoice from before 2025-03-31', () => {
  it('has its subscription below parent', () => {
    const details = { metadata: { latchkey_plan: 'license' } };
    expect(normaliseObject(invoice({ subscription: 'sub_1', subscription_details: details, paid: true }))).toEqual(
      invoice({
        parent: {
          type: 'subscription_details',
          quote_details: null,
          subscription_details: { subscription: 'sub_1', metadata: { latchkey_plan: 'license' } },
        },
        total_taxes: null,
      }),
    );
  });

  it('has its quote below parent, or no parent when it came from neither', () => {
    expect(normaliseObject(invoice({ subscription: null, quote: 'qt_1' })).parent).toMatchObject({
      type: 'quote_details',
      quote_details: { quote: 'qt_1' },
    });
    expect(normaliseObject(invoice({ subscription: null, paid: false })).parent).toBeNull();
  });

  it.each([
    [
      'the payment intent',
      { payment_intent: 'pi_1', charge: 'ch_1' },
      { type: 'payment_intent', payment_intent: 'pi_1' },
    ],
    [
      'the expanded payment intent',
      { payment_intent: { id: 'pi_2', object: 'payment_intent' } },
      { type: 'payment_intent', payment_intent: 'pi_2' },
    ],
    ['the charge', { payment_intent: null, charge: 'ch_1' }, { type: 'charge', charge: 'ch_1' }],
  ])('has a payment for %s', (_what, older, payment) => {
    expect(normaliseObject(invoice({ ...older, paid: true }))).toMatchObject({
      payments: { data: [{ object: 'invoice_payment', invoice: 'in_1', payment, status: 'paid' }] },
    });
  });

  it('is what its status says; only the oldest have to be asked whether they are paid', () => {
    expect(normaliseObject(invoice({ status: 'void', paid: false })).status).toBe('void');
    const { status: _none, ...older } = invoice({ paid: true });
    expect(normaliseObject(older as StripeObject).status).toBe('paid');
  });

  it.each([
    [
      'of a subscription',
      {
        type: 'subscription',
        price: { id: 'price_1', product: 'prod_1', unit_amount: 2_500 },
        subscription: 'sub_1',
        subscription_item: 'si_1',
        proration: false,
      },
      {
        subscription: 'sub_1',
        parent: {
          type: 'subscription_item_details',
          invoice_item_details: null,
          subscription_item_details: {
            invoice_item: null,
            proration: false,
            proration_details: null,
            subscription: 'sub_1',
            subscription_item: 'si_1',
          },
        },
        pricing: {
          type: 'price_details',
          price_details: { price: 'price_1', product: 'prod_1' },
          unit_amount_decimal: '2500',
        },
      },
    ],
    [
      'of a proration',
      {
        type: 'invoiceitem',
        invoice_item: 'ii_1',
        price: null,
        subscription: 'sub_1',
        subscription_item: 'si_1',
        proration: true,
      },
      {
        subscription: 'sub_1',
        parent: {
          type: 'invoice_item_details',
          invoice_item_details: {
            invoice_item: 'ii_1',
            proration: true,
            proration_details: null,
            subscription: 'sub_1',
          },
          subscription_item_details: null,
        },
        pricing: null,
      },
    ],
  ])('has lines %s with parent and pricing', (_what, older, newer) => {
    const normalised = normaliseObject(invoice({ lines: { object: 'list', data: [line(older)] } }));
    expect(normalised.lines).toEqual({ object: 'list', data: [line({ ...newer, subtotal: 2_500, taxes: null })] });
  });

  it('has taxes under their new name', () => {
    const amounts = [
      { amount: 19, inclusive: false, tax_rate: 'txr_1', taxability_reason: 'standard_rated', taxable_amount: 100 },
    ];
    const taxes = [
      {
        amount: 19,
        tax_behavior: 'exclusive',
        tax_rate_details: { tax_rate: 'txr_1' },
        taxability_reason: 'standard_rated',
        taxable_amount: 100,
        type: 'tax_rate_details',
      },
    ];
    expect(normaliseObject(invoice({ tax: 19, total_tax_amounts: amounts }))).toEqual(
      invoice({ parent: null, total_taxes: taxes }),
    );
  });
});

describe('other older shapes', () => {
  it.each<[string, StripeObject, object]>([
    [
      'a payment intent names its latest charge',
      { id: 'pi_1', object: 'payment_intent', invoice: 'in_1', charges: { data: [{ id: 'ch_2' }, { id: 'ch_1' }] } },
      { id: 'pi_1', object: 'payment_intent', latest_charge: 'ch_2' },
    ],
    [
      'a charge does not name its invoice',
      { id: 'ch_1', object: 'charge', invoice: 'in_1', amount: 5 },
      { id: 'ch_1', object: 'charge', amount: 5 },
    ],
    [
      'the coupon of a discount is below source',
      {
        id: 'cus_1',
        object: 'customer',
        discount: { id: 'di_1', object: 'discount', coupon: { id: 'half', object: 'coupon' } },
      },
      {
        id: 'cus_1',
        object: 'customer',
        discount: {
          id: 'di_1',
          object: 'discount',
          source: { type: 'coupon', coupon: { id: 'half', object: 'coupon' } },
        },
      },
    ],
    [
      'the page of Checkout has its new name',
      { id: 'cs_1', object: 'checkout.session', ui_mode: 'hosted' },
      { id: 'cs_1', object: 'checkout.session', ui_mode: 'hosted_page' },
    ],
    [
      'a line counts in decimals as well',
      { id: 'il_1', object: 'line_item', quantity: 3 },
      { id: 'il_1', object: 'line_item', quantity: 3, quantity_decimal: '3' },
    ],
    [
      'what was expanded is an id',
      {
        id: 'cs_1',
        object: 'checkout.session',
        ui_mode: 'elements',
        customer: { id: 'cus_1', object: 'customer', deleted: true },
        subscription: { id: 'sub_1', object: 'subscription', current_period_end: 5 },
      },
      { id: 'cs_1', object: 'checkout.session', ui_mode: 'elements', customer: 'cus_1', subscription: 'sub_1' },
    ],
    [
      'the expanded subscription of an invoice is an id',
      invoice({
        parent: {
          type: 'subscription_details',
          subscription_details: { subscription: { id: 'sub_1', object: 'subscription' } },
        },
      }),
      invoice({ parent: { type: 'subscription_details', subscription_details: { subscription: 'sub_1' } } }),
    ],
    [
      'the expanded payment of a refund is an id',
      {
        id: 're_1',
        object: 'refund',
        charge: { id: 'ch_1', object: 'charge' },
        payment_intent: { id: 'pi_1', object: 'payment_intent' },
      },
      { id: 're_1', object: 'refund', charge: 'ch_1', payment_intent: 'pi_1' },
    ],
    [
      'the expanded charge of a dispute is an id',
      { id: 'du_1', object: 'dispute', charge: { id: 'ch_1', object: 'charge' }, payment_intent: 'pi_1' },
      { id: 'du_1', object: 'dispute', charge: 'ch_1', payment_intent: 'pi_1' },
    ],
    [
      'what pays an invoice names both by their ids',
      {
        id: 'inpay_1',
        object: 'invoice_payment',
        invoice: { id: 'in_1', object: 'invoice' },
        payment: { type: 'payment_intent', payment_intent: { id: 'pi_1', object: 'payment_intent' } },
      },
      {
        id: 'inpay_1',
        object: 'invoice_payment',
        invoice: 'in_1',
        payment: { type: 'payment_intent', payment_intent: 'pi_1' },
      },
    ],
    [
      'metadata is the vendor’s, whatever it looks like',
      { id: 'cus_1', object: 'customer', metadata: { object: 'payment_intent', charges: 'mine', invoice: 'mine' } },
      { id: 'cus_1', object: 'customer', metadata: { object: 'payment_intent', charges: 'mine', invoice: 'mine' } },
    ],
    [
      'of a deleted object nothing is expected',
      { id: 'sub_1', object: 'subscription', deleted: true, discount: null },
      { id: 'sub_1', object: 'subscription', deleted: true, discount: null },
    ],
  ])('%s', (_what, older, newer) => {
    expect(normaliseObject(older)).toEqual(newer);
  });

  it('normalised once are normalised', () => {
    const scalar = fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null));
    const name = fc.constantFrom(
      'id',
      'coupon',
      'charges',
      'discount',
      'discounts',
      'subscription',
      'customer',
      'price',
      'items',
      'lines',
      'data',
      'paid',
      'type',
      'parent',
      'payment_intent',
      'charge',
      'ui_mode',
      'current_period_end',
      'tax_amounts',
      'source',
    );
    const objectName = fc.constantFrom(
      'subscription',
      'invoice',
      'line_item',
      'payment_intent',
      'charge',
      'discount',
      'promotion_code',
      'customer',
      'checkout.session',
      'list',
    );
    const { any } = fc.letrec((tie) => ({
      any: fc.oneof({ maxDepth: 3 }, scalar, tie('object'), fc.array(tie('any'), { maxLength: 3 })),
      object: fc
        .tuple(fc.option(objectName, { nil: undefined }), fc.dictionary(name, tie('any'), { maxKeys: 6 }))
        .map(([object, rest]) => ({ ...rest, ...(object === undefined ? {} : { object }) })),
    }));
    fc.assert(
      fc.property(fc.dictionary(name, any), objectName, (fields, object) => {
        const before = { id: 'x_1', ...fields, object } as StripeObject;
        const copy = structuredClone(before);
        const once = normaliseObject(before);
        expect(before).toEqual(copy);
        expect(normaliseObject(once)).toEqual(once);
      }),
      { numRuns: 500 },
    );
  });
});

describe('what a Stripe answers', () => {
  let sandbox: TestSandbox;
  let subscriptionId: string;
  const sdk = (version?: string) =>
    new Stripe('sk_test_normalise', {
      host: '127.0.0.1',
      port: sandbox.port,
      protocol: 'http',
      maxNetworkRetries: 0,
      ...(version === undefined ? {} : { apiVersion: version as never }),
    });
  beforeAll(async () => {
    sandbox = await startTestSandbox();
    const stripe = sdk();
    const { id: customer } = await stripe.customers.create({
      email: 'ada@example.com',
      metadata: { object: 'invoice' },
    });
    const card = await stripe.paymentMethods.attach('pm_card_visa', { customer });
    const { id: price } = await stripe.prices.create({
      currency: 'usd',
      unit_amount: 2_500,
      recurring: { interval: 'month' },
      product_data: { name: 'License' },
    });
    const subscription = await stripe.subscriptions.create({
      customer,
      items: [{ price }],
      default_payment_method: card.id,
    });
    subscriptionId = subscription.id;
  });
  afterAll(() => sandbox.close());

  async function answers(version?: string): Promise<{ subscription: StripeObject; invoice: StripeObject }> {
    const stripe = sdk(version);
    const subscription = await stripe.subscriptions.retrieve(subscriptionId);
    const invoice = await stripe.invoices.retrieve(String(subscription.latest_invoice));
    return { subscription: plain(subscription), invoice: plain(invoice) };
  }

  it('in today’s version is left as it is', async () => {
    const { subscription, invoice: today } = await answers();
    expect(normaliseObject(subscription)).toEqual(subscription);
    expect(normaliseObject(today)).toEqual(today);
    const events = await sdk().events.list({ limit: 100 });
    expect(events.data.length).toBeGreaterThan(5);
    for (const { data } of events.data) expect(normaliseObject(plain(data.object))).toEqual(plain(data.object));
  });

  it('in an older version says the same once it is normalised', async () => {
    const today = await answers();
    const older = await answers('2024-06-20');
    expect(older.subscription).toHaveProperty('current_period_end');
    expect(older.invoice).toHaveProperty('subscription', subscriptionId);
    expect(normaliseObject(older.subscription)).toEqual(today.subscription);
    // How an invoice was paid is in today's answers only on request, and was in every older one.
    const { payments, ...invoice } = normaliseObject(older.invoice);
    expect(invoice).toEqual(today.invoice);
    expect(payments).toMatchObject({ data: [{ status: 'paid', payment: { type: 'payment_intent' } }] });
  });
});
