import { LatchkeyError } from '@latchkey/core';
import type { onRequestHookHandler, onResponseHookHandler, onSendHookHandler, RouteOptions } from 'fastify';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { SharedCounts } from '../redis/shared-counts.ts';
import { type Authenticate, admitsOwner, anyone, assertAccess, bearerToken, isVendor } from './authentication.ts';
import {
  callerOf,
  createRateLimiter,
  type FailureLimits,
  type RateLimiter,
  type RateLimitPolicy,
  rateLimitExceeded,
  setRateLimitHeaders,
} from './rate-limits.ts';
import { createShortcut } from './shortcut.ts';
import type { Access, Http, HttpReply, HttpRequest, Principal } from './types.ts';

export interface RouteHooksOptions {
  authenticate: Authenticate;
  failures: FailureLimits;
  metrics: Metrics;
  log: Log;
  wallMs: () => number;
  sharedCounts: SharedCounts | null;
  /** Headers of every answer. */
  securityHeaders: Readonly<Record<string, string>>;
}

/** For anyone who calls a public route: generous, since a shop's server may call for all its visitors. */
const publicPolicy: RateLimitPolicy = { name: 'public', limit: 1_200, windowSeconds: 60 };

/**
 * Puts two hooks of ours on every route: at its beginning headers, credentials and limits, at its end the log and the figures. They are
 * made for each route when it is declared, with all that can be known then, because validations pass here tens of thousands of times a
 * second.
 */
export function addRouteHooks(http: Http, options: RouteHooksOptions): void {
  const ours = new WeakSet<object>();
  const limiters = new Map<string, RateLimiter>();
  const undeclared: string[] = [];
  const limiterFor = (policy: RateLimitPolicy): RateLimiter => {
    const limiter = limiters.get(policy.name) ?? createRateLimiter(policy, options.wallMs, options.sharedCounts);
    limiters.set(policy.name, limiter);
    return limiter;
  };
  http.addHook('onRoute', (route) => {
    const existing = listOf(route.onRequest);
    // The HEAD route that Fastify makes of a GET route arrives with the hooks already on it.
    if (existing.some((hook) => ours.has(hook))) return;
    const access = route.config?.access;
    if (access === undefined) {
      undeclared.push(`${String(route.method)} ${route.url}`);
      return;
    }
    const rule = route.config?.rateLimit;
    const isPublic = access === 'anyone' || admitsOwner(access);
    const limiter = rule === false || (!isPublic && rule === undefined) ? null : limiterFor(rule ?? publicPolicy);
    const enter = createEnter(access, limiter, route, options);
    ours.add(enter);
    const shortcut = route.config?.shortcut;
    const record = options.metrics.route(listOf(route.method)[0] ?? 'GET', route.url);
    const first = shortcut === undefined ? [] : [createShortcut(shortcut, route.url, record)];
    route.onRequest = [...first, enter, ...existing] as onRequestHookHandler[];
    if (isHot(route)) route.onSend = [...listOf(route.onSend), createHotLeave(route, record, options)];
    else route.onResponse = [createLeave(route, record, options), ...listOf(route.onResponse)];
  });
  http.addHook('onReady', (done) => {
    if (undeclared.length === 0) return done();
    done(new Error(`Routes that do not declare config.access: ${undeclared.join(', ')}.`));
  });
}

function createEnter(
  access: Access,
  limiter: RateLimiter | null,
  route: RouteOptions,
  { authenticate, failures, securityHeaders }: RouteHooksOptions,
): onRequestHookHandler {
  const policy = route.config?.contentSecurityPolicy;
  const headers = policy === undefined ? securityHeaders : { ...securityHeaders, 'content-security-policy': policy };
  const hot = isHot(route);
  const admit = (request: HttpRequest, reply: HttpReply, principal: Principal): void => {
    request.principal = principal;
    assertAccess(access, principal);
    if (limiter === null || isVendor(principal)) return;
    const state = limiter.count(callerOf(request.ip));
    setRateLimitHeaders(reply, limiter.policy, state);
    if (state.remaining < 0) throw rateLimitExceeded(state);
  };
  const identify = async (request: HttpRequest, reply: HttpReply, token: string): Promise<void> => {
    failures.assertAllowed(request.ip);
    const identity = await identityOf(token);
    if (!(identity instanceof LatchkeyError)) return admit(request, reply, identity);
    if (access === 'anyone') {
      // The header may be meant for someone else, such as a token of the shop's own.
      request.identityError = identity;
      return admit(request, reply, anyone);
    }
    if (identity.code === 'unauthorized') failures.count(request.ip);
    throw identity;
  };
  const identityOf = async (token: string): Promise<Principal | LatchkeyError> => {
    try {
      const unknown = () => new LatchkeyError('unauthorized', 'This token is unknown, was revoked or has expired.');
      return (await authenticate(token)) ?? unknown();
    } catch (error) {
      if (error instanceof LatchkeyError) return error;
      throw error;
    }
  };
  return (request, reply, done) => {
    if (hot) {
      request.startedAt = performance.now();
      reply.header('x-content-type-options', 'nosniff');
    } else reply.headers(headers);
    reply.header('x-request-id', request.id);
    try {
      // PostgreSQL cannot hold NUL, so no id or filter can contain it.
      if (request.raw.url?.includes('%00') === true)
        throw new LatchkeyError('invalid_request', 'The address contains NUL.');
      const token = bearerToken(request.headers.authorization);
      if (token === null) admit(request, reply, anyone);
      else {
        identify(request, reply, token).then(() => done(), done);
        return;
      }
    } catch (error) {
      done(error as Error);
      return;
    }
    done();
  };
}

/** Counts one request of a route. */
type RecordRequest = ReturnType<Metrics['route']>;

function createLeave(route: RouteOptions, record: RecordRequest, { log }: RouteHooksOptions): onResponseHookHandler {
  const method = listOf(route.method)[0] ?? 'GET';
  const isQuiet = route.config?.quiet === true;
  return (request, reply, done) => {
    const milliseconds = reply.elapsedTime;
    record(reply.statusCode, milliseconds / 1_000);
    // The pattern, never the address: an address may contain a license key.
    if (!isQuiet || reply.statusCode >= 500) {
      const fields = {
        request_id: request.id,
        method,
        route: route.url,
        status: reply.statusCode,
        ms: Math.round(milliseconds * 10) / 10,
        principal: request.principal?.type,
      };
      log.info(fields, 'request');
    }
    done();
  };
}

/**
 * Where thousands a second are normal, every microsecond counts: one header of ours instead of four (a browser does not render what POST
 * answers as JSON, nor does it keep it), and the end is noted before the answer leaves, which spares two event listeners a request.
 */
function isHot(route: RouteOptions): boolean {
  return route.config?.quiet === true && listOf(route.method).every((method) => method === 'POST');
}

function createHotLeave(
  route: RouteOptions,
  record: RecordRequest,
  { log }: RouteHooksOptions,
): onSendHookHandler<unknown> {
  return (request, reply, payload, done) => {
    record(reply.statusCode, (performance.now() - request.startedAt) / 1_000);
    if (reply.statusCode >= 500) {
      log.info({ request_id: request.id, method: 'POST', route: route.url, status: reply.statusCode }, 'request');
    }
    done(null, payload);
  };
}

function listOf<T>(value: T | readonly T[] | undefined): T[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? [...(value as readonly T[])] : [value as T];
}
