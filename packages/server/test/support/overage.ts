import { sql } from 'kysely';
import type { Wire } from '../../../../test/support/wire.ts';
import type { Shop } from './shop.ts';

/** Somebody who subscribes to a plan of `overage.yaml`, as the vendor and Stripe know them. */
export interface Caller {
  id: string;
  reference: string;
  customer: string;
  license: string;
}

let count = 0;

export async function subscribeCaller(shop: Shop, plan: string, product = 'signals'): Promise<Caller> {
  count += 1;
  const email = `caller${count}-${plan}@example.com`;
  const body = { product, plan, email, payment_method: 'pm_card_visa' };
  const answer = await shop.vendor('POST', '/v1/subscriptions', body);
  if (answer.status !== 201) throw new Error(`No subscription: ${JSON.stringify(answer.body)}`);
  await shop.settle();
  const { id, stripe_subscription_id: reference, license_id: license } = answer.body;
  const { customer } = await shop.stripe('GET', `/v1/subscriptions/${reference}`);
  return { id, reference, customer, license };
}

/** What each plan charges beyond it, as in `overage.yaml`. */
export const RATES: Readonly<Record<string, [amountCents: number, perUnits: number]>> = {
  payg: [4, 1],
  starter: [3, 1],
  pro: [1, 2],
  team: [1, 3],
  yearly: [2, 1],
  tried: [7, 1],
};

/** Use beyond the plan, written as the engine of usage writes it: in the period that is running, at the rate of the plan. */
export async function useBeyond(
  shop: Shop,
  caller: Caller,
  plan: string,
  units: number,
  window?: { start: Date; end: Date },
): Promise<void> {
  const { app } = shop.server;
  const [amount = 0, per = 1] = RATES[plan] ?? [];
  const account = `license/${caller.license}/signals/calls`;
  const period = window ?? (await periodOf(shop, caller));
  await app.database.transaction({ actor: { type: 'system', id: 'test' } }, async ({ connection }) => {
    await sql`
      INSERT INTO ledger_accounts (id, license_id, product, meter, created_at)
      VALUES (${account}, ${caller.license}, 'signals', 'calls', ${period.start}) ON CONFLICT DO NOTHING
    `.execute(connection);
    await sql`
      INSERT INTO usage_windows (account_id, starts_at, ends_at, subscription_id, plan, limit_kind, included, created_at, updated_at)
      VALUES (${account}, ${period.start}, ${period.end}, ${caller.id}, ${plan}, 'overage', 10, ${period.start}, ${period.start})
      ON CONFLICT DO NOTHING
    `.execute(connection);
    await sql`
      INSERT INTO usage_overage AS row (account_id, window_start, rate, window_end, subscription_id, plan, amount_cents, per_units, currency,
        units, created_at, updated_at)
      VALUES (${account}, ${period.start}, ${`${plan}/${amount}/${per}/usd`}, ${period.end}, ${caller.id}, ${plan}, ${amount}, ${per},
        'usd', ${Math.max(units, 0)}, ${period.start}, ${period.start})
      ON CONFLICT (account_id, window_start, rate) DO UPDATE SET units = row.units + ${units}
    `.execute(connection);
  });
}

/** The running period of a subscription, as it is mirrored. */
export async function periodOf(shop: Shop, { id }: Caller): Promise<{ start: Date; end: Date }> {
  const { body } = await shop.vendor('GET', `/v1/subscriptions/${id}`);
  return { start: new Date(body.current_period_start), end: new Date(body.current_period_end) };
}

/** What all final invoices of a customer charge beyond their plans, in cents. */
export async function overageCharged(shop: Shop, { customer }: Caller): Promise<number> {
  const { data } = await shop.stripe('GET', `/v1/invoices?customer=${customer}&limit=100`);
  const lines: Wire[] = data
    .filter(({ status }: Wire) => status === 'paid' || status === 'open')
    .flatMap((invoice: Wire) => invoice.lines.data);
  const prices: Wire[] = (await shop.stripe('GET', '/v1/prices?limit=100&recurring[usage_type]=metered')).data;
  const metered = new Set(prices.map(({ id }) => id));
  return lines
    .filter((line) => metered.has(line.pricing?.price_details?.price) || line.metadata.latchkey_overage !== undefined)
    .reduce((sum, { amount }) => sum + amount, 0);
}

export async function pass(shop: Shop, time: object): Promise<void> {
  const answer = await shop.vendor('POST', '/sandbox/time/advance', time);
  if (answer.body.settled !== true) throw new Error(`Time stands still: ${JSON.stringify(answer.body)}`);
}
