import {
  countSlots,
  hourMs,
  LatchkeyError,
  nextSlotStart,
  SLOT_LENGTHS,
  type SlotLength,
  slotStart,
} from '@latchkey/core';
import { z } from 'zod';
import type { UseSpan } from './use-repository.ts';

const instant = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);
const identifier = z.string().min(1).max(100);

export const spanQuery = z.object({
  from: instant.optional().describe('Of the hour it is in. Left out: 48 hours, 30 days or 12 months before `to`.'),
  to: instant.optional().describe('Up to the end of the hour it is in; left out: now.'),
  by: z.enum(SLOT_LENGTHS).default('day').describe('The length of a slot, in UTC.'),
  format: z.enum(['json', 'csv']).optional().describe('Or by the header Accept.'),
});

export const seriesQuery = spanQuery.extend({
  license_key: z.string().min(1).max(2_048).optional().describe('Better in the header X-License-Key.'),
  license_id: identifier.optional(),
  customer_id: identifier.optional().describe('Our id, or Stripe’s: what is the customer’s own.'),
  product: identifier.optional(),
  meter: identifier.optional(),
  group: z.enum(['route']).optional().describe('`route`: each route on its own, too, with how long its events took.'),
});

export const analyticsQuery = spanQuery.extend({
  product: identifier.optional(),
  meter: identifier.optional(),
  top: z.coerce.number().int().min(1).max(100).default(10).describe('Customers that are named.'),
  table: z.enum(['slots', 'routes', 'customers']).default('slots').describe('Which table, for CSV.'),
});

const figures = {
  events: z.number(),
  failed: z.number().describe('Events with a status of 500 or above.'),
  quantity: z.number().describe('In the meter’s unit: added up, their number, the greatest or the last value.'),
  covered: z.number().describe('Taken from a balance, or within what the plan includes.'),
  overage: z.number().describe('Beyond it, and billed.'),
  uncovered: z.number().describe('Beyond it, and noted only.'),
};

const slot = z.object({ start: z.string(), end: z.string(), ...figures });

const trend = z
  .object({
    per_slot: z.number().describe('What each slot adds to the one before, by least squares over slots that are over.'),
    rate: z.number().nullable().describe('The same as a share of an average slot.'),
    direction: z.enum(['rising', 'falling', 'steady']),
  })
  .nullable()
  .describe('Null for fewer than three slots that are over.');

const latency = z
  .object({
    timed: z.number().describe('Events that say how long they took.'),
    mean_ms: z.number(),
    p50_ms: z.number().describe('Percentiles are at most a thirty-second of themselves from the exact ones.'),
    p95_ms: z.number(),
    p99_ms: z.number(),
  })
  .nullable();

const route = z.object({ method: z.string().nullable(), route: z.string().nullable(), ...figures, latency });

const period = z
  .object({
    starts_at: z.string(),
    ends_at: z.string(),
    plan: z.string().nullable(),
    used: z.number(),
    included: z.number().describe('-1 is without limit.'),
    limit: z.string(),
    projected: z.number().nullable().describe('What is used at its end, going on as on average since its start.'),
    projected_overage: z.number().nullable(),
    projected_overage_cents: z.number().nullable(),
    currency: z.string().nullable(),
  })
  .nullable()
  .describe('The billing period that is running; null before its first use.');

const span = { from: z.string(), to: z.string(), by: z.enum(SLOT_LENGTHS) };

export const seriesAnswer = z.object({
  object: z.literal('usage_series'),
  ...span,
  data: z.array(
    z.object({
      product: z.string(),
      meter: z.string(),
      unit: z.string(),
      license_id: z.string().nullable(),
      customer_id: z.string().nullable(),
      total: z.object(figures),
      trend,
      period,
      slots: z.array(slot),
      routes: z.array(route.extend({ slots: z.array(slot).optional() })).optional(),
    }),
  ),
});

export const analyticsAnswer = z.object({
  object: z.literal('usage_analytics'),
  as_of: z.string(),
  ...span,
  data: z.array(
    z.object({
      product: z.string(),
      meter: z.string(),
      unit: z.string(),
      aggregation: z.enum(['sum', 'count', 'max', 'last']),
      total: z.object(figures),
      trend,
      month: z
        .object({ starts_at: z.string(), ends_at: z.string(), quantity: z.number(), projected: z.number().nullable() })
        .describe('The calendar month that is running, in UTC.'),
      slots: z.array(slot),
      latency,
      routes: z.array(route).describe('The one that used most first; a hundred at most.'),
      customers: z
        .array(
          z.object({
            customer_id: z.string().nullable(),
            license_id: z.string().nullable().describe('For a licence that is nobody’s.'),
            email: z.string().nullable(),
            ...figures,
          }),
        )
        .describe('Whoever used most first.'),
      hours_of_day: z
        .array(z.object({ hour: z.int(), events: z.number(), quantity: z.number() }))
        .describe('Over the whole time, by the hour of the day in UTC, where anything was used.'),
    }),
  ),
});

/** Slots that one series may have: six weeks of hours. */
const MOST_SLOTS = 1_010;

/** The span that a query means, in whole hours. Throws `invalid_request`. */
export function spanOf(query: z.infer<typeof spanQuery>, now: Date): UseSpan & { by: SlotLength } {
  const { by } = query;
  const to = query.to === undefined ? now : new Date(query.to);
  const from = query.from === undefined ? usualStart(to, by) : new Date(query.from);
  if (from >= to) throw new LatchkeyError('invalid_request', '`from` must be before `to`.', { path: 'from' });
  const start = slotStart(from, 'hour');
  const end = new Date(Math.ceil(to.getTime() / hourMs) * hourMs);
  if (countSlots(start, end, by, MOST_SLOTS) > MOST_SLOTS) {
    const detail = `That is more than ${MOST_SLOTS} slots. Ask for a shorter time, or longer slots.`;
    throw new LatchkeyError('invalid_request', detail, { path: 'from' });
  }
  return { from: start, to: end, by };
}

/** The beginning of a slot, so that the first one is whole. */
function usualStart(to: Date, by: SlotLength): Date {
  if (by === 'month') return new Date(Date.UTC(to.getUTCFullYear(), to.getUTCMonth() - 11, 1));
  const hours = by === 'hour' ? 47 : 29 * 24;
  return slotStart(new Date(to.getTime() - hours * hourMs), by);
}

/** The calendar month of an instant. */
export function monthOf(now: Date): UseSpan {
  return { from: slotStart(now, 'month'), to: nextSlotStart(now, 'month') };
}
