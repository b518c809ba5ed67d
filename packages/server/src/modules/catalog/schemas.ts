/** What anyone may see of a product: `GET /v1/products`. */

import { z } from 'zod';

const intervalSchema = z.enum(['day', 'week', 'month', 'year']).nullable().describe('null: paid once.');

const priceSchema = z.object({
  amount_cents: z
    .int()
    .describe(
      "In the currency's smallest unit; 0 is free, or billed by use alone where an allowance has an `overage`.",
    ),
  currency: z.string().describe('ISO 4217 in lower case.'),
  interval: intervalSchema,
  interval_count: z.int(),
  trial_days: z.int(),
});

const planSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  price: priceSchema.nullable().describe('null: not for sale, issued by the vendor.'),
  inherits: z.string().nullable().describe('The plan whose features this one has as well.'),
  features: z.array(z.string()).describe('Its own features, then those it inherits.'),
  highlights: z.array(z.string()).describe('Sentences for a price page.'),
  limits: z.record(z.string(), z.int()).describe('-1 is unlimited.'),
  term_days: z.int().nullable().describe('Days a licence runs where no subscription sets its end; null: for good.'),
  max_machines: z.int().describe('-1 is unlimited.'),
  quantity: z
    .object({ maximum: z.int(), multiplies: z.array(z.literal('machines')).describe('What is there for each.') })
    .nullable()
    .describe('Several at once, such as seats; null: one.'),
  allowances: z.array(
    z.object({
      meter: z.string(),
      included: z.int().describe('Units in each period; -1 is unlimited.'),
      limit: z.enum(['hard', 'overage', 'soft']),
      overage: z
        .object({ amount_cents: z.int(), per_units: z.int(), currency: z.string() })
        .nullable()
        .describe('What use beyond costs.'),
    }),
  ),
});

const packSchema = z.object({
  id: z.string(),
  name: z.string(),
  meter: z.string(),
  quantity: z.int(),
  amount_cents: z.int(),
  currency: z.string(),
});

const creditSchema = z.object({
  meter: z.string(),
  currency: z.string(),
  unit_amount_cents: z.int().describe('What one unit costs, rounded; a quote says what more of them do.'),
  units_per_major: z.number().describe('Units that one whole unit of the currency buys.'),
  custom: z
    .object({ minimum: z.int(), maximum: z.int() })
    .nullable()
    .describe('Bounds of a quantity of one’s own; null: packs only.'),
});

const timedUseSchema = z.object({
  meter: z.string(),
  interval_seconds: z.int(),
  parallel_sessions: z.enum(['allow', 'refuse']),
});

export const productSchema = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  vendor: z.object({ name: z.string(), support_email: z.string().nullable(), url: z.string().nullable() }),
  plans: z.array(planSchema),
  packs: z.array(packSchema),
  credit: z.array(creditSchema).describe('What is bought in advance by the unit.'),
  timed_use: timedUseSchema.nullable().describe('How use is deducted by the clock; null: it is not.'),
  meters: z.array(z.object({ id: z.string(), name: z.string(), unit: z.string() })),
});

export type PublicProduct = z.infer<typeof productSchema>;
