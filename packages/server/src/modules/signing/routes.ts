import { createPublicKey } from 'node:crypto';
import { z } from 'zod';
import type { Http } from '../../http/index.ts';
import type { SigningKey } from './repository.ts';
import type { Signing } from './service.ts';

const TAGS = ['Offline'];
const ADMIN = { access: 'admin' } as const;

const signingKeyAnswer = z
  .object({
    object: z.literal('signing_key'),
    id: z.string().describe('The first 8 bytes of the SHA-256 of the public key, in hexadecimal.'),
    algorithm: z.literal('ed25519'),
    public_key: z.string().describe('The 32 bytes of the public key (RFC 8032) in base64.'),
    public_key_pem: z.string().describe('The same as SubjectPublicKeyInfo (RFC 8410).'),
    status: z
      .enum(['active', 'retired', 'revoked'])
      .describe('`active` signs. What `retired` keys signed holds; what `revoked` ones signed does not.'),
    created_at: z.iso.datetime(),
    retired_at: z.iso.datetime().nullable(),
    revoked_at: z.iso.datetime().nullable(),
  })
  .meta({ id: 'SigningKey' });

/** `/v1/signing-keys`: read by everybody, replaced and taken back by an admin. */
export function registerSigningKeyRoutes(http: Http, { signing }: { signing: Signing }): void {
  http.get(
    '/v1/signing-keys',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'List the public keys that sign',
        description:
          'What verifies licence files, revocation lists, signed answers and signed keys. The newest first; all of them, on one page.',
        response: { 200: z.object({ data: z.array(signingKeyAnswer) }) },
      },
    },
    async () => ({ data: (await signing.list()).map(present) }),
  );

  http.post(
    '/v1/signing-keys/rotate',
    {
      config: ADMIN,
      schema: {
        tags: TAGS,
        summary: 'Let a new key sign',
        description:
          'The key before is retired: what it signed still holds. Programs that build the public keys in need the new one.',
        response: { 201: signingKeyAnswer },
      },
    },
    async (request, reply) =>
      reply.code(201).send(present(await request.write((transaction) => signing.rotate(transaction)))),
  );

  http.post(
    '/v1/signing-keys/:id/revoke',
    {
      config: ADMIN,
      schema: {
        tags: TAGS,
        summary: 'Take a signing key back',
        description:
          'For a key that was stolen: nothing it signed holds any more, so every file it signed must be fetched anew. ' +
          'In the place of the one that signs a new one is made.',
        params: z.object({ id: z.string().max(100) }),
        response: { 200: signingKeyAnswer },
      },
    },
    async (request) => present(await request.write((transaction) => signing.revoke(transaction, request.params.id))),
  );
}

function present(key: SigningKey): z.infer<typeof signingKeyAnswer> {
  const raw = Buffer.from(key.publicKey);
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') };
  return {
    object: 'signing_key',
    id: key.id,
    algorithm: 'ed25519',
    public_key: raw.toString('base64'),
    public_key_pem: createPublicKey({ key: jwk, format: 'jwk' }).export({ format: 'pem', type: 'spki' }).toString(),
    status: key.status,
    created_at: key.createdAt.toISOString(),
    retired_at: key.retiredAt?.toISOString() ?? null,
    revoked_at: key.revokedAt?.toISOString() ?? null,
  };
}
