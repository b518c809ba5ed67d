import fc from 'fast-check';
import type Stripe from 'stripe';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createCustomer, createPrice, DAY, HOUR, periodOf, startTestStripe, type TestStripe } from './harness.ts';

let test: TestStripe;
let stripe: Stripe;
let prices: Stripe.Price[];
beforeAll(async () => {
  test = await startTestStripe();
  stripe = test.stripe;
  const cents = [700, 1999, 5000];
  prices = await Promise.all(cents.map((amount) => createPrice(stripe, { interval: 'month' }, amount)));
});
afterAll(() => test.close());

type Step = { kind: 'change'; price: number; quantity: number } | { kind: 'end'; after: number } | { kind: 'stay' };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('change' as const),
    price: fc.nat({ max: 2 }),
    quantity: fc.integer({ min: 1, max: 4 }),
  }),
  fc.record({ kind: fc.constant('end' as const), after: fc.integer({ min: HOUR, max: 20 * DAY }) }),
  fc.constant({ kind: 'stay' as const }),
);

const history = fc.record({
  first: fc.nat({ max: 2 }),
  steps: fc.array(fc.record({ wait: fc.integer({ min: HOUR, max: 4 * DAY }), step }), { minLength: 1, maxLength: 5 }),
  cancels: fc.boolean(),
});

/** What the subscription has been, second by second: this many cents a period, from then on. */
type Rate = { from: number; cents: number };

/** What the time used costs, counted without the billing engine. */
function worth(rates: readonly Rate[], period: { start: number; end: number }, until: number): number {
  const length = period.end - period.start;
  return rates.reduce((sum, rate, index) => {
    const to = Math.min(rates[index + 1]?.from ?? until, until);
    return sum + (rate.cents * Math.max(0, to - rate.from)) / length;
  }, 0);
}

const ALWAYS = { proration_behavior: 'always_invoice' } as const;

async function take(subscription: Stripe.Subscription, wanted: Step, now: number, end: number): Promise<number | null> {
  const { id } = subscription;
  if (wanted.kind === 'change') {
    const item = { id: subscription.items.data[0]?.id ?? '', price: prices[wanted.price]?.id ?? '' };
    const items = [{ ...item, quantity: wanted.quantity }];
    return (await stripe.subscriptions.update(id, { items, proration_date: now, ...ALWAYS })).cancel_at;
  }
  const at = wanted.kind === 'end' ? Math.min(now + wanted.after, end) : '';
  return (await stripe.subscriptions.update(id, { cancel_at: at, ...ALWAYS })).cancel_at;
}

it('whatever is changed, ended and taken back within a period, what was paid in the end is the time that was used', async () => {
  await fc.assert(
    fc.asyncProperty(history, async (given) => {
      const customer = await createCustomer(stripe);
      const subscription = await stripe.subscriptions.create({
        customer: customer.id,
        items: [{ price: prices[given.first]?.id ?? '' }],
      });
      const period = periodOf(subscription);
      const rates: Rate[] = [{ from: period.start, cents: prices[given.first]?.unit_amount ?? 0 }];
      let now = period.start;
      let end: number | null = null;
      for (const { wait, step: wanted } of given.steps) {
        if (end !== null && now + wait >= end - HOUR) break;
        now += wait;
        await test.moveTo(now);
        end = await take(subscription, wanted, now, period.end);
        if (wanted.kind === 'change') {
          rates.push({ from: now, cents: (prices[wanted.price]?.unit_amount ?? 0) * wanted.quantity });
        }
      }
      let used = end ?? period.end;
      if (given.cancels) {
        await stripe.subscriptions.cancel(subscription.id, { prorate: true, invoice_now: true });
        used = (await stripe.subscriptions.retrieve(subscription.id)).ended_at ?? 0;
      }
      const { data } = await stripe.invoices.list({ subscription: subscription.id, limit: 100 });
      expect(data.every((invoice) => invoice.status === 'paid')).toBe(true);
      const lines = data.reduce((sum, invoice) => sum + invoice.lines.data.length, 0);
      const total = data.reduce((sum, invoice) => sum + invoice.total, 0);
      const { balance } = (await stripe.customers.retrieve(customer.id)) as Stripe.Customer;
      const paid = data.reduce((sum, invoice) => sum + invoice.amount_paid, 0);
      // Every line is rounded once, to half a cent at most.
      expect(Math.abs(total - worth(rates, period, used))).toBeLessThanOrEqual(lines / 2);
      expect(paid + balance).toBe(total);
      if (!given.cancels) await stripe.subscriptions.cancel(subscription.id);
    }),
    { numRuns: 40, seed: 20_261_121 },
  );
}, 120_000);
