import { z } from 'zod';
import { pageOf, pageQuery } from '../../http/index.ts';

export const auditQuery = pageQuery.extend({
  subject_type: z.string().max(100).optional(),
  subject_id: z.string().max(200).optional(),
  action: z.string().max(100).optional().describe('Such as license.issued.'),
});

export const auditEntry = z
  .object({
    id: z.string(),
    at: z.iso.datetime().describe('By the domain clock.'),
    actor: z.object({ type: z.string(), id: z.string().nullable() }),
    action: z.string(),
    subject: z.object({ type: z.string(), id: z.string() }),
    detail: z.record(z.string(), z.unknown()),
    request_id: z.string().nullable(),
  })
  .meta({ id: 'AuditEntry' });

export const auditPage = pageOf(auditEntry);
