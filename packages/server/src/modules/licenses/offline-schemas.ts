import { z } from 'zod';
import { decisionAnswer, validateBody } from './schemas.ts';

export const fileBody = validateBody.pick({ key: true, product: true, machine: true }).extend({
  ttl_days: z
    .int()
    .min(1)
    .max(36_525)
    .optional()
    .describe('Left out: as long as the plan allows, which is also the most.'),
  encrypt: z
    .boolean()
    .optional()
    .describe('Readable only with the licence key (and, bound to a machine, its fingerprint).'),
});

export const fileAnswer = decisionAnswer.extend({
  file: z
    .object({
      id: z.string(),
      certificate: z.string().describe('The file itself. To be kept to the letter.'),
      key_id: z.string().describe('The signing key.'),
      issued_at: z.string(),
      expires_at: z.string().nullable().describe("The file's own end. The licence's is in the file."),
      kind: z.enum(['license', 'machine']),
      encrypted: z.boolean(),
    })
    .nullable(),
});

export const revocationsAnswer = z.object({
  object: z.literal('revocation_list'),
  certificate: z.string().describe('The list itself, signed.'),
  key_id: z.string(),
  issued_at: z.string(),
  expires_at: z.string(),
  licenses: z.number().describe('How many licences it names.'),
  complete: z.boolean().describe('False where it had to be cut at its oldest entries.'),
});
