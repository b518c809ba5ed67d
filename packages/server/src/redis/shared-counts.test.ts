import { createHash, randomUUID } from 'node:crypto';
import { createClient } from '@redis/client';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createTestRedis, hasRedis, type TestRedis } from '../../../../test/support/redis-server.ts';
import { type CollectingLog, createCollectingLog } from '../../test/support/ports.ts';
import { createFailureLimits, createRateLimiter, type FailureLimits, type RateLimiter } from '../http/rate-limits.ts';
import { openRedis, type Redis } from './connection.ts';
import { createSharedCounts, type SharedCounts } from './shared-counts.ts';

const LIMIT = 100;
const HOUR = 3_600;
/** What one process admits between two exchanges, which is how far it may be behind. */
const BURST = 10;

interface Process {
  redis: Redis;
  counts: SharedCounts;
  limiter: RateLimiter;
  failures: FailureLimits;
  log: CollectingLog;
}

let server: TestRedis;
let one: Process;
let other: Process;

function openProcess(): Process {
  const log = createCollectingLog();
  const redis = openRedis(server.url, { log, longestMs: 300, firstWaitMs: 20 });
  const hash = (text: string) => createHash('sha256').update(text).digest();
  // Of the test alone, so that no window ends within it.
  const wallMs = () => 1_800_000_000_000;
  const counts = createSharedCounts({ redis, hash, wallMs, memoryName: randomUUID });
  const limiter = createRateLimiter({ name: 'test', limit: LIMIT, windowSeconds: HOUR }, wallMs, counts);
  return { redis, counts, limiter, failures: createFailureLimits(wallMs, counts), log };
}

const there = (process: Process) => expect.poll(() => process.redis.isThere, { timeout: 10_000 }).toBe(true);
const away = (process: Process) => expect.poll(() => process.redis.isThere, { timeout: 10_000 }).toBe(false);

/** So many calls at one, in bursts with an exchange after each; how many were admitted. */
async function calls(count: number, processes: readonly Process[], caller: string): Promise<number> {
  let admitted = 0;
  for (let done = 0; done < count; done += BURST) {
    for (const process of processes) {
      for (let index = 0; index < BURST; index += 1) {
        if (process.limiter.count(caller).remaining >= 0) admitted += 1;
      }
    }
    for (const process of processes) await process.counts.exchange();
  }
  return admitted;
}

async function inRedis<T>(work: (client: ReturnType<typeof createClient>) => Promise<T>): Promise<T> {
  const client = createClient({ url: server.url });
  await client.connect();
  try {
    return await work(client as ReturnType<typeof createClient>);
  } finally {
    client.destroy();
  }
}

