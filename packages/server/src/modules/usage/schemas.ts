import { z } from 'zod';

const identifier = z.string().min(1).max(100);
const licenseKey = z.string().min(1).max(2_048);

const whose = {
  license_key: licenseKey.optional().describe('The licence that uses it; or the header X-License-Key.'),
  license_id: identifier.optional().describe('The same by its id, with an API key.'),
  customer_id: identifier
    .optional()
    .describe(
      'A customer, by our id or Stripe’s: counted on their licence in force, of the best plan where there are several.',
    ),
  product: identifier.optional().describe('For a customer, where several products have a meter of this name.'),
};

const meter = identifier.describe('A meter of the product in the catalog.');

/** Read by the meter's own rules, which say more than a schema can. */
const quantity = z
  .union([z.number(), z.string().max(40)])
  .describe('In the meter’s unit: a number, or a decimal as text such as "2.5".');

const eventId = z
  .string()
  .min(1)
  .max(200)
  .describe('Unique for this owner and meter: sent again, the event is counted once.');

/** One use. */
export const usageEvent = z.object({
  id: eventId,
  meter,
  ...whose,
  quantity: quantity.optional().describe('Left out for meters that count: 1.'),
  at: z.iso
    .datetime({ offset: true })
    .optional()
    .describe('When it happened, up to 35 days ago; left out, now. It counts in the period it happened in.'),
  enforce: z
    .boolean()
    .default(true)
    .describe('false for use that has happened and must not be lost: it is counted even where a limit is reached.'),
  properties: z
    .record(z.string().max(100), z.unknown())
    .optional()
    .describe(
      'What tells uses apart. route (a pattern), method, status and duration_ms are what analytics read. No personal data.',
    ),
});

export type UsageEventInput = z.infer<typeof usageEvent>;

/** The most events in one call. */
export const MOST_EVENTS = 1_000;

// Each event is looked at by itself, so that one that is wrong does not spoil the others; the schema is only told of.
const { $schema: _dialect, ...described } = z.toJSONSchema(usageEvent, { io: 'input' });
const anyEvent = z.unknown().meta(described);

export const usageBody = z.union([
  z.array(anyEvent).min(1).max(MOST_EVENTS),
  z.record(z.string(), z.unknown()).meta(described),
]);

export const usageAnswer = z.object({
  accepted: z.int().describe('Counted now.'),
  duplicates: z.int().describe('Counted before, under the same id.'),
  rejected: z.array(
    z.object({
      id: z.string().nullable(),
      index: z.int().describe('Its place in the array.'),
      code: z.string().describe('A code of the errors.'),
      detail: z.string(),
      path: z.string().optional(),
    }),
  ),
});

export const checkBody = z.object({
  meter,
  ...whose,
  quantity: quantity.optional().describe('1 unless said.'),
  reserve: z
    .boolean()
    .default(false)
    .describe('Keeps the quantity until it is finalized, released or its time is over.'),
  hold_seconds: z.int().min(1).max(86_400).default(300),
});

const because = z.array(z.object({ rule: z.string(), passed: z.boolean(), detail: z.string() }));

export const checkAnswer = z.object({
  allowed: z.boolean(),
  code: z.string().describe('VALID, LIMIT_REACHED, NO_CREDIT, or why the licence is not in force.'),
  remaining: z.number().describe('What may still be used before a limit, or a price, is met; -1 is without limit.'),
  limit: z.number().describe('What the period includes; -1 is without limit.'),
  resets_at: z.string().nullable(),
  because,
  reservation_id: z.string().nullable(),
});

export const reservationParams = z.object({ id: identifier });

export const finalizeBody = z
  .object({
    license_key: licenseKey.optional(),
    id: eventId.optional().describe('The event’s id; the reservation’s own, unless said.'),
    quantity: quantity.optional().describe('What was used of it: all, unless said. The rest is given back.'),
    properties: z.record(z.string().max(100), z.unknown()).optional(),
  })
  .nullish();

export const releaseBody = z.object({ license_key: licenseKey.optional() }).nullish();

export const reservationAnswer = z.object({
  object: z.literal('reservation'),
  id: z.string(),
  status: z.enum(['finalized', 'released']),
  code: z.string().describe('done, or exists where it was done before.'),
  quantity: z.number(),
  remaining: z.number(),
  resets_at: z.string().nullable(),
});

export const correctionBody = z.object({
  ...whose,
  meter,
  id: eventId.describe('The correction’s own id.'),
  reverses: eventId.describe('The id of the event that is taken back.'),
  quantity: quantity.optional().describe('How much of it; all that is left of it, unless said.'),
});

export const correctionAnswer = z.object({
  object: z.literal('usage_correction'),
  id: z.string(),
  reverses: z.string(),
  code: z.string(),
  quantity: z.number(),
  remaining: z.number(),
});

export const limitsQuery = z.object({ ...whose, meter: meter.optional() });

const standing = z.object({
  object: z.literal('usage_limit'),
  product: z.string(),
  meter: z.string(),
  unit: z.string(),
  license_id: z.string().nullable(),
  customer_id: z.string().nullable(),
  plan: z.string().nullable(),
  limit: z.enum(['hard', 'overage', 'soft', 'prepaid']).describe('What happens past what is available.'),
  included: z.number().describe('In this period; -1 is without limit.'),
  used: z.number(),
  remaining: z.number().describe('What is available, bought and granted amounts among it; -1 is without limit.'),
  reserved: z.number().describe('Held by reservations beyond what is included.'),
  overage: z.number().describe('Beyond it, and billed.'),
  overage_cost: z.object({ amount_cents: z.int(), currency: z.string() }).nullable(),
  uncovered: z.number().describe('Beyond it, and noted only.'),
  ceiling: z.number().nullable(),
  percentage: z.number().nullable().describe('Of what is included; null where nothing is, or without limit.'),
  period: z.object({ start: z.string(), end: z.string() }),
  resets_at: z.string().nullable(),
});

export const limitsAnswer = z.object({ data: z.array(standing), has_more: z.literal(false), next: z.null() });

export const standingAnswer = standing;

export const allowanceBody = z
  .object({
    ...whose,
    meter,
    included: z
      .union([z.number(), z.string().max(40)])
      .nullable()
      .optional()
      .describe('In each period, in the meter’s unit; -1 is without limit, null is the plan’s.'),
    limit: z.enum(['hard', 'overage', 'soft']).nullable().optional().describe('null is the plan’s.'),
    ceiling: z
      .union([z.number(), z.string().max(40)])
      .nullable()
      .optional()
      .describe('How much of a period may be used at most; -1 is none, null is the plan’s.'),
  })
  .describe('What is left out is the plan’s. All left out: the plan alone counts again.');
