import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';

const CATALOG = fileURLToPath(new URL('../../../test/support/changing.yaml', import.meta.url));
const CHANGES = process.env.LATCHKEY_TEST_LONG === '1' ? 200 : 40;
const SUBSCRIBERS = 10;
const SEED = process.env.LATCHKEY_PREVIEW_SEED ?? 'previews';
const PLANS = ['basic', 'pro', 'team', 'pro-yearly'];

let shop: Shop;

beforeAll(async () => {
  shop = await openShop({ CATALOG });
  await shop.stripe('POST', '/v1/coupons', { id: 'third', percent_off: '33.3', duration: 'forever' });
  await shop.stripe('POST', '/v1/coupons', { id: 'seven', amount_off: '777', currency: 'usd', duration: 'forever' });
});
afterAll(() => shop?.close());

/** A number from 0 to below `most`, the same for the same seed. */
let drawn = 0;
function draw(most: number): number {
  drawn += 1;
  return createHash('sha256').update(`${SEED}/${drawn}`).digest().readUInt32BE(0) % most;
}
const pick = <T>(from: readonly T[]): T => from[draw(from.length)] as T;

interface Subscriber {
  reference: string;
  customer: string;
}

async function subscribe(index: number): Promise<Subscriber> {
  const body = { product: 'suite', plan: pick(PLANS), quantity: 1 + draw(5), payment_method: 'pm_card_visa' };
  const answer = await shop.vendor('POST', '/v1/subscriptions', { ...body, email: `previewed${index}@example.com` });
  const { data } = await shop.stripe('GET', `/v1/customers?email=previewed${index}@example.com`);
  return { reference: answer.body.stripe_subscription_id, customer: data[0].id };
}

/** Something that makes the next sums less plain. */
async function complicate({ reference, customer }: Subscriber): Promise<string> {
  const what = draw(4);
  if (what === 0) {
    const coupon = pick(['third', 'seven']);
    await shop.stripe('POST', `/v1/subscriptions/${reference}`, { 'discounts[0][coupon]': coupon });
    return `with ${coupon} taken off`;
  }
  if (what === 1) {
    const amount = String(-1 - draw(9_000));
    await shop.stripe('POST', `/v1/customers/${customer}/balance_transactions`, { amount, currency: 'usd' });
    return `with ${amount} more in credit`;
  }
  return '';
}

const pass = async (seconds: number) => {
  const { body } = await shop.vendor('POST', '/sandbox/time/advance', { seconds });
  expect(body).toMatchObject({ settled: true });
};

const lineOf = ({ amount, description, period }: Wire) => ({
  amount,
  description,
  start: period.start * 1_000,
  end: period.end * 1_000,
});

// The sums are Stripe's: a second engine of ours would only repeat them, and this one is the quicker.
describe.skipIf(process.env.LATCHKEY_TEST_ENGINE !== 'postgres')(
  `${CHANGES} changes of plan at random (LATCHKEY_PREVIEW_SEED=${SEED})`,
  () => {
    it('are charged to the cent as they were shown [Z7]', async () => {
      const subscribers: Subscriber[] = [];
      for (let index = 0; index < SUBSCRIBERS; index += 1) subscribers.push(await subscribe(index));
      const seen = { charged: 0, credited: 0, discounted: 0, fromCredit: 0, newPeriod: 0 };
      for (let change = 0; change < CHANGES; change += 1) {
        if (change % SUBSCRIBERS === 0) await pass(1 + draw(12 * 86_400));
        const subscriber = subscribers[change % SUBSCRIBERS] as Subscriber;
        const how = await complicate(subscriber);
        const path = `/v1/subscriptions/${subscriber.reference}/change`;
        const wish = { plan: pick(PLANS), quantity: 1 + draw(5), when: 'now' };
        const preview = await shop.vendor('POST', path, { ...wish, preview: true });
        const name = `change ${change}: ${JSON.stringify(wish)} ${how}`;
        // The plan it is on, as many as it has.
        if (preview.status === 400 && preview.body.path === 'plan') continue;
        expect(preview.status, `${name}: ${JSON.stringify(preview.body)}`).toBe(200);
        if (draw(8) === 0) await pass(draw(299));
        const changed = await shop.vendor('POST', path, { ...wish, as_of: preview.body.as_of });
        expect(changed.status, `${name}: ${JSON.stringify(changed.body)}`).toBe(200);
        const { data } = await shop.stripe('GET', `/v1/invoices?subscription=${subscriber.reference}&limit=1`);
        const [invoice] = data;
        const shown = preview.body;
        expect(invoice, name).toMatchObject({
          billing_reason: 'subscription_update',
          status: 'paid',
          total: shown.total,
          amount_due: shown.amount_due,
          amount_paid: shown.amount_due,
        });
        expect(changed.body, name).toMatchObject({ total: shown.total, amount_due: shown.amount_due });
        const isNewPeriod = shown.lines.some(({ proration }: Wire) => !proration);
        const amounts = shown.lines.map(({ amount, description, period }: Wire) => ({
          amount,
          description,
          start: Date.parse(period.start),
          end: Date.parse(period.end),
        }));
        // A period that begins with the change begins when that is, and not when it was shown.
        if (!isNewPeriod) expect(invoice.lines.data.map(lineOf), name).toEqual(amounts);
        else
          expect(invoice.lines.data.map(({ amount }: Wire) => amount)).toEqual(
            amounts.map(({ amount }: Wire) => amount),
          );
        seen.charged += shown.amount_due > 0 ? 1 : 0;
        seen.credited += shown.total < 0 ? 1 : 0;
        seen.discounted += shown.lines.some(({ discount }: Wire) => discount > 0) ? 1 : 0;
        seen.fromCredit += shown.total > 0 && shown.amount_due < shown.total ? 1 : 0;
        seen.newPeriod += isNewPeriod ? 1 : 0;
      }
      for (const [kind, times] of Object.entries(seen)) expect(times, kind).toBeGreaterThan(2);
    }, 600_000);
  },
);
