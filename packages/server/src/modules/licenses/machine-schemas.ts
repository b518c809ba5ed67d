import { z } from 'zod';
import { pageQuery } from '../../http/paging.ts';

const identifier = z.string().min(1).max(100);
const reason = z.string().trim().min(1).max(500).optional().describe('The owner is told.');

export const releaseLinkBody = z.object({ email: z.email().max(254) });

export const releaseMachineBody = z.object({ machine: identifier.describe('The id of the activation.') });

export const requestsQuery = pageQuery.extend({
  status: z.enum(['pending', 'approved', 'denied']).optional(),
  license: identifier.optional(),
});

export const approveBody = z.object({
  release: identifier
    .optional()
    .describe('The activation that goes out for it. Left out: the oldest, where no seat is free.'),
  reason,
});

export const denyBody = z.object({ reason });

export const requestAnswer = z.object({
  object: z.literal('reactivation_request'),
  id: z.string(),
  license_id: z.string(),
  fingerprint: z.string(),
  name: z.string().nullable(),
  status: z.enum(['pending', 'approved', 'denied']),
  reason: z.string().nullable(),
  created_at: z.string(),
  decided_at: z.string().nullable(),
  decided_by: z.string().nullable(),
});

export const decidedAnswer = requestAnswer.extend({
  released: z.array(z.string()).describe('Fingerprints of the machines that went out for it.'),
});
