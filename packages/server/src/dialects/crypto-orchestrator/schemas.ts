/** What the calls take and answer. What a request says beyond this is ignored. */

import { z } from 'zod';

const key = z.string().trim().min(1).max(2_048).describe('CO-XXXXXXXX-XXXXXXXX-XXXXXXXX-XXXXXXXX');
const machineId = z.string().trim().min(1).max(255).describe('What the machine calls itself, the same each time.');
const tier = z.string().min(1).max(100);
const email = z.email().max(254);

export const customerBody = z.object({
  email,
  name: z.string().trim().min(1).max(255).optional(),
  user_id: z
    .union([z.string().min(1).max(255), z.int().nonnegative().transform(String)])
    .optional()
    .describe("Your id of them, which is the `sub` of their token. Beyond the document's fields."),
});

export const customerAnswer = z.object({
  customer_id: z.string().describe('cus_…'),
  email: z.string().nullable(),
  name: z.string().nullable(),
});

const stripeId = z.string().regex(/^\w{1,255}$/, 'An id has letters, digits and underscores.');

export const subscriptionBody = z.object({
  tier: tier.describe('free, basic, pro or enterprise'),
  payment_method_id: stripeId.nullish().describe('A pm_… that a page made. Left out, the customer pays in a page.'),
  customer_id: stripeId
    .optional()
    .describe('Whom the vendor subscribes; with a customer’s own token it is they themself.'),
});

export const subscriptionAnswer = z.object({
  subscription_id: z.string().nullable().describe('sub_…; null for the free tier, which Stripe does not know.'),
  status: z.string(),
  tier: z.string(),
  license_key: z.string().nullable().describe('Null until it is paid for the first time.'),
});

export const pendingAnswer = subscriptionAnswer.extend({
  requires_action: z.literal(true),
  client_secret: z.string().describe('With which Stripe’s script in a page has the customer pay.'),
  publishable_key: z.string().nullable(),
});

export const generateBody = z.object({
  user_id: z.union([z.string().min(1).max(255), z.int().nonnegative().transform(String)]),
  license_type: tier.describe('trial, basic, pro or enterprise'),
  expires_at: z
    .union([z.iso.datetime({ offset: true, local: true }), z.iso.date()])
    .nullish()
    .describe('Null: when the type says, which for a trial is in 14 days. Without an offset it is UTC.'),
});

/** What a licence gives: in every answer about one. */
const terms = {
  license_type: z.string(),
  expires_at: z.string().nullable(),
  max_bots: z.int().describe('-1 is unlimited.'),
  features: z.array(z.string()),
};

export const generateAnswer = z.object({ license_key: z.string(), ...terms });

export const activateBody = z.object({
  license_key: key,
  machine_id: machineId,
  components: z
    .record(z.string().min(1).max(64), z.string().max(255))
    .optional()
    .describe('Parts of the machine by name, so that it stays itself when one is replaced. Kept as digests.'),
});

export const activateAnswer = z.object({ activated: z.literal(true), ...terms });

export const refusedAnswer = z.object({
  activated: z.literal(false),
  error: z.string(),
  code: z.string().describe('MACHINE_LIMIT, or the code of a validation.'),
  reactivation_request_id: z.string().optional().describe('What an admin approves to let this machine in.'),
});

export const approvedAnswer = z.object({
  reactivation_request_id: z.string(),
  status: z.string(),
  machine_id: z.string(),
  released_machines: z.array(z.string()).describe('What went out for it.'),
});

export const byId = z.object({ id: z.string().min(1).max(100) });

export const standingQuery = z.object({
  machine_id: machineId.optional().describe('The machine that asks; left out, machines are not looked at.'),
  license_key: key.optional().describe('Without a customer’s token. Better in the header X-License-Key.'),
});

export const validateAnswer = z.object({
  valid: z.boolean(),
  ...terms,
  license_type: z.string().nullable(),
  machine_bound: z.boolean(),
  demo_mode: z.boolean(),
  license_id: z.string().nullable(),
  code: z.string(),
  reason: z.string().optional().describe('Why it is not valid.'),
});

export const featuresAnswer = z.object({
  features: z.array(z.string()),
  flags: z.record(z.string(), z.object({ enabled: z.boolean(), message: z.string().optional() })),
  max_bots: z.int(),
  demo_mode: z.boolean(),
});
