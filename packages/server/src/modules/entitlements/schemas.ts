import { VALIDATION_CODES } from '@latchkey/core';
import { z } from 'zod';

const identifier = z.string().min(1).max(100);
const key = z.string().min(1).max(2_048);

const standing = {
  product: identifier.optional().describe('Needed without a key, where several products are sold.'),
  license_key: key.optional().describe('Better in the header X-License-Key than in an address.'),
  customer_id: identifier.optional().describe("With an API key: everything this customer's licences give."),
};

export const entitlementsQuery = z.object({
  ...standing,
  fingerprint: z.string().trim().min(1).max(255).optional().describe('The machine that asks.'),
});

const machine = z.object({
  fingerprint: z.string().trim().min(1).max(255),
  components: z.record(z.string().min(1).max(64), z.string().max(255)).optional(),
});

export const checkBody = z
  .object({
    ...standing,
    machine: machine.optional(),
    feature: identifier.optional(),
    limit: identifier.optional(),
    value: z.int().min(0).max(Number.MAX_SAFE_INTEGER).optional().describe('How many there would be.'),
  })
  .refine(({ feature, limit }) => (feature === undefined) !== (limit === undefined), {
    message: 'name either feature or limit',
    path: ['feature'],
  })
  .refine(({ limit, value }) => (limit === undefined) === (value === undefined), {
    message: 'limit and value go together',
    path: ['value'],
  });

const flag = z.object({ enabled: z.boolean(), message: z.string().optional() });

export const entitlementsAnswer = z.object({
  product: z.string(),
  plan: z.string().nullable().describe('The plan of the licence, where one alone decides.'),
  license_ids: z.array(z.string()),
  demo_mode: z.boolean().describe('No licence is in force, and the catalog lets the software run in demo mode.'),
  features: z.array(z.string()),
  limits: z.record(z.string(), z.number()).describe('-1 is unlimited.'),
  flags: z.record(z.string(), flag).describe('The switches the catalog names, as they stand now.'),
  code: z.enum(VALIDATION_CODES),
  detail: z.string(),
});

export const checkAnswer = z.object({
  allowed: z.boolean(),
  code: z.enum(VALIDATION_CODES),
  detail: z.string(),
  message: z.string().nullable().describe('What to say to the user, such as Upgrade to Pro.'),
  limit: z.number().nullable(),
  demo_mode: z.boolean(),
  license_ids: z.array(z.string()),
});
