/** The middleware for Fastify 5. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { SessionKeeper } from '../sessions/keeper.ts';
import type { Gate } from './admission.ts';
import type { LicenseGate } from './license-gate.ts';
import type { Metering } from './metering.ts';
import type { RefusalAnswer } from './refusal.ts';
import type { GatedRequest } from './request.ts';
import { type SessionGateOptions, sessionGate } from './session-gate.ts';

/** Meters what the table of costs names, on the routes that are registered on this instance after it. */
export function meterRoutes(app: FastifyInstance, metering: Metering): void {
  addGate(app, metering);
}

/** Counts the time of whoever calls these routes with a licence key, and names the session in `X-Session-Id`. */
export function trackSessions(app: FastifyInstance, sessions: SessionKeeper, options: SessionGateOptions = {}): void {
  addGate(app, sessionGate(sessions, options));
}

/** Lets only requests with a licence in force through. */
export function requireLicense(app: FastifyInstance, gate: LicenseGate): void {
  addGate(app, gate);
}

function addGate(app: FastifyInstance, gate: Gate): void {
  // Once the body is parsed, since the key may be in it.
  app.addHook('preHandler', async (request, reply) => {
    const admission = await gate.admit(gatedRequestOf(request));
    if (admission.kind === 'refused') return refuse(reply, admission);
    if (admission.kind === 'admitted') {
      reply.headers(admission.headers);
      whenOver(reply, (aborted) => {
        void admission.settle({ status: reply.statusCode, aborted, durationMs: reply.elapsedTime });
      });
    }
    return undefined;
  });
}

/** Calls back once, when the answer is out or its receiver gone. */
function whenOver(reply: FastifyReply, work: (aborted: boolean) => void): void {
  const { raw } = reply;
  const over = () => work(!raw.writableFinished);
  if (raw.closed) over();
  else raw.once('close', over);
}

function refuse(reply: FastifyReply, { status, headers, body }: RefusalAnswer): FastifyReply {
  return reply
    .code(status)
    .headers(headers)
    .send(typeof body === 'string' ? body : JSON.stringify(body));
}

function gatedRequestOf(request: FastifyRequest): GatedRequest {
  return {
    method: request.method,
    route: request.routeOptions.url ?? null,
    path: request.url.split('?', 1)[0] ?? request.url,
    header(name) {
      const value = request.headers[name.toLowerCase()];
      return Array.isArray(value) ? value[0] : value;
    },
    query(name) {
      const value = (request.query as Record<string, unknown> | undefined)?.[name];
      return typeof value === 'string' ? value : undefined;
    },
    body: request.body,
    source: request,
  };
}
