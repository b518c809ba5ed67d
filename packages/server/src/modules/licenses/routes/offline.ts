import type { Http, HttpReply } from '../../../http/types.ts';
import type { LicenseFiles } from '../files.ts';
import { fileAnswer, fileBody, revocationsAnswer } from '../offline-schemas.ts';
import type { Revocations } from '../revocations.ts';
import { shortView } from '../views.ts';
import { countGuess } from './guessing.ts';

export interface OfflineRoutes {
  licenseFiles: LicenseFiles;
  revocations: Revocations;
}

const TAGS = ['Offline'];

/** What lets a licence be verified without the server. */
export function offlineRoutes(http: Http, { licenseFiles, revocations }: OfflineRoutes): void {
  http.post(
    '/v1/licenses/file',
    {
      config: { access: 'anyone', rateLimit: { name: 'license-files', limit: 60, windowSeconds: 600 } },
      schema: {
        tags: TAGS,
        summary: 'Get a signed licence file',
        description:
          'For whoever holds the key of a licence that is in force. With a machine, which must be activated, the file is good there only. ' +
          'A licence that is not valid is answered its decision, and no file. docs/offline.md says how to verify one.',
        body: fileBody,
        response: { 200: fileAnswer },
      },
    },
    async (request) => {
      const { key, product, machine, ttl_days: ttlDays, encrypt } = request.body;
      request.assertKeyChecksAllowed(key);
      const { decision, license, file } = await request.write((transaction) =>
        licenseFiles.issue(transaction, { key, product, machine, ttlDays, encrypt: encrypt ?? false }),
      );
      countGuess(request, key, decision);
      return {
        ...decision,
        ...(license === null ? {} : { license: shortView(license) }),
        file:
          file === null
            ? null
            : {
                id: file.id,
                certificate: file.certificate,
                key_id: file.keyId,
                issued_at: new Date(file.issuedAt).toISOString(),
                expires_at: file.expiresAt === null ? null : new Date(file.expiresAt).toISOString(),
                kind: file.kind,
                encrypted: file.encrypted,
              },
      };
    },
  );

  http.get(
    '/v1/revocations',
    {
      config: { access: 'anyone' },
      schema: {
        tags: TAGS,
        summary: 'Get the signed revocation list',
        description:
          'Names the licences that are revoked or suspended and have a file, or a key that is verified by itself, out there, and the ' +
          'signing keys that were taken back. Two seconds old at most. Send its ETag as If-None-Match to be told that nothing changed.',
        response: { 200: revocationsAnswer },
      },
    },
    async (request, reply) => {
      const list = await revocations.current();
      reply.header('etag', list.etag).header('cache-control', 'no-cache');
      if (request.headers['if-none-match'] === list.etag) return notModified(reply as unknown as HttpReply);
      return {
        object: 'revocation_list' as const,
        certificate: list.certificate,
        key_id: list.keyId,
        issued_at: new Date(list.issuedAt).toISOString(),
        expires_at: new Date(list.expiresAt).toISOString(),
        licenses: list.licenses,
        complete: list.complete,
      };
    },
  );
}

/** An answer without a body, which no schema describes. */
function notModified(reply: HttpReply): never {
  return reply.code(304).send() as never;
}
