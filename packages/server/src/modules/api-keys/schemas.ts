import { z } from 'zod';
import { pageOf, scopes } from '../../http/index.ts';

export const apiKeyBody = z.object({
  name: z.string().trim().min(1).max(100).describe('What will use the key, for those who look at the list later.'),
  scopes: z.array(z.enum(scopes)).min(1).describe('What it may do.'),
  expires_at: z.iso.datetime().nullish(),
});

export const apiKeySchema = z
  .object({
    id: z.string(),
    name: z.string(),
    hint: z.string().describe('How the key ends.'),
    scopes: z.array(z.string()),
    created_at: z.iso.datetime(),
    expires_at: z.iso.datetime().nullable(),
    revoked_at: z.iso.datetime().nullable(),
    last_used_at: z.iso.datetime().nullable().describe('To the minute.'),
  })
  .meta({ id: 'ApiKey' });

export const createdApiKeySchema = apiKeySchema
  .extend({ key: z.string().describe('The key itself: shown this once.') })
  .meta({ id: 'CreatedApiKey' });

export const apiKeyPage = pageOf(apiKeySchema);
