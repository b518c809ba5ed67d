/** Answers that are dear and may be some seconds old are kept in Redis for a moment, for every process. Without Redis nothing is kept. */

import type { onSendHookHandler, preHandlerAsyncHookHandler } from 'fastify';
import { KEY_PREFIX, type Redis } from '../redis/connection.ts';
import type { Http } from './types.ts';

export interface KeptAnswersOptions {
  redis: Redis;
  /** Makes a key of what the answer is to: other databases, versions and root secrets have other keys. */
  hash: (text: string) => Uint8Array;
  wallMs: () => number;
}

/** Of routes that say `keptSeconds`, once for all who may call them: what they answer must not depend on who asks. */
export function addKeptAnswers(http: Http, { redis, hash, wallMs }: KeptAnswersOptions): void {
  const keyOf = (url: string) => `${KEY_PREFIX}answer:${Buffer.from(hash(url)).toString('base64url')}`;
  http.addHook('onRoute', (route) => {
    const seconds = route.config?.keptSeconds;
    if (seconds === undefined || route.method !== 'GET') return;
    // After the hook at the beginning of each route, so that whoever may not ask is refused before.
    const find: preHandlerAsyncHookHandler = async (request, reply) => {
      const [found] = (await redis.ask([['GET', keyOf(request.url)]])) ?? [];
      if (typeof found !== 'string') return;
      const end = found.indexOf('\n');
      const age = Math.floor((wallMs() - Number(found.slice(0, end))) / 1_000);
      // A clock that differs must not make an answer live longer.
      if (!(age >= 0 && age <= seconds)) return;
      reply.header('age', age).type('application/json; charset=utf-8');
      return reply.send(found.slice(end + 1));
    };
    const keep: onSendHookHandler<unknown> = (request, reply, payload, done) => {
      if (reply.statusCode === 200 && typeof payload === 'string' && !reply.hasHeader('age')) {
        reply.header('age', 0);
        const lasting = ['PX', String(seconds * 1_000)];
        void redis.ask([['SET', keyOf(request.url), `${wallMs()}\n${payload}`, ...lasting]]);
      }
      done(null, payload);
    };
    route.preHandler = [find, ...[route.preHandler ?? []].flat()] as preHandlerAsyncHookHandler[];
    route.onSend = [keep, ...[route.onSend ?? []].flat()];
  });
}
