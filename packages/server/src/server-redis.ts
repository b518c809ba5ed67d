/** What is shared through the Redis of `REDIS_URL`, where there is one. Nothing here is needed to run. */

import type { App } from './app.ts';
import { type Finding, ok, type Question, warning } from './doctor.ts';
import { openRedis, type Redis } from './redis/connection.ts';
import { createSharedCounts, type SharedCounts } from './redis/shared-counts.ts';

export interface SharedThings {
  redis: Redis;
  counts: SharedCounts;
  /** Makes of a text what nobody can read back. */
  hash(text: string): Uint8Array;
  close(): void;
}

/** Null without `REDIS_URL`. Connects in the background; a Redis that is away keeps nobody from starting. */
export function shareThings({ config, logs, metrics, vault, clock, randomness }: App): SharedThings | null {
  if (config.redisUrl === null) return null;
  const redis = openRedis(config.redisUrl, { log: logs.app });
  const hash = (text: string) => vault.index('redis', text);
  const counts = createSharedCounts({
    redis,
    hash,
    wallMs: () => clock.wall().getTime(),
    memoryName: () => Buffer.from(randomness.bytes(12)).toString('base64url'),
  });
  metrics.gauge('latchkey_redis_up', 'Whether the Redis of REDIS_URL is there: 1 or 0', () => (redis.isThere ? 1 : 0));
  return {
    redis,
    counts,
    hash,
    close() {
      counts.close();
      redis.close();
    },
  };
}

/** Whether Redis answers. Away is no failure: every process goes on by itself. */
export function redisQuestion(shared: SharedThings | null): Question {
  const next = 'See that the Redis of REDIS_URL runs and can be written; the log has why it is away.';
  return {
    code: 'redis',
    next,
    async ask(): Promise<Finding> {
      if (shared === null) return ok('REDIS_URL is not set: each process keeps its own limits.');
      const answer = await shared.redis.ask([['PING']]);
      if (answer === null) return warning('Redis is away: each process keeps its own limits until it is back.', next);
      return ok('Redis answers: all processes share their limits.');
    },
  };
}
