import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { CrashPointName } from '../../packages/server/src/ports.ts';
import { freePortPair } from '../support/ports.ts';
import { type Answer, createRunningServer, type RunningServer } from '../support/running-server.ts';
import type { Wire } from '../support/wire.ts';

const CRASH_SERVER = 'test/support/fixtures/crash-server.ts';
const EMAIL = 'somebody@example.com';
const PRODUCT = 'investment-system';

/** Somebody on the plan starter, as the vendor and Stripe know them. */
interface Subscriber {
  email: string;
  id: string;
  reference: string;
}

/** What is asked for, at which of its steps the server dies, and what must be true in the end. */
interface Case {
  points: readonly CrashPointName[];
  ask(server: RunningServer, subscriber: Subscriber): Promise<unknown>;
  holds(server: RunningServer, subscriber: Subscriber): Promise<void>;
}

const CASES: Record<string, Case> = {
  'subscribing with a card': {
    points: ['subscribe.planned', 'subscribe.called'],
    ask: buy,
    async holds(server, { email }) {
      const { data } = (await server.stripe('GET', '/v1/subscriptions?status=all'))?.body ?? {};
      expect(data.map(({ status }: Wire) => status)).toEqual(['active']);
      expect(await licensesOf(server, email)).toMatchObject([{ plan: 'starter', status: 'active' }]);
      expect(await lettersTo(server, email)).toHaveLength(1);
      // Asked again, as somebody does who had no answer: they are told that they have it.
      expect(await buy(server)).toMatchObject({ status: 409, body: { code: 'already_subscribed' } });
    },
  },
  'a change of plan': {
    points: ['change.planned', 'change.called'],
    ask: (server, { id }) => server.call('POST', `/v1/subscriptions/${id}/change`, { plan: 'pro' }),
    async holds(server, { id, reference, email }) {
      const charges = (await invoicesOf(server, reference)).filter(({ status }: Wire) => status === 'paid');
      expect(charges.map(({ billing_reason: reason }: Wire) => reason)).toEqual([
        'subscription_update',
        'subscription_create',
      ]);
      expect((await server.call('GET', `/v1/subscriptions/${id}`))?.body).toMatchObject({
        plan: 'pro',
        status: 'active',
      });
      expect(await licensesOf(server, email)).toMatchObject([{ plan: 'pro', status: 'active' }]);
      expect(await lettersTo(server, email)).toHaveLength(1);
    },
  },
  'a change of plan at the end of the period': {
    points: ['change.planned', 'change.called'],
    ask: (server, { id }) =>
      server.call('POST', `/v1/subscriptions/${id}/change`, { plan: 'enterprise', when: 'period_end' }),
    async holds(server, { id, reference, email }) {
      expect(await invoicesOf(server, reference)).toHaveLength(1);
      expect((await server.call('GET', `/v1/subscriptions/${id}`))?.body).toMatchObject({
        plan: 'starter',
        pending_change: { plan: 'enterprise' },
      });
      expect(await licensesOf(server, email)).toMatchObject([{ plan: 'starter', status: 'active' }]);
      const schedules = (await server.stripe('GET', '/v1/subscription_schedules'))?.body.data;
      expect(schedules.map(({ status }: Wire) => status)).toEqual(['active']);
    },
  },
  'a cancellation': {
    points: ['cancel.planned', 'cancel.called'],
    ask: (server, { id }) => server.call('POST', `/v1/subscriptions/${id}/cancel`),
    async holds(server, { id, reference, email }) {
      expect(await invoicesOf(server, reference)).toHaveLength(1);
      expect((await server.call('GET', `/v1/subscriptions/${id}`))?.body).toMatchObject({ status: 'canceled' });
      const letters = await lettersTo(server, email);
      expect(new Set(letters.map(({ subject }: Wire) => subject)).size).toBe(letters.length);
      expect(letters).toHaveLength(2);
    },
  },
  'telling Stripe of use beyond the plan': {
    points: ['overage.planned', 'overage.called'],
    async ask(server, { email }) {
      const [license] = await licensesOf(server, email);
      const event = { id: 'used', meter: 'calls', license_id: license.id, quantity: 1_040 };
      const used = await server.call('POST', '/v1/usage', event);
      expect(used?.body).toMatchObject({ accepted: 1 });
      return server.call('POST', '/sandbox/time/advance', { seconds: 61 });
    },
    async holds(server, { reference }) {
      const told = await server.call('GET', `/v1/billing/overage?subscription=${reference}&stripe=true`);
      expect(told?.body.data).toMatchObject([{ steps: 40, metered_steps: 40, counted_steps: 40, status: 'open' }]);
      await server.call('POST', '/sandbox/time/advance', { days: 32 });
      const [renewal] = await invoicesOf(server, reference);
      expect(renewal).toMatchObject({ status: 'paid', amount_paid: 2_900 + 40 * 3 });
    },
  },
  'a refund': {
    points: ['refund.planned', 'refund.called'],
    async ask(server, { reference }) {
      const [invoice] = await invoicesOf(server, reference);
      return server.call('POST', '/v1/refunds', { invoice: invoice.id });
    },
    async holds(server, { email }) {
      const refunds = (await server.stripe('GET', '/v1/refunds'))?.body.data;
      expect(refunds.map(({ amount }: Wire) => amount)).toEqual([2_900]);
      expect(await licensesOf(server, email)).toMatchObject([{ status: 'revoked' }]);
      const letters = await lettersTo(server, email);
      expect(new Set(letters.map(({ subject }: Wire) => subject)).size).toBe(letters.length);
    },
  },
};

