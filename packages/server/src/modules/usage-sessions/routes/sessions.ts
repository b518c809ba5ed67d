import { LatchkeyError } from '@latchkey/core';
import { decodeCursor, pageOf, toPage } from '../../../http/paging.ts';
import type { Access, Http, HttpRequest } from '../../../http/types.ts';
import { listQuery, sessionAnswer, sessionParams, sessionQuery, startBody, touchBody } from '../schemas.ts';
import type { UsageSession, UsageSessions } from '../service.ts';
import { usageSessionView } from '../views.ts';
import { keyOf, type LicenseSource, licenseOf } from './whose.ts';

const TAGS = ['Usage sessions'];
const WRITE = { scope: 'usage:write' } as const;
const READ = { scope: 'usage:read', owner: true } as const;
/** Wrong keys are limited, right ones are not: a heartbeat that is refused would end a session. */
const CONFIG = { access: 'anyone', rateLimit: false, quiet: true } as const;

export interface UsageSessionRoutes extends LicenseSource {
  usageSessions: UsageSessions;
}

/** Timed use, by the software that is used: whoever holds the key, or the vendor's server. */
export function usageSessionRoutes(http: Http, options: UsageSessionRoutes): void {
  startRoute(http, options);
  touchRoutes(http, options);
  readRoutes(http, options);
}

function startRoute(http: Http, { usageSessions, ...source }: UsageSessionRoutes): void {
  http.post(
    '/v1/usage-sessions',
    {
      config: CONFIG,
      schema: {
        tags: TAGS,
        summary: 'Begin a usage session',
        description:
          '201 for a session that begins, 200 for the one of the same session_id that goes on. Use is deducted every interval_seconds ' +
          'until the session ends. 402 when nothing is left, 409 where another session runs and the product refuses two at a time.',
        body: startBody,
        response: { 200: sessionAnswer, 201: sessionAnswer },
      },
    },
    async (request, reply) => {
      const { meter, session_id: clientId } = request.body;
      const license = await licenseOf(request, request.body, WRITE, source);
      const { isNew, ...session } = await usageSessions.start({ license, meter, clientId }, (work) =>
        request.write(work),
      );
      return reply.code(isNew ? 201 : 200).send(usageSessionView(session));
    },
  );
}

function touchRoutes(http: Http, { usageSessions, ...source }: UsageSessionRoutes): void {
  const theirs = sessionFinder({ usageSessions, ...source });

  http.post(
    '/v1/usage-sessions/:id/heartbeat',
    {
      config: { ...CONFIG, idempotency: false },
      schema: {
        tags: TAGS,
        summary: 'Keep a usage session alive',
        description:
          'Also how a client learns that its session has ended: see status and code. One that has ended stays so.',
        params: sessionParams,
        body: touchBody,
        response: { 200: sessionAnswer },
      },
    },
    async (request) => {
      const { session } = await theirs(request, request.body ?? {}, WRITE);
      return usageSessionView(await usageSessions.heartbeat(session, (work) => request.write(work)));
    },
  );

  http.post(
    '/v1/usage-sessions/:id/end',
    {
      config: { ...CONFIG, idempotency: false },
      schema: {
        tags: TAGS,
        summary: 'End a usage session',
        description: 'Deducts the remainder. Ending it again changes nothing.',
        params: sessionParams,
        body: touchBody,
        response: { 200: sessionAnswer },
      },
    },
    async (request) => {
      const { session } = await theirs(request, request.body ?? {}, WRITE);
      return usageSessionView(await usageSessions.end(session, (work) => request.write(work)));
    },
  );
}

function readRoutes(http: Http, { usageSessions, ...source }: UsageSessionRoutes): void {
  const theirs = sessionFinder({ usageSessions, ...source });

  http.get(
    '/v1/usage-sessions/:id',
    {
      config: CONFIG,
      schema: {
        tags: TAGS,
        summary: 'Read a usage session',
        params: sessionParams,
        querystring: sessionQuery,
        response: { 200: sessionAnswer },
      },
    },
    async (request) => usageSessionView(await theirs(request, request.query, READ)),
  );

  http.get(
    '/v1/usage-sessions',
    {
      config: CONFIG,
      schema: {
        tags: TAGS,
        summary: 'List the usage sessions of a licence',
        description: 'The newest first. remaining is what is available now.',
        querystring: listQuery,
        response: { 200: pageOf(sessionAnswer) },
      },
    },
    async (request) => {
      const { limit, after, ...named } = request.query;
      const position = decodeCursor(after);
      const license = await licenseOf(request, named, READ, source);
      const sessions = await usageSessions.list(license, { limit, after: position });
      const positionOf = ({ session }: UsageSession) => ({ at: session.started_at, id: session.id });
      return toPage(sessions, limit, positionOf, usageSessionView);
    },
  );
}

/** Finds the session that a call is about, as it stands. Another licence's is answered as if it did not exist. */
function sessionFinder({ usageSessions, ...source }: UsageSessionRoutes) {
  return async (
    request: HttpRequest & { params: { id: string } },
    named: { license_key?: string | undefined },
    access: Access,
  ): Promise<UsageSession> => {
    const { id } = request.params;
    const byKey = keyOf(request, named) === undefined ? null : await licenseOf(request, named, access, source);
    const found = await usageSessions.get(id).catch(absent);
    const owner = { license_id: found?.session.license_id ?? id };
    const license = byKey ?? (await licenseOf(request, owner, access, source).catch(absent));
    if (found !== null && found.session.license_id === license?.id) return found;
    throw new LatchkeyError('resource_missing', `There is no usage session ${id}.`);
  };
}

function absent(error: unknown): null {
  if (error instanceof LatchkeyError && error.code === 'resource_missing') return null;
  throw error;
}
