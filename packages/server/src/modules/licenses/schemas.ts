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

const days = (least: number) => z.int().min(least).max(36_525);

/** What a licence says over its plan: the fields of the catalog's `license`, by the same names. */
const policyOverride = z
  .strictObject({
    term_days: days(1).nullable(),
    term_basis: z.enum(['issue', 'first_validation', 'first_activation']),
    expiry: z.enum(['restrict', 'revoke', 'maintain', 'allow']),
    renewal_basis: z.enum(['expiry', 'now']),
    grace_days: days(0),
    require_product: z.boolean(),
    require_machine: z.boolean(),
    machine_matching: z.enum(['any', 'two', 'most', 'all']),
    machine_uniqueness: z.enum(['license', 'plan', 'product']),
    when_machines_full: z.enum(['refuse', 'request']),
    owner_release: z.strictObject({ max: z.int().min(0).max(1_000), days: z.int().min(1).max(365) }),
    expiring_notice_days: z.array(z.int().min(1).max(365)).max(10),
    offline_file_days: days(-1).nullable(),
    require_credit: identifier.nullable(),
  })
  .partial();

const limitValue = z.int().min(-1).max(1_000_000_000);

const overrideFields = {
  max_machines: limitValue.optional().describe("Left out: the plan's. -1 is unlimited."),
  policy: policyOverride.optional().describe("In the place of the plan's own `license` fields."),
  features: z.array(identifier).max(200).optional().describe("Features beside the plan's."),
  limits: z.record(identifier, limitValue).optional().describe("Limits in the place of the plan's; -1 is unlimited."),
};

export const validateBody = z.object({
  key: keyText,
  product: identifier.optional().describe('Refuse a key of another product.'),
  machine: machine.pick({ fingerprint: true, components: true }).optional(),
  entitlements: z.array(identifier).max(100).optional().describe('Features that must be included.'),
  released_at: instant
    .optional()
    .describe('When the version that asks was released: some plans end with the versions released until their end.'),
  nonce: z.string().min(1).max(200).optional().describe('Anything fresh: the answer is signed together with it.'),
});

export const activateBody = z.object({ key: keyText, machine, product: identifier.optional() });

export const deactivateBody = z.object({ key: keyText, machine: machine.pick({ fingerprint: true }).optional() });

export const issueBody = z.object({
  product: identifier,
  plan: identifier.optional().describe('Left out: the only plan of the product.'),
  email: z.email().max(254).optional().describe('Whose licence it is; a customer is made for a new address.'),
  customer_id: identifier.optional(),
  expires_at: instant.nullable().optional().describe("Left out: the plan's own term. null: never."),
  ...overrideFields,
  metadata: metadata.optional(),
});

export const updateBody = z.object({
  plan: identifier.optional().describe('Another plan of the same product.'),
  expires_at: instant.nullable().optional(),
  ...overrideFields,
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
  signature: z
    .object({
      key_id: z.string(),
      algorithm: z.literal('ed25519'),
      payload: z.string().describe('Base64 of the JSON that was signed.'),
      signature: z.string().describe('Base64 of the signature over `validation/` and the payload.'),
    })
    .optional()
    .describe('Where a nonce was sent.'),
});

const activation = z.object({
  id: z.string(),
  fingerprint: z.string(),
  name: z.string().nullable(),
  created_at: z.string(),
});

export const activationAnswer = decisionAnswer.extend({
  activation: activation.nullable(),
  reactivation_request_id: z
    .string()
    .optional()
    .describe('The machine was one too many, and the vendor has been asked to let it in.'),
});

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
  term_begins_with: z
    .enum(['first_validation', 'first_activation'])
    .nullable()
    .describe('The first use that the term waits for; null once it runs.'),
  policy: z.record(z.string(), z.unknown()).describe('What the licence says over its plan.'),
  entitlements: z.array(z.string()).describe("Features, the plan's and its own."),
  limits: z.record(z.string(), z.number()),
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
