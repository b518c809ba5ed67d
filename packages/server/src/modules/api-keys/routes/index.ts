import { LatchkeyError } from '@latchkey/core';
import { z } from 'zod';
import { decodeCursor, type Http, pageQuery, toPage } from '../../../http/index.ts';
import type { Clock } from '../../../ports.ts';
import type { ApiKey } from '../repository.ts';
import { apiKeyBody, apiKeyPage, apiKeySchema, createdApiKeySchema } from '../schemas.ts';
import type { ApiKeys } from '../service.ts';

const tags = ['Operations'];
const config = { access: 'admin' } as const;

/** `/v1/api-keys`: create, list and revoke. */
export function registerApiKeyRoutes(http: Http, { apiKeys, clock }: { apiKeys: ApiKeys; clock: Clock }): void {
  http.post(
    '/v1/api-keys',
    {
      config,
      schema: { summary: 'Create an API key', tags, body: apiKeyBody, response: { 201: createdApiKeySchema } },
    },
    async (request, reply) => {
      const { name, scopes, expires_at: expires } = request.body;
      const expiresAt = expires == null ? null : new Date(expires);
      if (expiresAt !== null && expiresAt <= clock.wall()) {
        throw new LatchkeyError('invalid_request', 'expires_at is in the past.', { path: 'expires_at' });
      }
      const { apiKey, secret } = await request.write((transaction) =>
        apiKeys.create(transaction, { name, scopes, expiresAt }),
      );
      return reply.code(201).send({ ...present(apiKey), key: secret });
    },
  );
  http.get(
    '/v1/api-keys',
    { config, schema: { summary: 'List API keys', tags, querystring: pageQuery, response: { 200: apiKeyPage } } },
    async ({ query: { limit, after } }) => {
      const rows = await apiKeys.list(decodeCursor(after), limit + 1);
      return toPage(rows, limit, ({ id, createdAt }) => ({ id, at: createdAt }), present);
    },
  );
  const params = z.object({ id: z.string().max(100) });
  http.delete(
    '/v1/api-keys/:id',
    { config, schema: { summary: 'Revoke an API key', tags, params, response: { 200: apiKeySchema } } },
    async (request) => present(await request.write((transaction) => apiKeys.revoke(transaction, request.params.id))),
  );
}

function present(apiKey: ApiKey) {
  return {
    id: apiKey.id,
    name: apiKey.name,
    hint: apiKey.hint,
    scopes: apiKey.scopes,
    created_at: apiKey.createdAt.toISOString(),
    expires_at: apiKey.expiresAt?.toISOString() ?? null,
    revoked_at: apiKey.revokedAt?.toISOString() ?? null,
    last_used_at: apiKey.lastUsedAt?.toISOString() ?? null,
  };
}
