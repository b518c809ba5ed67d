import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CrashPointName } from '../../packages/server/src/ports.ts';
import { freePortPair } from '../support/ports.ts';
import { createRunningServer, type RunningServer } from '../support/running-server.ts';

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

/** Each engine takes up again what a dead process held in its own way; `npm run test:long` dies everywhere on both. */
const ON_PGLITE: readonly CrashPointName[] = [
  'checkout.called',
  'webhook.stored',
  'inbox.projected',
  'outbox.delivered',
];
const IS_LONG = process.env.LATCHKEY_TEST_LONG === '1';

const CRASH_SERVER = 'test/support/fixtures/crash-server.ts';

describe.each(['pglite', 'postgres'] as const)('kill -9 on the way from checkout to key, on %s', (engine) => {
  let folder: string;
  let port: number;
  let server: RunningServer;
  let count = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-crash-'));
    port = await freePortPair();
    if (engine === 'postgres') return;
    // The embedded database takes seconds to be made; each case starts from a copy of one that has been.
    const first = await createRunningServer({ engine, dataDir: join(folder, 'template'), file: CRASH_SERVER, port });
    await first.start();
    await first.stop();
    await first.remove();
  });

  afterEach(() => server?.remove());
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(engine === 'pglite' && !IS_LONG ? ON_PGLITE : POINTS)(
    'at %s: afterwards one licence, one letter, nothing lost',
    async (point) => {
      count += 1;
      const dataDir = join(folder, `case-${count}`);
      if (engine === 'pglite') cpSync(join(folder, 'template'), dataDir, { recursive: true });
      server = await createRunningServer({ engine, dataDir, file: CRASH_SERVER, port });
      const email = `${point.replace('.', '-')}@example.com`;

      await server.start({ crashAt: point });
      const session = await buyThroughTheCrash(server, email);
      expect((await server.exited()).signal, `the server did not reach ${point}`).toBe('SIGKILL');
      if (!server.isRunning()) await server.start();
      const paid = session ?? (await buy(server, email));
      if (paid === null) throw new Error('the purchase failed on a server that does not crash');
      await pay(server, paid);
      expect((await server.call('POST', '/sandbox/time/advance', { seconds: 120 }))?.body).toMatchObject({
        settled: true,
      });

      // On PostgreSQL another process might have had them in hand: what the one that died held is free when its lease ends.
      const waiting = async () => (await server.call('GET', '/v1/inbox?status=pending'))?.body.data;
      await expect.poll(waiting, { timeout: 30_000, interval: 250 }).toEqual([]);
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
      const subscriptions = (await server.stripe('GET', '/v1/subscriptions?status=all'))?.body.data;
      expect(subscriptions.map((subscription: { status: string }) => subscription.status)).toEqual(['active']);
      expect((await server.call('GET', `/v1/checkouts/${paid}`))?.body).toMatchObject({ status: 'complete' });
    },
  );
});

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
