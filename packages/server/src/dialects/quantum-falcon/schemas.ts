import { z } from 'zod';

const days = z
  .int()
  .refine((value) => value === -1 || (value >= 1 && value <= 36_500), 'must be 1 to 36500 days, or -1');

/** What is missing is told by `from-wire`, in the words that callers know. */
export const generateBody = z
  .object({
    userId: z.string().max(200).nullish().describe('Required. Whoever the key is for, by the id you know them by.'),
    userEmail: z.email().max(254).nullish(),
    tier: z.string().max(100).nullish().describe('Required. A plan of the product.'),
    duration: days.nullish().describe("Days; -1 is for life. Left out: the tier's own."),
    paymentIntentId: z.string().max(255).nullish().describe('Kept with the licence and answered.'),
  })
  .nullish();

export const generateAnswer = z.object({
  success: z.literal(true),
  license: z.string().describe('QF-<TIER>-<12 hexadecimal digits>-<second>'),
  tier: z.string(),
  userId: z.string(),
  userEmail: z.string().nullable(),
  expiresAt: z.number().describe('Milliseconds; a hundred years on for a licence for life.'),
  generatedAt: z.number(),
  paymentIntentId: z.string().nullable(),
  features: z.array(z.string()).describe("The tier's own, then what it has from the tiers below."),
});

export const verifyBody = z
  .object({
    license: z.string().max(2_048).nullish().describe('Required.'),
    timestamp: z.number().nullish().describe("The caller's clock, in milliseconds."),
  })
  .nullish();

const clockFields = {
  serverTime: z.number().optional().describe('Our clock, where yours was sent.'),
  clockSkewMs: z.number().optional().describe('How far yours is ahead, where it is more than five minutes off.'),
};

export const verifiedAnswer = z.object({
  valid: z.literal(true),
  tier: z.string(),
  expiresAt: z.number(),
  userId: z.string(),
  features: z.array(z.string()),
  code: z.string(),
  ...clockFields,
});

export const refusedAnswer = z.object({ valid: z.literal(false), error: z.string(), code: z.string(), ...clockFields });
