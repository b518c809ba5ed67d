import type { onRequestHookHandler } from 'fastify';
import type { Http } from './types.ts';

const exposedHeaders = 'x-request-id, ratelimit, ratelimit-policy, retry-after';

/**
 * Lets the pages of the allowed origins call `/api/*` (the Fetch Standard's CORS protocol). Credentials travel in headers here, never in
 * cookies, so `Access-Control-Allow-Credentials` is not sent.
 */
export function addCors(http: Http, allowedOrigins: readonly string[]): void {
  const allowed = new Set(allowedOrigins);
  const hook: onRequestHookHandler = (request, reply, done) => {
    const { origin } = request.headers;
    // The answer depends on the origin even when there is none, and a cache must know that.
    reply.header('vary', 'Origin');
    if (origin !== undefined && allowed.has(origin)) {
      reply.header('access-control-allow-origin', origin);
      reply.header('access-control-expose-headers', exposedHeaders);
    }
    done();
  };
  http.addHook('onRoute', (route) => {
    if (!route.url.startsWith('/api/')) return;
    const existing = route.onRequest === undefined ? [] : [route.onRequest].flat();
    if (!existing.includes(hook)) route.onRequest = [hook, ...existing];
  });
  http.options(
    '/api/*',
    { config: { access: 'anyone', quiet: true }, schema: { hide: true } },
    async (request, reply) => {
      const { origin } = request.headers;
      if (origin !== undefined && allowed.has(origin)) {
        reply.header('access-control-allow-methods', 'GET, POST, PUT, PATCH, DELETE');
        reply.header(
          'access-control-allow-headers',
          request.headers['access-control-request-headers'] ?? 'authorization, content-type',
        );
        reply.header('access-control-max-age', '600');
      }
      return reply.code(204).send();
    },
  );
}
