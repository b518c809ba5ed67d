import { LatchkeyError } from '@latchkey/core';
import type { Log } from '../observability/log.ts';
import { toLatchkeyError, toProblem } from './problem.ts';
import type { Http, HttpReply, HttpRequest } from './types.ts';

export interface ErrorHandlingOptions {
  publicUrl: () => string;
  log: Log;
  securityHeaders: Readonly<Record<string, string>>;
}

/** Writes what nobody foresaw to the log. For dialects, which answer errors in shapes of their own. */
export function describeError(error: unknown, request: HttpRequest, log: Log): LatchkeyError {
  const known = toLatchkeyError(error);
  if (known.status >= 500) {
    const fields = {
      error: known.cause ?? known,
      code: known.code,
      request_id: request.id,
      route: request.routeOptions.url,
    };
    if (known.code === 'internal') log.error(fields, 'a request failed for a reason that nobody foresaw');
    else log.warn(fields, 'a request failed');
  }
  return known;
}

/** Headers that go with an error, whatever the shape of its body. */
export function setErrorHeaders(reply: HttpReply, error: LatchkeyError): void {
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterSeconds)));
  if (error.code === 'unauthorized') reply.header('www-authenticate', 'Bearer realm="latchkey"');
}

/** Every error is answered as problem+json; a wrong address with 404, a wrong method with 405 and what it could have been. */
export function addErrorHandling(http: Http, { publicUrl, log, securityHeaders }: ErrorHandlingOptions): void {
  const answer = (request: HttpRequest, reply: HttpReply, error: LatchkeyError) => {
    setErrorHeaders(reply, error);
    const problem = toProblem(error, { publicUrl: publicUrl(), requestId: request.id });
    // Serialized here, so that a route's schema for this status does not apply.
    return reply.code(error.status).type('application/problem+json').serializer(JSON.stringify).send(problem);
  };
  http.setErrorHandler((error, request, reply) => answer(request, reply, describeError(error, request, log)));

  const routes: { matches: RegExp; methods: readonly string[] }[] = [];
  http.addHook('onRoute', ({ url, method }) => {
    routes.push({ matches: patternOf(url), methods: Array.isArray(method) ? method : [method as string] });
  });
  http.setNotFoundHandler((request, reply) => {
    reply.headers(securityHeaders);
    reply.header('x-request-id', request.id);
    const path = request.url.split('?', 1)[0] ?? '/';
    const methods = new Set(routes.filter(({ matches }) => matches.test(path)).flatMap((route) => route.methods));
    if (methods.size === 0) {
      return answer(
        request,
        reply,
        new LatchkeyError('not_found', 'There is no route at this address. See /docs for what there is.'),
      );
    }
    const allowed = [...methods].sort().join(', ');
    reply.header('allow', allowed);
    return answer(request, reply, new LatchkeyError('method_not_allowed', `This address answers to ${allowed}.`));
  });
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) => {
      if (part === '*') return '.*';
      if (part.startsWith(':')) return '[^/]+';
      return part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
    })
    .join('/');
  return new RegExp(`^${source}$`);
}
