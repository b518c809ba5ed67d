import { LatchkeyError } from '@latchkey/core';
import type { Log } from '../observability/log.ts';
import { toLatchkeyError, toProblem } from './problem.ts';
import type { Http, HttpReply, HttpRequest } from './types.ts';

/** How errors are answered below some paths, where callers know another shape than problem+json. */
export interface ErrorShape {
  /** Beginnings of paths in whole segments, such as `/billing`; the longest that fits a request counts. */
  prefixes: readonly string[];
  /** The body, and the status where it is not the error's own. Sent as JSON. */
  answer(error: LatchkeyError, path: string): { body: Readonly<Record<string, unknown>>; status?: number };
}

export interface ErrorHandlingOptions {
  publicUrl: () => string;
  log: Log;
  errorShapes: readonly ErrorShape[];
  securityHeaders: Readonly<Record<string, string>>;
}

/** Writes what nobody foresaw to the log. */
function describeError(error: unknown, request: HttpRequest, log: Log): LatchkeyError {
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
function setErrorHeaders(reply: HttpReply, error: LatchkeyError): void {
  if (error.retryAfterSeconds !== undefined) reply.header('retry-after', String(Math.ceil(error.retryAfterSeconds)));
  if (error.code === 'unauthorized') reply.header('www-authenticate', 'Bearer realm="latchkey"');
}

/**
 * Every error is answered as problem+json, or in the shape of its path; a wrong address with 404, a wrong method with 405 and what it could
 * have been.
 */
export function addErrorHandling(http: Http, options: ErrorHandlingOptions): void {
  const { publicUrl, log, securityHeaders } = options;
  const shapeOf = errorShapesByPath(options.errorShapes);
  const answer = (request: HttpRequest, reply: HttpReply, error: LatchkeyError) => {
    setErrorHeaders(reply, error);
    const path = pathOf(request);
    const shaped = shapeOf(path)?.answer(error, path);
    if (shaped !== undefined) {
      const status = shaped.status ?? error.status;
      return reply.code(status).type('application/json; charset=utf-8').serializer(JSON.stringify).send(shaped.body);
    }
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
    const path = pathOf(request);
    const methods = new Set(routes.filter(({ matches }) => matches.test(path)).flatMap((route) => route.methods));
    // A preflight is answered below whole folders of addresses, whether there is anything at one or not.
    methods.delete('OPTIONS');
    // What a browser asks before it calls says nothing about whether there is something to call.
    if ([...methods].every((method) => method === 'OPTIONS')) {
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

function pathOf({ url }: HttpRequest): string {
  return url.split('?', 1)[0] ?? '/';
}

function errorShapesByPath(shapes: readonly ErrorShape[]): (path: string) => ErrorShape | undefined {
  const byPrefix = shapes
    .flatMap((shape) => shape.prefixes.map((prefix) => ({ prefix, shape })))
    .sort((one, other) => other.prefix.length - one.prefix.length);
  return (path) => byPrefix.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))?.shape;
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
