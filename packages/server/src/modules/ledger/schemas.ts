import { LEDGER_CODES } from '@latchkey/core';
import { z } from 'zod';
import { pageQuery } from '../../http/paging.ts';

const identifier = z.string().min(1).max(100);
const instant = z.iso.datetime({ offset: true });

const whose = {
  license_key: z
    .string()
    .min(1)
    .max(2_048)
    .optional()
    .describe('Better in the header X-License-Key than in an address.'),
  license_id: identifier.optional(),
  customer_id: identifier
    .optional()
    .describe('Our id, or Stripe’s: what is the customer’s own, and of none of their licences.'),
};

const product = identifier.optional().describe('For a customer, where several products have a meter of this name.');
const meter = identifier.describe('A meter of the product in the catalog.');

/** Read by the meter's own rules, which say more than a schema can. */
const quantity = z
  .union([z.number(), z.string().max(40)])
  .describe('In the meter’s unit, above zero: a number, or a decimal as text such as "2.5".');

const operationKey = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._:/@+-]{0,199}$/,
    'must begin with a letter or digit and have 1 to 200 of A-Z a-z 0-9 . _ : / @ + -',
  )
  .describe('Names this operation on this balance for ever: sent again it changes nothing and answers what it did.');

const reason = z.string().trim().min(1).max(500).optional().describe('Kept with the entry. No personal data.');

export const balancesQuery = z.object({ ...whose, product, meter: meter.optional() });

export const statementQuery = z.object({
  ...whose,
  product,
  meter,
  limit: pageQuery.shape.limit,
  after: z
    .string()
    .regex(/^\d{1,16}$/, 'must be what an earlier page answered as next')
    .optional(),
});

const change = { ...whose, product, meter, operation_key: operationKey, reason };

export const grantBody = z.object({
  ...change,
  quantity,
  source: z.enum(['granted', 'included', 'purchased']).default('granted'),
  expires_at: instant.nullable().optional().describe('From then on it cannot be used; null, or left out, is for ever.'),
  priority: z
    .int()
    .min(0)
    .max(1_000)
    .optional()
    .describe('Lower is used first. Left out: included 10, granted 20, purchased 30.'),
});

export const correctionBody = z
  .object({
    ...change,
    quantity: quantity.optional(),
    reverses: operationKey
      .optional()
      .describe(
        'The operation_key of a use that is undone, or as much of it as quantity says. Else quantity is taken away.',
      ),
  })
  .refine(({ quantity: some, reverses }) => some !== undefined || reverses !== undefined, {
    message: 'name the quantity that is taken away, or the use that is undone',
    path: ['quantity'],
  });

export const deductionBody = z.object({ ...change, quantity });

const because = z.array(z.object({ rule: z.string(), passed: z.boolean(), detail: z.string() }));

const owner = {
  product: z.string(),
  meter: z.string(),
  unit: z.string().nullable(),
  license_id: z.string().nullable(),
  customer_id: z.string().nullable(),
};

export const changeAnswer = z.object({
  object: z.literal('balance_operation'),
  operation_key: z.string(),
  ...owner,
  code: z.enum(LEDGER_CODES).describe('done, or exists where it was done before.'),
  quantity: z.number().describe('What was moved.'),
  available: z.number().describe('What is available now.'),
  because,
});

const lot = z.object({
  id: z.string().describe('The operation_key that granted it.'),
  source: z.enum(['included', 'purchased', 'granted']),
  quantity: z.number(),
  available: z.number(),
  reserved: z.number(),
  priority: z.int(),
  expires_at: z.string().nullable(),
});

const balance = z.object({
  object: z.literal('balance'),
  ...owner,
  available: z.number(),
  reserved: z.number(),
  granted: z.number().describe('All that was ever given.'),
  used: z.number(),
  expired: z.number().describe('What was not used in time.'),
  returned: z.number().describe('What was taken back.'),
  lots: z.array(lot).describe('Those with something left, in the order in which they are used.'),
});

export const balancesAnswer = z.object({ data: z.array(balance), has_more: z.literal(false), next: z.null() });

const entry = z.object({
  object: z.literal('balance_entry'),
  number: z.int().describe('1, 2, 3 … on this balance, without a gap.'),
  operation_key: z.string().describe('Beginning with ~ where it happened by itself.'),
  kind: z.string(),
  quantity: z.number(),
  change: z.number().describe('What it did to what is available. All of them add up to it.'),
  available: z.number().describe('What was available after it.'),
  from: z.string(),
  to: z.string(),
  at: z.string(),
  reason: z.string().nullable(),
  subject: z.string().nullable().describe('The reservation, grant or use it is about.'),
  lots: z.array(z.object({ id: z.string(), quantity: z.number() })),
});

export const statementAnswer = z.object({ data: z.array(entry), has_more: z.boolean(), next: z.string().nullable() });

export const proofQuery = z.object({
  after: z.string().max(500).optional().describe('next of the call before.'),
  limit: z.coerce.number().int().min(1).max(1_000).default(200).describe('Accounts that are proven in this call.'),
});

export const proofAnswer = z.object({
  balanced: z.boolean().describe('Every account of this call is what its journal adds up to.'),
  accounts: z.int(),
  transfers: z.int(),
  discrepancies: z.array(z.object({ account: z.string(), number: z.int().nullable(), detail: z.string() })),
  has_more: z.boolean(),
  next: z.string().nullable(),
});