describe.skipIf(!hasRedis)('processes with one Redis (needs redis-server on the PATH)', () => {
  beforeAll(async () => {
    server = await createTestRedis();
    await server.start();
  });
  afterAll(() => server.kill());
  beforeEach(async () => {
    one = openProcess();
    other = openProcess();
    await there(one);
    await there(other);
  });
  afterEach(() => {
    for (const { redis, counts } of [one, other]) {
      counts.close();
      redis.close();
    }
  });

  it('share a limit, to what one of them admits between two exchanges', async () => {
    const admitted = await calls(100, [one, other], '192.0.2.1');
    expect(admitted).toBeGreaterThanOrEqual(LIMIT);
    expect(admitted).toBeLessThanOrEqual(LIMIT + BURST);
    // Somebody else has a limit of their own.
    expect(one.limiter.count('192.0.2.2').remaining).toBe(LIMIT - 1);
  });

  it('tell each other by themselves, without being asked to', async () => {
    for (let index = 0; index < 40; index += 1) one.limiter.count('192.0.2.3');
    await vi.waitFor(() => {
      other.limiter.count('192.0.2.3');
      expect(other.limiter.peek('192.0.2.3').remaining).toBeLessThan(LIMIT - 40);
    }, 5_000);
  });

  it('count guesses together, by address and by how the key begins', async () => {
    const guess = ({ failures }: Process, address: string, key: string) => failures.count(address, key);
    for (let index = 0; index < 300; index += 1) guess(one, '192.0.2.4', `${String(index).padStart(9, '0')}-nothing`);
    for (let index = 0; index < 299; index += 1) guess(other, '192.0.2.4', `${String(index).padStart(9, '1')}-nothing`);
    const looks =
      ({ failures }: Process) =>
      () =>
        failures.assertAllowed('192.0.2.4', 'some other key');
    expect(looks(one)).not.toThrow();
    await one.counts.exchange();
    await other.counts.exchange();
    guess(one, '192.0.2.4', 'and one more');
    await one.counts.exchange();
    expect(looks(one)).toThrow(/Try again/);

    const key = 'RL-AAAAAAAA-BBBBBBBB-CCCCCCCC';
    for (let index = 0; index < 150; index += 1) guess(one, `198.51.100.${index}`, key);
    await one.counts.exchange();
    for (let index = 0; index < 150; index += 1) guess(other, `203.0.113.${index}`, key);
    await other.counts.exchange();
    expect(() => other.failures.assertAllowed('192.0.2.5', key)).toThrow(/Try again/);
  });

  it('write no address and no part of a key into Redis, and nothing that stays', async () => {
    one.failures.count('198.51.100.77', 'RL-SECRETKEY-SECRETKEY');
    await one.counts.exchange();
    await inRedis(async (client) => {
      const keys = await client.keys('*');
      expect(keys.length).toBeGreaterThan(2);
      for (const key of keys) {
        expect(key).toMatch(/^latchkey:(memory|count:[a-z-]+:\d+:[\w-]{22})$/);
        if (key !== 'latchkey:memory') expect(await client.pTTL(key)).toBeGreaterThan(0);
      }
    });
  });

  it('go on by themselves when Redis is gone, and share again when it is back with nothing in its memory', async () => {
    const caller = '192.0.2.6';
    expect(await calls(30, [one, other], caller)).toBe(60);
    await server.kill();
    await away(one);
    await away(other);
    // Nobody is refused for it, and nobody waits.
    expect(await calls(10, [one, other], caller)).toBe(20);
    await server.start();
    await there(one);
    await there(other);
    // Each tells what it has counted since, and sees that what it told before was forgotten.
    for (let round = 0; round < 3; round += 1) {
      await one.counts.exchange();
      await other.counts.exchange();
    }
    expect(await calls(100, [one, other], caller)).toBeLessThanOrEqual(LIMIT - 80 + BURST);
    for (const process of [one, other]) {
      expect(process.log.lines.map(({ level }) => level)).toEqual(['warn', 'info']);
    }
  });

  it('keep nobody waiting for a Redis that does not answer', async () => {
    server.freeze();
    try {
      one.limiter.count('192.0.2.7');
      await one.counts.exchange();
      expect(one.redis.isThere).toBe(false);
      expect(await one.redis.ask([['PING']])).toBeNull();
      expect(one.limiter.count('192.0.2.7').remaining).toBe(LIMIT - 2);
    } finally {
      server.thaw();
    }
    await there(one);
  });

  it.each([
    ['only reads', ['REPLICAOF', '127.0.0.1', '1'], ['REPLICAOF', 'NO', 'ONE']],
    ['has no room', ['CONFIG', 'SET', 'maxmemory', '1'], ['CONFIG', 'SET', 'maxmemory', '0']],
  ])('take a Redis that %s for one that is away', async (_what, spoil, mend) => {
    await inRedis((client) => client.sendCommand(spoil));
    try {
      one.limiter.count('192.0.2.8');
      await one.counts.exchange();
      expect(one.redis.isThere).toBe(false);
      // It tries again and is refused again, which is worth one line.
      const reader = openProcess();
      await expect.poll(() => reader.log.lines.length, { timeout: 5_000 }).toBe(1);
      reader.counts.close();
      reader.redis.close();
      expect(one.log.lines).toHaveLength(1);
    } finally {
      await inRedis((client) => client.sendCommand(mend));
    }
    await there(one);
  });
});
