/** The middleware for Express 4 and 5. */

import type { Request, RequestHandler, Response } from 'express';
import type { SessionKeeper } from '../sessions/keeper.ts';
import type { Gate } from './admission.ts';
import type { LicenseGate } from './license-gate.ts';
import type { Metering } from './metering.ts';
import type { RefusalAnswer } from './refusal.ts';
import type { GatedRequest } from './request.ts';
import { type SessionGateOptions, sessionGate } from './session-gate.ts';

/**
 * Meters what the table of costs names. For the whole app, after `express.json()` where keys come in bodies: `app.use(meterRoutes(metering))`;
 * or on one route: `app.get('/signals', meterRoutes(metering), handler)`.
 */
export function meterRoutes(metering: Metering): RequestHandler {
  return handlerOf(metering);
}

/** Counts the time of whoever calls these routes with a licence key, and names the session in `X-Session-Id`. */
export function trackSessions(sessions: SessionKeeper, options: SessionGateOptions = {}): RequestHandler {
  return handlerOf(sessionGate(sessions, options));
}

/** Lets only requests with a licence in force through. */
export function requireLicense(gate: LicenseGate): RequestHandler {
  return handlerOf(gate);
}

function handlerOf(gate: Gate): RequestHandler {
  return (request, response, next) => {
    const began = performance.now();
    gate
      .admit(gatedRequestOf(request))
      .then((admission) => {
        if (admission.kind === 'refused') return refuse(response, admission);
        if (admission.kind === 'admitted') {
          response.set(admission.headers);
          whenOver(response, (aborted) => {
            void admission.settle({ status: response.statusCode, aborted, durationMs: performance.now() - began });
          });
        }
        return next();
      })
      .catch(next);
  };
}

/** Calls back once, when the answer is out or its receiver gone. */
function whenOver(response: Response, work: (aborted: boolean) => void): void {
  const over = () => work(!response.writableFinished);
  if (response.closed) over();
  else response.once('close', over);
}

function refuse(response: Response, { status, headers, body }: RefusalAnswer): void {
  response
    .status(status)
    .set(headers)
    .send(typeof body === 'string' ? body : JSON.stringify(body));
}

function gatedRequestOf(request: Request): GatedRequest {
  const pattern: unknown = request.route?.path;
  return {
    method: request.method,
    route: typeof pattern === 'string' ? `${request.baseUrl}${pattern}` : null,
    path: `${request.baseUrl}${request.path}`,
    header: (name) => request.get(name),
    query(name) {
      const value = request.query[name];
      return typeof value === 'string' ? value : undefined;
    },
    body: request.body,
    source: request,
  };
}
