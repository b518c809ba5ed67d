import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CrashPointName } from '../../packages/server/src/ports.ts';
import { type CrashingServer, createCrashingServer } from '../support/crashing-server.ts';
import type { RunningServer } from '../support/running-server.ts';

/** Every step from the checkout to the key in the mailbox, in the order in which a purchase reaches them. */
const POINTS: readonly CrashPointName[] = [
  'checkout.planned',
  'checkout.called',
  'webhook.verified',
  'webhook.stored',
  'inbox.claimed',
  'inbox.projected',
  'inbox.committed',
  'outbox.claimed',
  'outbox.delivered',
  'outbox.committed',
];

/**
 * Each engine takes up again what a dead process held in its own way. `npm test` dies everywhere on PostgreSQL, where what was held is freed
 * at once, and here on the embedded engine; `npm run test:long` dies everywhere on both and waits for leases to end.
 */
const ON_PGLITE: readonly CrashPointName[] = [
  'checkout.called',
  'webhook.stored',
  'inbox.projected',
  'outbox.delivered',
];
const IS_LONG = process.env.LATCHKEY_TEST_LONG === '1';

describe.each(['pglite', 'postgres'] as const)('kill -9 on the way from checkout to key, on %s', (engine) => {
  let server: CrashingServer;

  beforeAll(async () => {
    server = await createCrashingServer(engine);
  });
  afterAll(() => server?.remove());

  it.each(engine === 'pglite' && !IS_LONG ? ON_PGLITE : POINTS)(
    'at %s: afterwards one licence, one letter, nothing lost',
    async (point) => {
      if (!server.isRunning()) await server.start();
      const email = `${point.replace('.', '-')}@example.com`;
      const before = new Set((await subscriptionsAtStripe(server)).map(({ id }) => id));

      server.crashAt(point);
      const session = await buyThroughTheCrash(server, email);
      expect((await server.exited()).signal, `the server did not reach ${point}`).toBe('SIGKILL');
      if (!IS_LONG) await server.endLeases();
      await server.start();
      const paid = session ?? (await buy(server, email));
      if (paid === null) throw new Error('the purchase failed on a server that does not crash');
      await pay(server, paid);
      expect((await server.call('POST', '/sandbox/time/advance', { seconds: 120 }))?.body).toMatchObject({
        settled: true,
      });

      // On PostgreSQL another process might have had them in hand: what the one that died held is free when its lease ends.
      const waiting = async () => (await server.call('GET', '/v1/inbox?status=pending'))?.body.data;
      await expect.poll(waiting, { timeout: 30_000, interval: 100 }).toEqual([]);
      await server.call('POST', '/sandbox/time/advance', { seconds: 1 });
      expect((await server.call('GET', '/v1/inbox?status=failed'))?.body.data).toEqual([]);

      const letters = (await server.call('GET', `/sandbox/mail?to=${email}`))?.body;
      expect(letters).toHaveLength(1);
      const key = /[0-9a-f]{16}(-[0-9a-f]{16}){15}/.exec(letters[0].text)?.[0];
      const licenses = (await server.call('GET', `/v1/licenses?email=${email}`))?.body.data;
      expect(licenses).toHaveLength(1);
      expect((await server.call('POST', '/v1/licenses/validate', { key }))?.body).toMatchObject({
        code: 'VALID',
        license: { id: licenses[0].id },
      });
      const made = (await subscriptionsAtStripe(server)).filter(({ id }) => !before.has(id));
      expect(made.map(({ status }) => status)).toEqual(['active']);
      expect((await server.call('GET', `/v1/checkouts/${paid}`))?.body).toMatchObject({ status: 'complete' });
    },
  );
});

async function subscriptionsAtStripe(server: RunningServer): Promise<{ id: string; status: string }[]> {
  return (await server.stripe('GET', '/v1/subscriptions?status=all&limit=100'))?.body.data;
}

/** Buys as a client would; null when the server died before it answered, so that the client has nothing to go on. */
async function buyThroughTheCrash(server: RunningServer, email: string): Promise<string | null> {
  const session = await buy(server, email);
  if (session !== null) await pay(server, session);
  return session;
}

async function buy(server: RunningServer, email: string): Promise<string | null> {
  const answer = await server.call('POST', '/v1/checkouts', { product: 'infinite-server26', email });
  if (answer === null) return null;
  expect(answer.status).toBe(201);
  return answer.body.id;
}

/** Pays unless it was paid already; does not mind a connection that breaks because the server died. */
async function pay(server: RunningServer, session: string): Promise<void> {
  const before = await server.stripe('GET', `/v1/checkout/sessions/${session}`);
  if (before === null || before.body.status === 'complete') return;
  const path = `/_sandbox/checkout/sessions/${session}/complete`;
  await server.stripe('POST', path, { payment_method: 'pm_card_visa' });
}
