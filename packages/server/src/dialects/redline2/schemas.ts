import { z } from 'zod';

/** Read by the meter's own rules, which say more than a schema can. */
const hours = z.union([z.number(), z.string().max(40)]).describe('Above zero, with up to six decimals.');
const licenseKey = z.string().min(1).max(2_048);
const text = z.string().trim().max(255);

export const keyParams = z.object({ key: licenseKey });

export const createLicenseBody = z.object({
  email: z.email().max(254),
  company: text.nullish(),
  name: text.nullish(),
  hours: hours.nullish().describe('To begin with. Left out: none.'),
});

export const hoursBody = z.object({ hours });

const figures = {
  hours_remaining: z.number(),
  purchased_hours: z.number(),
  used_hours: z.number(),
};

export const figuresAnswer = z.object({ license_key: z.string().describe('Masked.'), ...figures });

export const licenseAnswer = z.object({
  license_key: z.string(),
  email: z.string().nullable(),
  company: z.string().nullable(),
  name: z.string().nullable(),
  status: z.string(),
  valid: z.boolean(),
  code: z.string().describe('Why it is valid, or not.'),
  ...figures,
  created_at: z.string(),
  expires_at: z.string().nullable(),
});

export const balanceQuery = z.object({
  license_key: licenseKey.optional().describe('Better in the header X-License-Key than in an address.'),
});

const price = z.number().describe('In the currency’s major unit, such as dollars.');
const cents = z.int().describe('The same in its smallest unit.');

export const packagesAnswer = z.object({
  packages: z.array(
    z.object({ id: z.string(), name: z.string(), hours: z.number(), price, price_cents: cents, currency: z.string() }),
  ),
  hours_per_dollar: z.number(),
  currency: z.string(),
  custom_hours: z.object({ minimum: z.number(), maximum: z.number() }).nullable(),
});

export const checkoutBody = z.object({
  license_key: licenseKey,
  hours: hours.nullish(),
  package_id: z.string().max(100).nullish().describe('Or hours; both only where they say the same.'),
});

export const checkoutAnswer = z.object({
  checkout_url: z.string(),
  session_id: z.string(),
  hours: z.number(),
  amount: price,
  amount_cents: cents,
  currency: z.string(),
});

export const quoteQuery = z.object({ hours: z.string().max(40) });

export const quoteAnswer = z.object({
  hours: z.number(),
  amount: price,
  amount_cents: cents,
  currency: z.string(),
  text: z.string().describe('The amount as people write it.'),
});

export const successQuery = z.object({ session_id: z.string().max(255).optional() });

export const successAnswer = z.object({
  success: z.boolean(),
  status: z.enum(['added', 'pending']),
  license_key: z.string().describe('Masked.'),
  hours_added: z.number(),
  ...figures,
});
