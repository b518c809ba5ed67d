import type { FastifyContextConfig } from 'fastify';
import type { Http, HttpReply, HttpRequest } from './types.ts';

export interface RawBodyRoute {
  method?: 'POST' | 'PUT';
  url: string;
  config: FastifyContextConfig;
  /** 512 KiB unless said. */
  bodyLimit?: number;
  /** Shown in the API reference; without it the route is left out. */
  summary?: string;
  handler(request: HttpRequest, reply: HttpReply, body: Buffer): Promise<unknown>;
}

const webhookBodyLimit = 512 * 1_024;

/** A route whose handler gets the very bytes that were sent, whatever they claim to be: a signature is over bytes. */
export function registerRawBodyRoute(http: Http, route: RawBodyRoute): void {
  const { method = 'POST', url, config, bodyLimit = webhookBodyLimit, summary, handler } = route;
  http.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, (_request, body, done) => done(null, body));
    scope.route({
      method,
      url,
      config,
      bodyLimit,
      schema: summary === undefined ? { hide: true } : { summary, tags: ['Webhooks'] },
      handler: (request, reply) =>
        handler(request, reply, Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)),
    });
  });
}
