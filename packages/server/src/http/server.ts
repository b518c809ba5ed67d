import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { LatchkeyError } from '@latchkey/core';
import { fastify } from 'fastify';
import { serializerCompiler, validatorCompiler, type ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Config } from '../config/config.ts';
import type { Actor, Database } from '../db/database.ts';
import type { Log } from '../observability/log.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { Clock, Ids } from '../ports.ts';
import type { SharedCounts } from '../redis/shared-counts.ts';
import type { Vault } from '../security/vault.ts';
import { type Authenticate, createAuthenticate, isVendor } from './authentication.ts';
import { addCors } from './cors.ts';
import { addErrorHandling, type ErrorShape } from './error-handling.ts';
import { addIdempotency } from './idempotency.ts';
import { markCommitted } from './idempotency-repository.ts';
import { parseJsonBody } from './json-body.ts';
import { addOpenApi } from './openapi.ts';
import { toLatchkeyError, toProblem } from './problem.ts';
import { createFailureLimits, type FailureLimits } from './rate-limits.ts';
import { addRouteHooks } from './route-hooks.ts';
import type { Http, HttpReply, HttpRequest, Principal } from './types.ts';

export interface HttpOptions extends Pick<Config, 'mode' | 'allowedOrigins' | 'trustProxy'> {
  /** A function, because with port 0 the address is known only once the server listens. */
  publicUrl: () => string;
  version: string;
  adminToken: string;
  /** Finds out whose an API key is, and later whose any other token. */
  authenticators: readonly Authenticate[];
  database: Database;
  vault: Vault;
  clock: Clock;
  ids: Ids;
  log: Log;
  metrics: Metrics;
  /** Of limits that several processes keep together; null where this one keeps them alone. */
  sharedCounts?: SharedCounts | null;
  /** Of the paths where errors are not problem+json. */
  errorShapes?: readonly ErrorShape[];
}

const bodyLimit = 1_024 * 1_024;
/** How long a client may take to send a request. */
const requestTimeoutMs = 10_000;
const headersTimeoutMs = 8_000;
/** Node looks for slow clients only every 30 s by default, which keeps hundreds of them open. */
const slowClientCheckMs = 1_000;
/** License keys of 271 characters stand in paths. */
const maxParamLength = 512;
const inboundRequestId = /^[A-Za-z0-9._:-]{8,100}$/;

/** The HTTP side without routes of its own; whoever registers one declares in `config.access` who may call it. */
export async function createHttp(options: HttpOptions): Promise<Http> {
  const { clock, ids, log, metrics, publicUrl, sharedCounts = null } = options;
  const wallMs = () => clock.wall().getTime();
  const http: Http = fastify({
    bodyLimit,
    requestTimeout: requestTimeoutMs,
    http: {
      requestTimeout: requestTimeoutMs,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: slowClientCheckMs,
    },
    forceCloseConnections: 'idle',
    trustProxy: options.trustProxy,
    routerOptions: { maxParamLength },
    genReqId: ({ headers }) => {
      const given = headers['x-request-id'];
      return typeof given === 'string' && inboundRequestId.test(given) ? given : ids.next('req');
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, publicUrl(), ids.next('req')),
    frameworkErrors: (error, request, answered) => {
      const reply = answered as unknown as HttpReply;
      const problem = toProblem(toLatchkeyError(error), { publicUrl: publicUrl(), requestId: request.id });
      reply.code(problem.status).type('application/problem+json').send(JSON.stringify(problem));
    },
  }).withTypeProvider<ZodTypeProvider>();
  http.setValidatorCompiler(validatorCompiler);
  http.setSerializerCompiler(serializerCompiler);
  addBodyParser(http);
  const failures = createFailureLimits(wallMs, sharedCounts);
  decorateRequests(http, options, failures);
  const securityHeaders = securityHeadersFor(publicUrl());
  const authenticate = createAuthenticate(options.adminToken, options.authenticators);
  addErrorHandling(http, { publicUrl, log, securityHeaders, errorShapes: options.errorShapes ?? [] });
  addIdempotency(http, options);
  addRouteHooks(http, { authenticate, failures, metrics, log, wallMs, sharedCounts, securityHeaders });
  await addOpenApi(http, options);
  addCors(http, options.allowedOrigins);
  return http;
}

function addBodyParser(http: Http): void {
  http.removeAllContentTypeParsers();
  http.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, body: Buffer, done) => {
    if (request.headers['idempotency-key'] !== undefined) request.bodyBytes = body;
    try {
      done(null, parseJsonBody(body, { itemByItem: request.routeOptions.config.itemByItem === true }));
    } catch (error) {
      done(error as Error);
    }
  });
}

function decorateRequests(http: Http, { database }: HttpOptions, failures: FailureLimits): void {
  http.decorateRequest('principal', null as unknown as Principal);
  http.decorateRequest('identityError', null);
  http.decorateRequest('idempotencyClaim', null);
  http.decorateRequest('bodyBytes', null);
  http.decorateRequest('startedAt', 0);
  http.decorateRequest('write', async function (this: HttpRequest, work) {
    const claim = this.idempotencyClaim;
    const result = await database.transaction(
      { actor: actorOf(this.principal), requestId: this.id },
      async (transaction) => {
        const done = await work(transaction);
        if (claim !== null) await markCommitted(transaction.connection, claim);
        return done;
      },
    );
    if (claim !== null) claim.committed = true;
    return result;
  });
  http.decorateRequest('assertKeyChecksAllowed', function (this: HttpRequest, key, holdsIt) {
    if (!isVendor(this.principal)) failures.assertAllowed(this.ip, key, holdsIt);
  });
  http.decorateRequest('countFailure', function (this: HttpRequest, key) {
    if (!isVendor(this.principal)) failures.count(this.ip, key);
  });
}

/** On whose behalf a request's transaction acts. */
function actorOf({ type, id }: Principal): Actor {
  return { type, id };
}

function securityHeadersFor(publicUrl: string): Record<string, string> {
  const headers: Record<string, string> = {
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    // Answers hold keys, balances and invoices; what may be cached says so itself.
    'cache-control': 'no-store',
  };
  if (publicUrl.startsWith('https:')) headers['strict-transport-security'] = 'max-age=31536000; includeSubDomains';
  return headers;
}

// What arrives here never became a request, so the answer is written by hand.
function answerClientError(error: NodeJS.ErrnoException, socket: Socket, publicUrl: string, requestId: string): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const known =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? new LatchkeyError('timeout', `Send the request within ${requestTimeoutMs / 1_000} s.`)
      : new LatchkeyError('invalid_request', 'This is not a well-formed HTTP request, or its headers are too large.');
  const body = JSON.stringify(toProblem(known, { publicUrl, requestId }));
  const head = [
    `HTTP/1.1 ${known.status} ${STATUS_CODES[known.status] ?? ''}`,
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
