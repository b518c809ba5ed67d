import { SESSION_CODES } from '@latchkey/core';
import { z } from 'zod';
import { pageQuery } from '../../http/paging.ts';

const identifier = z.string().min(1).max(100);
const licenseKey = z
  .string()
  .min(1)
  .max(2_048)
  .optional()
  .describe('Of the licence that is used. Better in the header X-License-Key than in an address.');
const licenseId = identifier.optional().describe('For the vendor, in the place of the key.');

export const startBody = z.object({
  license_key: licenseKey,
  license_id: licenseId,
  meter: identifier.optional().describe('Left out: the meter by which use of the product is timed.'),
  session_id: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._:-]{0,199}$/,
      'must begin with a letter or digit and have 1 to 200 of A-Z a-z 0-9 . _ : -',
    )
    .optional()
    .describe('Your own name for the session: while one of this name runs, it goes on instead of another beginning.'),
});

export const touchBody = z.object({ license_key: licenseKey }).nullish();

export const sessionParams = z.object({ id: identifier });

export const sessionQuery = z.object({ license_key: licenseKey });

export const listQuery = pageQuery.extend({ license_key: licenseKey, license_id: licenseId });

export const sessionAnswer = z.object({
  id: z.string(),
  object: z.literal('usage_session'),
  status: z.enum(['running', 'ended']),
  code: z.enum(SESSION_CODES).describe('RUNNING, or why it ended.'),
  detail: z.string(),
  session_id: z.string().nullable().describe('The client’s own name for it.'),
  license_id: z.string(),
  product: z.string(),
  meter: z.string(),
  unit: z.string(),
  started_at: z.string(),
  last_seen_at: z.string(),
  ended_at: z.string().nullable(),
  vanishes_at: z.string().nullable().describe('When it ends by itself, if nothing is heard of it.'),
  interval_seconds: z.int().describe('How often use is deducted.'),
  heartbeat_seconds: z
    .int()
    .nullable()
    .describe('In how many seconds the next heartbeat should come; null once ended.'),
  deductions: z.int(),
  used: z.number().describe('What it deducted so far, in the meter’s unit.'),
  used_seconds: z.number(),
  remaining: z.number().describe('What its licence has available now, in the meter’s unit.'),
  remaining_seconds: z.number(),
});
