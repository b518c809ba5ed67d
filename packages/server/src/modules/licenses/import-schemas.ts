import { LICENSE_STATUSES } from '@latchkey/core';
import { z } from 'zod';
import { LONGEST_KEY } from './keys.ts';
import { instant } from './schemas.ts';

/** Rows of one import request, and licences of one bulk issue. */
export const MOST_ROWS = 500;

const identifier = z.string().min(1).max(100);
const reference = z.string().min(1).max(200);

const metadata = z
  .record(z.string().min(1).max(40), z.string().max(500))
  .refine((value) => Object.keys(value).length <= 50, 'at most 50 entries');

const machine = z.strictObject({
  fingerprint: z.string().trim().min(1).max(255),
  name: z.string().trim().min(1).max(255).optional(),
});

const machines = z
  .array(machine)
  .max(1_000)
  .refine(
    (list) => new Set(list.map(({ fingerprint }) => fingerprint)).size === list.length,
    'a machine is named twice',
  );

const line = z
  .int()
  .min(1)
  .describe('Where the row stands in the file; answered as it is. Left out: its place in `rows`.');

/** One licence that exists elsewhere, or is to exist. */
export const importRow = z.strictObject({
  line: line.optional(),
  key: z
    .string()
    .min(1)
    .max(LONGEST_KEY * 2)
    .optional()
    .describe('The key its holder has; it stays valid, whatever its format. Left out: a new one is made.'),
  product: identifier,
  plan: identifier.optional().describe('Left out: the only plan of the product.'),
  reference: reference
    .optional()
    .describe('Your own name for the row: imported once for each. Needed where there is no key.'),
  email: z.email().max(254).optional(),
  name: z.string().trim().min(1).max(255).optional(),
  customer_external_id: z.string().min(1).max(255).optional().describe('Your own id of the customer.'),
  stripe_customer_id: z
    .string()
    .regex(/^cus_\w{1,250}$/, "must be Stripe's id of a customer (cus_…)")
    .optional(),
  starts_at: instant.optional().describe('Left out: now.'),
  expires_at: instant.nullable().optional().describe("Left out: the plan's own term. null: never."),
  max_machines: z.int().min(-1).max(1_000_000_000).optional().describe("Left out: the plan's. -1 is unlimited."),
  status: z
    .enum(LICENSE_STATUSES)
    .optional()
    .describe('suspended and revoked become a hold of the vendor; the others follow from the dates.'),
  metadata: metadata.optional(),
  machines: machines.optional().describe('Machines that are activated; each takes a seat.'),
});

export type ImportRow = z.infer<typeof importRow>;

// A row is checked by itself, so that a bad one is reported and the others are imported: here it is only described.
const { $schema: _, ...rowReference } = z.toJSONSchema(importRow, { io: 'input' });

export const importBody = z.object({
  rows: z
    .array(z.unknown().meta(rowReference as Record<string, unknown>))
    .min(1)
    .max(MOST_ROWS),
  dry_run: z.boolean().default(false).describe('Answer what would become of the rows, and write nothing.'),
  accept_foreign_keys: z
    .boolean()
    .default(false)
    .describe("Also import keys that look like ones of a product's scheme and that no live secret made."),
});

const outcome = z.object({
  line: z.int(),
  outcome: z.enum(['imported', 'unchanged', 'refused']),
  id: z.string().optional().describe('The licence; left out of a dry run where it does not exist yet.'),
  code: z.string().optional().describe('Why the row was refused.'),
  detail: z.string().optional(),
  path: z.string().optional().describe('The field at fault.'),
});

export type ImportOutcome = z.infer<typeof outcome>;

export const importAnswer = z.object({
  imported: z.int(),
  unchanged: z.int(),
  refused: z.int(),
  dry_run: z.boolean(),
  rows: z.array(outcome).describe('One for each row, in the order they were sent.'),
});

export const bulkBody = z.object({
  product: identifier,
  plan: identifier.optional().describe('Left out: the only plan of the product.'),
  count: z.int().min(1).max(MOST_ROWS),
  reference: reference.describe('Issued once for each: asked again, the same licences are answered.'),
  expires_at: instant.nullable().optional().describe("Left out: the plan's own term. null: never."),
  metadata: metadata.optional(),
});

export type BulkOrder = z.infer<typeof bulkBody>;

export const bulkAnswer = z.object({
  reference: z.string(),
  repeated: z.boolean().describe('Whether they were issued before, for the same reference.'),
  data: z.array(z.object({ id: z.string(), key: z.string() })),
});

export const exportQuery = z.object({
  product: identifier.optional(),
  status: z.enum(LICENSE_STATUSES).optional(),
  format: z.enum(['csv', 'jsonl']).default('csv'),
  keys: z.enum(['true', 'false']).default('false').describe('With the keys in clear: admins only.'),
});
