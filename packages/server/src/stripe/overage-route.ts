import { type Catalog, LatchkeyError, overageCents, stepsPerUnit } from '@latchkey/core';
import { z } from 'zod';
import type { Database } from '../db/database.ts';
import { type Http, pageOf, pageQuery } from '../http/index.ts';
import { parseAccountId } from '../modules/ledger/index.ts';
import type { OverageComparison } from './overage-comparison.ts';
import { listRows, type OverageKey, type OverageRow } from './overage-repository.ts';

const overageAnswer = z.object({
  object: z.literal('overage'),
  account: z.string(),
  license_id: z.string().nullable(),
  product: z.string(),
  meter: z.string(),
  plan: z.string(),
  subscription_id: z.string().nullable(),
  stripe_subscription_id: z.string().nullable(),
  period_start: z.string(),
  period_end: z.string(),
  rate: z.object({ amount_cents: z.number(), per_units: z.number(), currency: z.string() }),
  steps: z.number().describe('What was used beyond the plan, in the meter’s smallest steps.'),
  cost_cents: z.number().describe('What that costs.'),
  reported_steps: z.number().describe('What of it Stripe was told of.'),
  metered_steps: z.number().describe('What of that went to Stripe’s meter.'),
  itemized_cents: z.number().describe('What was put on invoices as amounts.'),
  billed_cents: z
    .number()
    .nullable()
    .describe('What the invoices billed of the metered part. Null until they are final.'),
  status: z
    .enum(['open', 'reporting', 'billed', 'waived', 'refused', 'not_billable'])
    .describe('`waived`: it was a trial. `not_billable`: no subscription of Stripe’s pays for it.'),
  refusal: z.string().nullable().describe('Why Stripe would not take a report.'),
  counted_steps: z
    .number()
    .nullable()
    .describe('What Stripe’s meter has counted. Null unless `stripe=true`, and where none counts.'),
});

/** What is used beyond plans: as it was computed, as it was told, and as Stripe has it. */
export function registerOverage(
  http: Http,
  { database, catalog, comparison }: { database: Database; catalog: Catalog; comparison: OverageComparison },
): void {
  http.get(
    '/v1/billing/overage',
    {
      config: { access: 'admin' },
      schema: {
        tags: ['Billing'],
        summary: 'What was used beyond plans, and what became of it at Stripe',
        description:
          'One row for each rate of each period, the oldest first. With `stripe=true` Stripe is asked for each of them.',
        querystring: pageQuery.extend({
          subscription: z.string().max(255).optional().describe('Ours or Stripe’s (`sub_…`).'),
          open: z.enum(['true', 'false']).optional().describe('Only what is not billed to its end.'),
          stripe: z.enum(['true', 'false']).optional().describe('Ask Stripe what its meters counted.'),
        }),
        response: { 200: pageOf(overageAnswer) },
      },
    },
    async ({ query }) => {
      const { limit, subscription, open, stripe } = query;
      const filter = { subscription, open: open === 'true' };
      const rows = await listRows(database.connection, filter, keyOf(query.after), limit + 1);
      const shown = rows.slice(0, limit);
      const data = [];
      for (const row of shown) {
        data.push(overageView(catalog, row, stripe === 'true' ? await comparison.counted(row) : null));
      }
      const last = shown.at(-1);
      const hasMore = rows.length > limit;
      return { data, has_more: hasMore, next: hasMore && last !== undefined ? cursorOf(last) : null };
    },
  );
}

function overageView(catalog: Catalog, row: OverageRow, counted: number | null): z.infer<typeof overageAnswer> {
  const { product, meter: meterId, owner } = parseAccountId(row.account);
  const meter = catalog.products.find(({ id }) => id === product)?.meters.find(({ id }) => id === meterId);
  const { amountCents, perUnits, currency, units } = row;
  return {
    object: 'overage',
    account: row.account,
    license_id: 'licenseId' in owner ? owner.licenseId : null,
    ...{ product, meter: meterId, plan: row.plan },
    subscription_id: row.subscriptionId,
    stripe_subscription_id: row.reference,
    period_start: row.windowStart.toISOString(),
    period_end: row.windowEnd.toISOString(),
    rate: { amount_cents: amountCents, per_units: perUnits, currency },
    steps: units,
    cost_cents: meter === undefined ? 0 : overageCents(row, units, stepsPerUnit(meter)),
    reported_steps: row.reported,
    metered_steps: row.metered,
    itemized_cents: row.itemizedCents,
    billed_cents: row.billedCents,
    status: statusOf(row),
    refusal: row.refusal,
    counted_steps: counted,
  };
}

function statusOf(row: OverageRow): z.infer<typeof overageAnswer>['status'] {
  if (row.reference === null) return 'not_billable';
  if (row.report !== null) return 'reporting';
  if (row.refusedUnits === row.units) return 'refused';
  const isSettled = row.settledAt !== null && row.units === row.reported;
  return isSettled ? (row.outcome ?? 'billed') : 'open';
}

function cursorOf({ windowStart, account, rate }: OverageKey): string {
  return Buffer.from(JSON.stringify([windowStart.toISOString(), account, rate])).toString('base64url');
}

const cursor = z.tuple([z.iso.datetime(), z.string(), z.string()]);

function keyOf(after: string | undefined): OverageKey | null {
  if (after === undefined) return null;
  const parsed = cursor.safeParse(readJson(Buffer.from(after, 'base64url').toString('utf8')));
  if (!parsed.success) {
    throw new LatchkeyError('invalid_request', 'after is not what an earlier page answered as next.', {
      path: 'after',
    });
  }
  const [windowStart, account, rate] = parsed.data;
  return { windowStart: new Date(windowStart), account, rate };
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
