import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createTestRedis, hasRedis, type TestRedis } from '../../../test/support/redis-server.ts';
import type { Wire } from '../../../test/support/wire.ts';
import { createTestClock } from '../test/support/ports.ts';
import { openShop, type Shop } from '../test/support/shop.ts';

const KEY = 'RL-AAAAAAAA-BBBBBBBB-';
/** The second server is that far into the first one's future. Both clocks stand, so that no minute ends within a test. */
const LATER_SECONDS = 5;
/** Too short for one server to come to what is too many by itself: fifty guesses. */
const A_MOMENT = { interval: 100, timeout: 5_000 };
const startAt = new Date('2026-05-01T12:00:10Z');

let redis: TestRedis;
let one: Shop;
let other: Shop;
const otherClock = createTestClock(new Date(startAt.getTime() + 1_000 * LATER_SECONDS));

/** Guesses at what follows the beginning of a key; how many were looked at. */
async function guess(shop: Shop, count: number, beginning = KEY): Promise<number> {
  const tails = Array.from({ length: count }, (_, index) => String(index).padStart(8, '0'));
  const answers = await Promise.all(
    tails.map((tail) => shop.call('POST', '/v1/licenses/validate', null, { key: `${beginning}${tail}` })),
  );
  expect(answers.filter(({ status }) => status >= 500)).toEqual([]);
  return answers.filter(({ status }) => status !== 429).length;
}

const doctorSays = async (shop: Shop): Promise<Wire> =>
  (await shop.vendor('GET', '/v1/doctor')).body.checks.find(({ code }: Wire) => code === 'redis');
const isUp = async (shop: Shop): Promise<string | undefined> => {
  const answer = await fetch(`${shop.server.url}/metrics`);
  return /^latchkey_redis_up (\d)$/m.exec(await answer.text())?.[1];
};

describe.skipIf(!hasRedis)('two servers on one database with one Redis (needs redis-server on the PATH)', () => {
  beforeAll(async () => {
    redis = await createTestRedis();
    await redis.start();
    const environment = {
      SANDBOX: 'off',
      CATALOG: fileURLToPath(new URL('../../../examples/investment-system', import.meta.url)),
      ADMIN_TOKEN: 'lka_the_admin_token_of_servers_with_one_redis',
      REDIS_URL: redis.url,
    };
    one = await openShop(environment, { clock: createTestClock(startAt) });
    const DATABASE_URL = one.server.app.config.databaseUrl ?? '';
    other = await openShop({ ...environment, DATABASE_URL }, { clock: otherClock });
    await vi.waitFor(async () => expect([await isUp(one), await isUp(other)]).toEqual(['1', '1']), 10_000);
  });
  afterAll(async () => {
    await other?.close();
    await one?.close();
    await redis?.kill();
  });

  it('count failed checks of a key together: what one has seen, the other refuses', async () => {
    expect(await guess(one, 160)).toBe(160);
    expect(await guess(other, 139)).toBe(139);
    // One less than is too many, and neither has seen more than 160 itself. Each knows of the other's a moment later.
    await expect.poll(() => guess(one, 1), A_MOMENT).toBe(0);
    await expect.poll(() => guess(other, 1), A_MOMENT).toBe(0);
    expect(await guess(other, 1, 'RL-OTHERKEY-BBBBBBBB-')).toBe(1);
  });

  it.each(['/v1/analytics/revenue', '/billing/admin/stats'])(
    '%s is worked out by one and answered by both for 15 s, to admins alone [V8]',
    async (path) => {
      const first = await one.vendor('GET', path);
      expect(first).toMatchObject({ status: 200 });
      expect(first.headers.get('age')).toBe('0');
      const again = () => other.vendor('GET', path);
      await expect.poll(async () => (await again()).headers.get('age')).toBe(String(LATER_SECONDS));
      const kept = await again();
      expect(kept.body).toEqual(first.body);
      expect(kept.headers.get('content-type')).toBe(first.headers.get('content-type'));
      expect((await other.call('GET', path, null)).status).toBe(401);
      expect((await other.call('GET', path, await other.tokenOf('ada'))).status).toBe(403);
      otherClock.pass(11_000);
      try {
        expect((await again()).headers.get('age')).toBe('0');
      } finally {
        otherClock.pass(-11_000);
      }
    },
  );

  it('go on without it, say so, and share again when it is back [V8]', async () => {
    expect(await doctorSays(one)).toMatchObject({ status: 'ok', detail: expect.stringContaining('answers') });
    await redis.kill();
    await expect.poll(() => isUp(one)).toBe('0');
    await expect.poll(() => isUp(other)).toBe('0');
    expect(await doctorSays(one)).toMatchObject({ status: 'warning', detail: expect.stringContaining('away') });
    expect((await one.vendor('GET', '/v1/analytics/revenue')).status).toBe(200);
    expect((await one.call('GET', '/health/ready', null)).status).toBe(200);
    const beginning = 'RL-CCCCCCCC-DDDDDDDD-';
    expect(await guess(one, 160, beginning)).toBe(160);
    expect(await guess(other, 150, beginning)).toBe(150);
    expect(await guess(one, 1, beginning)).toBe(1);
    await redis.start();
    await expect.poll(() => isUp(one), { timeout: 20_000 }).toBe('1');
    await expect.poll(() => isUp(other), { timeout: 20_000 }).toBe('1');
    await expect.poll(() => guess(one, 1, beginning), A_MOMENT).toBe(0);
    await expect.poll(() => guess(other, 1, beginning), A_MOMENT).toBe(0);
  });
});

describe('a server whose Redis was never there', () => {
  it('starts, answers and says so', async () => {
    // Nobody listens at port 1.
    const shop = await openShop({ REDIS_URL: 'redis://127.0.0.1:1' });
    try {
      expect((await shop.call('GET', '/health/ready', null)).status).toBe(200);
      expect(await doctorSays(shop)).toMatchObject({ status: 'warning' });
      // In the sandbox nothing is kept, since time is moved there.
      expect((await shop.vendor('GET', '/v1/analytics/revenue')).headers.get('age')).toBeNull();
    } finally {
      await shop.close();
    }
  });
});