const isLong = process.env.LATCHKEY_TEST_LONG === '1';
const STEPS = Object.entries(CASES).flatMap(([name, { points }]) => points.map((point) => [name, point] as const));

describe.each(['pglite', 'postgres'] as const)('kill -9 in the course of, on %s', (engine) => {
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

  // The intent path is the same on both engines; what a crash leaves in hand is given back in another way.
  const steps = STEPS.filter(([name]) => isLong || engine === 'postgres' || name === 'a change of plan');
  it.each(steps)('%s, at %s: afterwards it is done once, and nothing else', async (name, point) => {
    const { ask, holds } = CASES[name] as Case;
    count += 1;
    const dataDir = join(folder, `case-${count}`);
    if (engine === 'pglite') cpSync(join(folder, 'template'), dataDir, { recursive: true });
    server = await createRunningServer({ engine, dataDir, file: CRASH_SERVER, port });
    await server.start({ crashAt: point });
    const nobody = { email: EMAIL, id: '', reference: '' };
    const subscriber = point.startsWith('subscribe') ? nobody : await subscribe(server);

    expect(await ask(server, subscriber)).toBeNull();
    expect((await server.exited()).signal, `the server did not reach ${point}`).toBe('SIGKILL');
    await server.start();
    if (server.databaseUrl !== null) await endLeases(server.databaseUrl);
    const settled = async () => {
      await server.call('POST', '/sandbox/time/advance', { seconds: 30 });
      const waiting = (await server.call('GET', '/v1/inbox?status=pending'))?.body.data;
      const open = (await server.call('GET', '/metrics'))?.body;
      return { waiting, open: /^latchkey_intents_open(?:\{[^}]*\})? (\d+)/m.exec(String(open))?.[1] };
    };
    await expect.poll(settled, { timeout: 30_000, interval: 250 }).toEqual({ waiting: [], open: '0' });
    expect((await server.call('GET', '/v1/inbox?status=failed'))?.body.data).toEqual([]);
    await holds(server, subscriber);
  });
});

function buy(server: RunningServer): Promise<Answer | null> {
  const body = { product: PRODUCT, plan: 'starter', email: EMAIL, payment_method: 'pm_card_visa' };
  return server.call('POST', '/v1/subscriptions', body);
}

async function subscribe(server: RunningServer): Promise<Subscriber> {
  const answer = await buy(server);
  expect(answer).toMatchObject({ status: 201 });
  await server.call('POST', '/sandbox/time/advance', { seconds: 1 });
  return { email: EMAIL, id: answer?.body.id, reference: answer?.body.stripe_subscription_id };
}

/** On PostgreSQL another process might have in hand what the one that died held: it is free when its lease ends, here at once. */
async function endLeases(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  await client.query(`update intents set lease_until = null, next_attempt_at = now() where status = 'planned'`);
  await client.end();
}

const invoicesOf = async (server: RunningServer, reference: string): Promise<Wire[]> =>
  (await server.stripe('GET', `/v1/invoices?subscription=${reference}`))?.body.data;

const licensesOf = async (server: RunningServer, email: string): Promise<Wire[]> =>
  (await server.call('GET', `/v1/licenses?email=${email}`))?.body.data;

const lettersTo = async (server: RunningServer, email: string): Promise<Wire[]> =>
  (await server.call('GET', `/sandbox/mail?to=${email}`))?.body;
