import type Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  createCustomer,
  createPrice,
  DAY,
  latestInvoice,
  periodOf,
  startTestStripe,
  stripeError,
  type TestStripe,
} from './harness.ts';

// The sums of graduated and volume prices are those of https://docs.stripe.com/products-prices/pricing-models.

let test: TestStripe;
let stripe: Stripe;
beforeAll(async () => {
  test = await startTestStripe();
  ({ stripe } = test);
});
afterAll(() => test.close());

const TIERS: Stripe.PriceCreateParams.Tier[] = [
  { up_to: 5, unit_amount: 700 },
  { up_to: 10, unit_amount: 650 },
  { up_to: 'inf', unit_amount: 600 },
];

function tiered(
  mode: 'graduated' | 'volume',
  tiers = TIERS,
  recurring: Stripe.PriceCreateParams.Recurring = { interval: 'month' },
): Promise<Stripe.Price> {
  return stripe.prices.create({
    currency: 'usd',
    billing_scheme: 'tiered',
    tiers_mode: mode,
    tiers,
    recurring,
    product_data: { name: 'Projects' },
  });
}

async function firstInvoice(price: Stripe.Price, quantity: number): Promise<Stripe.Invoice> {
  const customer = await createCustomer(stripe);
  const { id } = await stripe.subscriptions.create({ customer: customer.id, items: [{ price: price.id, quantity }] });
  return latestInvoice(stripe, id);
}

const amounts = (invoice: Stripe.Invoice) => invoice.lines.data.map((line) => line.amount);

describe('a tiered price', () => {
  it('has no single amount, and shows its tiers to those who ask', async () => {
    const price = await tiered('graduated');
    expect(price).toMatchObject({ billing_scheme: 'tiered', tiers_mode: 'graduated', unit_amount: null });
    expect(price.unit_amount_decimal).toBeNull();
    expect(price.tiers).toBeUndefined();
    const shown = await stripe.prices.retrieve(price.id, { expand: ['tiers'] });
    expect(shown.tiers?.map((tier) => [tier.up_to, tier.unit_amount])).toEqual([
      [5, 700],
      [10, 650],
      [null, 600],
    ]);
    const plain = await stripe.prices.retrieve((await createPrice(stripe)).id, { expand: ['tiers'] });
    expect(plain.tiers).toBeUndefined();
  });

  it('charges, when graduated, every unit at the price of its tier, a line for each', async () => {
    const price = await tiered('graduated');
    const invoice = await firstInvoice(price, 20);
    expect(amounts(invoice)).toEqual([3500, 3250, 6000]);
    expect(invoice.amount_paid).toBe(12_750);
    expect(invoice.lines.data.map((line) => line.quantity)).toEqual([5, 5, 10]);
    expect(invoice.lines.data[1]?.description).toBe('5 × Projects (Tier 2 at $6.50 / month)');
    expect(amounts(await firstInvoice(price, 5))).toEqual([3500]);
    expect(amounts(await firstInvoice(price, 6))).toEqual([3500, 650]);
  });

  it('charges, by volume, all units at the price of the tier that the quantity reaches', async () => {
    const price = await tiered('volume');
    expect(amounts(await firstInvoice(price, 5))).toEqual([3500]);
    expect(amounts(await firstInvoice(price, 6))).toEqual([3900]);
    expect(amounts(await firstInvoice(price, 20))).toEqual([12_000]);
  });

  it('adds the flat fee of every tier that is reached, the first one for nothing at all', async () => {
    const tiers: Stripe.PriceCreateParams.Tier[] = [
      { up_to: 5, unit_amount: 500, flat_amount: 1000 },
      { up_to: 'inf', unit_amount_decimal: '0.5' as unknown as Stripe.Decimal, flat_amount: 2000 },
    ];
    const graduated = await tiered('graduated', tiers);
    expect((await firstInvoice(graduated, 5)).total).toBe(3500);
    expect((await firstInvoice(graduated, 8)).total).toBe(3500 + 2000 + 2);
    expect((await firstInvoice(graduated, 0)).total).toBe(1000);
    const volume = await tiered('volume', tiers);
    expect((await firstInvoice(volume, 8)).total).toBe(2004);
  });

  it('is prorated by what the old and the new quantity cost, and the preview says so', async () => {
    const price = await tiered('graduated');
    const customer = await createCustomer(stripe);
    const subscription = await stripe.subscriptions.create({
      customer: customer.id,
      items: [{ price: price.id, quantity: 6 }],
    });
    const item = subscription.items.data[0]?.id ?? '';
    const { start, end } = periodOf(subscription);
    await test.moveTo(start + (end - start) / 2);
    const change = { items: [{ id: item, quantity: 20 }], proration_behavior: 'always_invoice' as const };
    const preview = await stripe.invoices.createPreview({
      subscription: subscription.id,
      subscription_details: change,
    });
    await stripe.subscriptions.update(subscription.id, change);
    const charged = await latestInvoice(stripe, subscription.id);
    expect(amounts(charged)).toEqual([-2075, 6375]);
    expect(preview.total).toBe(charged.total);
    await test.moveTo(end + DAY);
    expect((await latestInvoice(stripe, subscription.id)).total).toBe(12_750);
  });

  it.each([
    ['a last tier with an end', { tiers: [{ up_to: 5, unit_amount: 1 }] }, 'tiers[0][up_to]'],
    [
      'tiers that do not rise',
      {
        tiers: [
          { up_to: 5, unit_amount: 1 },
          { up_to: 5, unit_amount: 1 },
          { up_to: 'inf', unit_amount: 1 },
        ],
      },
      'tiers[1][up_to]',
    ],
    ['a tier without an amount', { tiers: [{ up_to: 'inf' }] }, 'tiers[0]'],
    ['no tiers', {}, 'tiers'],
    ['an amount beside the tiers', { tiers: TIERS, unit_amount: 5 }, 'unit_amount'],
  ] as const)('is refused with %s', async (_what, more, param) => {
    const refused = await stripeError(
      stripe.prices.create({
        currency: 'usd',
        billing_scheme: 'tiered',
        tiers_mode: 'volume',
        recurring: { interval: 'month' },
        product_data: { name: 'Projects' },
        ...(more as Partial<Stripe.PriceCreateParams>),
      }),
    );
    expect([refused.statusCode, refused.param]).toEqual([400, param]);
  });
});

describe('a price by the package', () => {
  it('charges started packages, or only full ones', async () => {
    const by = (round: 'down' | 'up') =>
      stripe.prices.create({
        currency: 'usd',
        unit_amount: 1000,
        recurring: { interval: 'month' },
        transform_quantity: { divide_by: 60, round },
        product_data: { name: 'Car hours' },
      });
    const up = await firstInvoice(await by('up'), 150);
    expect(up.total).toBe(3000);
    expect(up.lines.data[0]).toMatchObject({
      quantity: 150,
      description: '150 × Car hours (at $10.00 per 60 / month)',
    });
    expect((await firstInvoice(await by('up'), 120)).total).toBe(2000);
    expect((await firstInvoice(await by('down'), 150)).total).toBe(2000);
  });
});
