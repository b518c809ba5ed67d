import { LICENSE_STATUSES, VALIDATION_CODES } from '@latchkey/core';
import { z } from 'zod';
import { pageQuery } from '../../http/paging.ts';
import { LONGEST_KEY } from './keys.ts';

const keyText = z
  .string()
  .min(1)
  .max(LONGEST_KEY * 2)
  .describe('The licence key; white space in it does not count.');

const fingerprint = z.string().trim().min(1).max(255).describe('What the machine calls itself, the same each time.');

const metadata = z
  .record(z.string().min(1).max(40), z.string().max(500))
  .refine((value) => Object.keys(value).length <= 50, 'at most 50 entries');

const machine = z.object({
  fingerprint,
  name: z.string().trim().min(1).max(255).optional(),
  components: z.record(z.string().min(1).max(64), z.string().max(255)).optional(),
});

const identifier = z.string().min(1).max(100);

export const instant = z.iso.datetime({ offset: true });

export const validateBody = z.object({
  key: keyText,
  product: identifier.optional().describe('Refuse a key of another product.'),
  machine: machine.pick({ fingerprint: true, components: true }).optional(),
  entitlements: z.array(identifier).max(100).optional().describe('Features that must be included.'),
});

export const activateBody = z.object({ key: keyText, machine, product: identifier.optional() });

export const deactivateBody = z.object({ key: keyText, machine: machine.pick({ fingerprint: true }).optional() });

export const issueBody = z.object({
  product: identifier,
  plan: identifier.optional().describe('Left out: the only plan of the product.'),
  email: z.email().max(254).optional().describe('Whose licence it is; a customer is made for a new address.'),
  customer_id: identifier.optional(),
  expires_at: instant.nullable().optional().describe("Left out: the plan's own term. null: never."),
  metadata: metadata.optional(),
});

export const renewBody = z.object({
  expires_at: instant.optional().describe("Left out: one more of the plan's terms."),
});

export const reasonBody = z.object({ reason: z.string().trim().min(1).max(500).optional() });

export const transferBody = z
  .object({ customer_id: identifier.optional(), email: z.email().max(254).optional() })
  .refine(
    (body) => (body.customer_id === undefined) !== (body.email === undefined),
    'name either customer_id or email',
  );

export const resendBody = z.object({ email: z.email().max(254) });

export const listQuery = pageQuery.extend({
  status: z.enum(LICENSE_STATUSES).optional(),
  product: identifier.optional(),
  customer: identifier.optional().describe("A customer's id."),
  email: z.string().max(254).optional(),
});

const status = z.enum(LICENSE_STATUSES);

const reason = z.object({ rule: z.string(), passed: z.boolean(), detail: z.string() });

export const shortLicense = z.object({
  id: z.string(),
  product: z.string(),
  plan: z.string(),
  expires_at: z.string().nullable(),
  max_machines: z.number(),
  machines_used: z.number(),
});

export const decisionAnswer = z.object({
  valid: z.boolean(),
  code: z.enum(VALIDATION_CODES),
  detail: z.string(),
  because: z
    .array(reason)
    .describe('The rules that were looked at, in order; a refusal names the one that decided last.'),
  license: shortLicense.optional(),
});

const activation = z.object({
  id: z.string(),
  fingerprint: z.string(),
  name: z.string().nullable(),
  created_at: z.string(),
});

export const activationAnswer = decisionAnswer.extend({ activation: activation.nullable() });

export const licenseAnswer = shortLicense.extend({
  object: z.literal('license'),
  status,
  key_hint: z.string().describe('The last four characters of the key.'),
  customer_id: z.string().nullable(),
  subscription_id: z.string().nullable(),
  starts_at: z.string(),
  holds: z.array(
    z.object({
      cause: z.string(),
      effect: z.string(),
      effective_at: z.string().describe('From when it withholds access; ahead while a grace time runs.'),
      reason: z.string().nullable(),
    }),
  ),
  machines: z.array(activation),
  metadata: z.record(z.string(), z.string()),
  created_at: z.string(),
  updated_at: z.string(),
});

export const issuedAnswer = licenseAnswer.extend({ key: z.string() });

export const statisticsAnswer = z.object({
  total: z.number(),
  active: z.number().describe('In force, those in grace included.'),
  grace: z.number(),
  expired: z.number(),
  suspended: z.number(),
  revoked: z.number(),
  not_started: z.number(),
});
