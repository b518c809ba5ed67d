import type { Database } from '../../../db/database.ts';
import { decodeCursor, type Http, toPage } from '../../../http/index.ts';
import type { AuditEntry } from '../repository.ts';
import { auditPage, auditQuery } from '../schemas.ts';
import type { Audit } from '../service.ts';

/** `GET /v1/audit`: every operation, the newest first. */
export function registerAuditRoutes(http: Http, { audit, database }: { audit: Audit; database: Database }): void {
  http.get(
    '/v1/audit',
    {
      config: { access: 'admin' },
      schema: {
        summary: 'List what was done, and by whom',
        tags: ['Operations'],
        querystring: auditQuery,
        response: { 200: auditPage },
      },
    },
    async ({ query }) => {
      const { limit, after, subject_type: subjectType, subject_id: subjectId, action } = query;
      const filter = { subjectType, subjectId, action };
      const entries = await audit.list(database.connection, filter, decodeCursor(after), limit + 1);
      return toPage(entries, limit, (entry) => entry, present);
    },
  );
}

function present(entry: AuditEntry) {
  return {
    id: entry.id,
    at: entry.at.toISOString(),
    actor: { type: entry.actorType, id: entry.actorId },
    action: entry.action,
    subject: { type: entry.subjectType, id: entry.subjectId },
    detail: entry.detail,
    request_id: entry.requestId,
  };
}
