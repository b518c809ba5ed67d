import { z } from 'zod';
import type { Database } from '../../../db/database.ts';
import { decodeCursor, pageOf, toPage } from '../../../http/paging.ts';
import type { Http } from '../../../http/types.ts';
import {
  approveBody,
  decidedAnswer,
  denyBody,
  releaseLinkBody,
  releaseMachineBody,
  requestAnswer,
  requestsQuery,
} from '../machine-schemas.ts';
import type { OwnerLinks } from '../owner-links.ts';
import type { ReactivationDesk } from '../reactivation-desk.ts';
import type { ReactivationRequest } from '../reactivation-repository.ts';
import type { LicenseReader } from '../reading.ts';
import { licenseAnswer } from '../schemas.ts';
import type { LicenseService } from '../service.ts';
import { licenseView } from '../views.ts';

export interface MachineRoutes {
  database: Database;
  licenses: LicenseService;
  licenseReader: LicenseReader;
  reactivationDesk: ReactivationDesk;
  ownerLinks: OwnerLinks;
}

const TAGS = ['Machines'];
const READ = { access: { scope: 'licenses:read' } } as const;
const WRITE = { access: { scope: 'licenses:write' } } as const;
const byId = z.object({ id: z.string().min(1).max(100) });

/** Machines beyond activating them: freed by owner or vendor, and let in when they ask. */
export function machineRoutes(http: Http, options: MachineRoutes): void {
  releaseRoutes(http, options);
  requestRoutes(http, options);
}

function releaseRoutes(http: Http, { licenses, licenseReader, ownerLinks }: MachineRoutes): void {
  http.post(
    '/v1/licenses/release-link',
    {
      config: { access: 'anyone', rateLimit: { name: 'release-links', limit: 10, windowSeconds: 600 } },
      schema: {
        tags: TAGS,
        summary: 'Mail me a link to free a machine',
        description:
          'Always 202. If the address owns licences with machines, a link is mailed to it, at most once a minute. It leads to a page ' +
          "that shows the machines and frees them, as often as the plan's `owner_release` allows.",
        body: releaseLinkBody,
      },
    },
    async (request, reply) => {
      await ownerLinks.request(request.body.email, (work) => request.write(work));
      return reply.code(202).send({ accepted: true });
    },
  );

  http.post(
    '/v1/licenses/:id/release',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Free a machine of a licence',
        params: byId,
        body: releaseMachineBody,
        response: { 200: licenseAnswer },
      },
    },
    async (request) => {
      const { id } = request.params;
      const license = await request.write((tx) => licenses.releaseMachine(tx, id, request.body.machine));
      return licenseView(license, licenseReader);
    },
  );
}

function requestRoutes(http: Http, { database, licenses, reactivationDesk }: MachineRoutes): void {
  const { reactivations } = licenses;

  http.get(
    '/v1/reactivations',
    {
      config: READ,
      schema: {
        tags: TAGS,
        summary: 'List machines that asked to be let in',
        querystring: requestsQuery,
        response: { 200: pageOf(requestAnswer) },
      },
    },
    async ({ query }) => {
      const rows = await reactivations.list(
        database.connection,
        { status: query.status, licenseId: query.license },
        { limit: query.limit + 1, after: decodeCursor(query.after) },
      );
      return toPage(rows, query.limit, ({ createdAt, id }) => ({ at: new Date(createdAt), id }), requestView);
    },
  );

  http.get(
    '/v1/reactivations/:id',
    {
      config: READ,
      schema: { tags: TAGS, summary: 'Read a request', params: byId, response: { 200: requestAnswer } },
    },
    async ({ params }) => requestView(await reactivations.get(database.connection, params.id)),
  );

  http.post(
    '/v1/reactivations/:id/approve',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Let the machine in',
        description:
          'The machine has its seat from this answer on; the one that goes out for it can no longer be used. The owner is told by mail.',
        params: byId,
        body: approveBody.nullish(),
        response: { 200: decidedAnswer },
      },
    },
    async (request) => {
      const { release, reason } = request.body ?? {};
      const answer = { ...(release === undefined ? {} : { release }), ...(reason === undefined ? {} : { reason }) };
      const decided = await request.write((tx) => reactivationDesk.approve(tx, request.params.id, answer));
      return { ...requestView(decided.request), released: decided.released };
    },
  );

  http.post(
    '/v1/reactivations/:id/deny',
    {
      config: WRITE,
      schema: {
        tags: TAGS,
        summary: 'Leave the machine out',
        params: byId,
        body: denyBody.nullish(),
        response: { 200: decidedAnswer },
      },
    },
    async (request) => {
      const reason = request.body?.reason ?? null;
      const decided = await request.write((tx) => reactivationDesk.deny(tx, request.params.id, reason));
      return { ...requestView(decided.request), released: decided.released };
    },
  );
}

function requestView(request: ReactivationRequest): z.infer<typeof requestAnswer> {
  const { id, licenseId, fingerprint, name, status, reason, createdAt, decidedAt, decidedBy } = request;
  return {
    object: 'reactivation_request',
    id,
    license_id: licenseId,
    fingerprint,
    name,
    status,
    reason,
    created_at: new Date(createdAt).toISOString(),
    decided_at: decidedAt === null ? null : new Date(decidedAt).toISOString(),
    decided_by: decidedBy,
  };
}
