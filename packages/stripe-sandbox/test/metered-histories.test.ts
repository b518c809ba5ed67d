import fc from 'fast-check';
import type Stripe from 'stripe';
import { describe, expect, it } from 'vitest';
import { createCustomer, DAY, HOUR, startTestStripe, type TestStripe } from './harness.ts';

/** In tenths of a unit, so that the truth is counted in whole numbers. */
type Report = { day: number; lateDays: number; tenths: number };
type Change = { day: number; behavior: 'create_prorations' | 'none' };
type History = { first: number; second: number; reports: Report[]; change: Change | null };

type Tier = { upTo: number | 'inf'; unit: string; flat: number };
/** Unit amounts have two places at most: a tenth of a unit costs a whole number of thousandths. */
const PRICES: readonly { mode: 'graduated' | 'volume'; tiers: readonly Tier[] }[] = [
  { mode: 'volume', tiers: [{ upTo: 'inf', unit: '0.37', flat: 0 }] },
  {
    mode: 'graduated',
    tiers: [
      { upTo: 100, unit: '0', flat: 900 },
      { upTo: 500, unit: '1.25', flat: 0 },
      { upTo: 'inf', unit: '0.5', flat: 50 },
    ],
  },
  {
    mode: 'volume',
    tiers: [
      { upTo: 300, unit: '2', flat: 0 },
      { upTo: 'inf', unit: '1.11', flat: 150 },
    ],
  },
];

const PERIOD_DAYS = 28;

const history = fc.record({
  first: fc.nat(PRICES.length - 1),
  second: fc.nat(PRICES.length - 1),
  reports: fc.array(
    fc.record({
      day: fc.integer({ min: 1, max: PERIOD_DAYS - 1 }),
      lateDays: fc.integer({ min: 0, max: 6 }),
      tenths: fc.oneof(fc.integer({ min: -500, max: 4000 }), fc.constantFrom(0, 1, 999, 1000, 1001)),
    }),
    { maxLength: 8 },
  ),
  change: fc.option(
    fc.record({
      day: fc.integer({ min: 1, max: PERIOD_DAYS - 1 }),
      behavior: fc.constantFrom('create_prorations' as const, 'none' as const),
    }),
  ),
});

/** Half up, of thousandths of a minor unit. */
const rounded = (thousandths: number) => Math.floor((thousandths + 500) / 1000);
const thousandths = (unit: string, tenths: number) => Math.round(Number(unit) * 100) * tenths;

function costOf(price: number, tenths: number): number {
  const { mode, tiers } = PRICES[price] ?? { mode: 'volume', tiers: [] };
  const bounds = tiers.map(({ upTo }) => (upTo === 'inf' ? Infinity : upTo * 10));
  if (mode === 'volume') {
    const tier = tiers[bounds.findIndex((bound) => tenths <= bound)];
    return rounded(thousandths(tier?.unit ?? '0', tenths)) + (tier?.flat ?? 0);
  }
  return tiers.reduce((sum, { unit, flat }, index) => {
    const from = bounds[index - 1] ?? 0;
    if (index > 0 && tenths <= from) return sum;
    return sum + rounded(thousandths(unit, Math.min(tenths, bounds[index] ?? 0) - from)) + flat;
  }, 0);
}

/** When a report says that it was used: never before the subscription began. */
const usedAt = (start: number, { day, lateDays }: Report) => start + Math.max(0, day - lateDays) * DAY + HOUR;

/** What the period comes to: use at a price is what was used while it was in force, as far as it was reported in time. */
function truthOf({ first, second, reports, change }: History, start: number): number {
  const used = (from: number, to: number, reportedBefore: number) => {
    const counted = reports.filter((one) => one.day < reportedBefore);
    const within = counted.filter((one) => usedAt(start, one) >= from && usedAt(start, one) < to);
    return Math.max(
      0,
      within.reduce((sum, one) => sum + one.tenths, 0),
    );
  };
  if (change === null || second === first) return costOf(first, used(start, Infinity, Infinity));
  const at = start + change.day * DAY;
  const before = change.behavior === 'none' ? 0 : costOf(first, used(start, at, change.day));
  return before + costOf(second, used(at, Infinity, Infinity));
}

async function createPrices(stripe: Stripe): Promise<Stripe.Price[]> {
  const meter = await stripe.billing.meters.create({
    display_name: 'Units',
    event_name: 'units',
    default_aggregation: { formula: 'sum' },
  });
  const prices: Stripe.Price[] = [];
  for (const { mode, tiers } of PRICES) {
    const price = await stripe.prices.create({
      currency: 'usd',
      billing_scheme: 'tiered',
      tiers_mode: mode,
      tiers: tiers.map(({ upTo, unit, flat }) => ({
        up_to: upTo,
        unit_amount_decimal: unit as unknown as Stripe.Decimal,
        ...(flat === 0 ? {} : { flat_amount: flat }),
      })),
      recurring: { interval: 'day', interval_count: PERIOD_DAYS, usage_type: 'metered', meter: meter.id },
      product_data: { name: 'Units' },
    });
    prices.push(price);
  }
  return prices;
}

type Life = { history: History; customer: string; subscription: Stripe.Subscription };

/** What happens on a day: the price changes in the morning, reports come in the afternoon. */
async function liveDay(stripe: Stripe, prices: readonly Stripe.Price[], life: Life, start: number, day: number) {
  const { history: is, customer, subscription } = life;
  const price = prices[is.second]?.id ?? '';
  if (is.change?.day === day) {
    const items = [{ id: subscription.items.data[0]?.id ?? '', price }];
    await stripe.subscriptions.update(subscription.id, { items, proration_behavior: is.change.behavior });
  }
  for (const one of is.reports.filter((report) => report.day === day)) {
    await stripe.billing.meterEvents.create({
      event_name: 'units',
      payload: { stripe_customer_id: customer, value: String(one.tenths / 10) },
      timestamp: Math.min(usedAt(start, one), start + day * DAY + 300),
    });
  }
}

async function billed(test: TestStripe, histories: readonly History[]): Promise<{ start: number; totals: number[] }> {
  const { stripe } = test;
  const prices = await createPrices(stripe);
  const lives: Life[] = [];
  for (const one of histories) {
    const customer = (await createCustomer(stripe)).id;
    const items = [{ price: prices[one.first]?.id ?? '' }];
    lives.push({ history: one, customer, subscription: await stripe.subscriptions.create({ customer, items }) });
  }
  const start = lives[0]?.subscription.start_date ?? 0;
  for (let day = 1; day < PERIOD_DAYS; day += 1) {
    await test.moveTo(start + day * DAY);
    for (const life of lives) await liveDay(stripe, prices, life, start, day);
  }
  await test.moveTo(start + PERIOD_DAYS * DAY + 2 * HOUR);
  const totals: number[] = [];
  for (const { subscription } of lives) {
    const { data } = await stripe.invoices.list({ subscription: subscription.id });
    expect(data.map(({ status }) => status)).toEqual(['paid']);
    totals.push(data.reduce((sum, invoice) => sum + invoice.total, 0));
  }
  return { start, totals };
}

describe('any history of use', () => {
  it('is billed to the cent: by the price in force when it was used, late reports and changes of price included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(history, { minLength: 8, maxLength: 12 }), async (histories) => {
        const test = await startTestStripe();
        try {
          const { start, totals } = await billed(test, histories);
          expect(totals).toEqual(histories.map((one) => truthOf(one, start)));
        } finally {
          await test.close();
        }
      }),
      { numRuns: 8 },
    );
  }, 120_000);
});
