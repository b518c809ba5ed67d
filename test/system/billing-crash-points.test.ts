import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CrashPointName } from '../../packages/server/src/ports.ts';
import { type CrashingServer, createCrashingServer } from '../support/crashing-server.ts';
import type { Answer, RunningServer } from '../support/running-server.ts';
import type { Wire } from '../support/wire.ts';

const PRODUCT = 'investment-system';

/** Somebody on the plan starter, as the vendor and Stripe know them. */
interface Subscriber {
  email: string;
  id: string;
  reference: string;
}

/** Lists the objects that Stripe has of a path now and had not before the case. */
type Made = (path: string) => Promise<Wire[]>;

/** What is asked for, at which of its steps the server dies, and what must be true in the end. */
interface Case {
  points: readonly CrashPointName[];
  ask(server: RunningServer, subscriber: Subscriber): Promise<unknown>;
  holds(server: RunningServer, subscriber: Subscriber, made: Made): Promise<void>;
}

/** What is made at Stripe for the whole account, so that a case must not take another's for its own. */
const OF_THE_ACCOUNT = ['/v1/subscriptions?status=all', '/v1/subscription_schedules', '/v1/refunds'];

const CASES: Record<string, Case> = {
  'subscribing with a card': {
    points: ['subscribe.planned', 'subscribe.called'],
    ask: (server, { email }) => buy(server, email),
    async holds(server, { email }, made) {
      const subscriptions = await made('/v1/subscriptions?status=all');
      expect(subscriptions.map(({ status }) => status)).toEqual(['active']);
      expect(await licensesOf(server, email)).toMatchObject([{ plan: 'starter', status: 'active' }]);
      expect(await lettersTo(server, email)).toHaveLength(1);
      // Asked again, as somebody does who had no answer: they are told that they have it.
      expect(await buy(server, email)).toMatchObject({ status: 409, body: { code: 'already_subscribed' } });
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
    async holds(server, { id, reference, email }, made) {
      expect(await invoicesOf(server, reference)).toHaveLength(1);
      expect((await server.call('GET', `/v1/subscriptions/${id}`))?.body).toMatchObject({
        plan: 'starter',
        pending_change: { plan: 'enterprise' },
      });
      expect(await licensesOf(server, email)).toMatchObject([{ plan: 'starter', status: 'active' }]);
      const schedules = await made('/v1/subscription_schedules');
      expect(schedules.map(({ status }) => status)).toEqual(['active']);
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
  'a refund': {
    points: ['refund.planned', 'refund.called'],
    async ask(server, { reference }) {
      const [invoice] = await invoicesOf(server, reference);
      return server.call('POST', '/v1/refunds', { invoice: invoice.id });
    },
    async holds(server, { email }, made) {
      const refunds = await made('/v1/refunds');
      expect(refunds.map(({ amount }) => amount)).toEqual([2_900]);
      expect(await licensesOf(server, email)).toMatchObject([{ status: 'revoked' }]);
      const letters = await lettersTo(server, email);
      expect(new Set(letters.map(({ subject }: Wire) => subject)).size).toBe(letters.length);
    },
  },
  // The last, for it moves the clock into the next month for all who have subscribed.
  'telling Stripe of use beyond the plan': {
    points: ['overage.planned', 'overage.called'],
    async ask(server, { email }) {
      const [license] = await licensesOf(server, email);
      const event = { id: `use of ${email}`, meter: 'calls', license_id: license.id, quantity: 1_040 };
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
};

const isLong = process.env.LATCHKEY_TEST_LONG === '1';
const STEPS = Object.entries(CASES).flatMap(([name, { points }]) => points.map((point) => [name, point] as const));

describe.each(['pglite', 'postgres'] as const)('kill -9 in the course of, on %s', (engine) => {
  let server: CrashingServer;

  beforeAll(async () => {
    server = await createCrashingServer(engine);
  });
  afterAll(() => server?.remove());

  // The intent path is the same on both engines; what a crash leaves in hand is given back in another way.
  const steps = STEPS.filter(([name]) => isLong || engine === 'postgres' || name === 'a change of plan');
  it.each(steps)('%s, at %s: afterwards it is done once, and nothing else', async (name, point) => {
    const { ask, holds } = CASES[name] as Case;
    if (!server.isRunning()) await server.start();
    const made = await madeFromNow(server);
    const email = `${name.replaceAll(' ', '-')}-${point}@example.com`;
    const nobody = { email, id: '', reference: '' };
    const subscriber = point.startsWith('subscribe') ? nobody : await subscribe(server, email);

    server.crashAt(point);
    expect(await ask(server, subscriber)).toBeNull();
    expect((await server.exited()).signal, `the server did not reach ${point}`).toBe('SIGKILL');
    await server.endLeases();
    await server.start();
    const settled = async () => {
      await server.call('POST', '/sandbox/time/advance', { seconds: 30 });
      const waiting = (await server.call('GET', '/v1/inbox?status=pending'))?.body.data;
      const open = (await server.call('GET', '/metrics'))?.body;
      return { waiting, open: /^latchkey_intents_open(?:\{[^}]*\})? (\d+)/m.exec(String(open))?.[1] };
    };
    await expect.poll(settled, { timeout: 30_000, interval: 100 }).toEqual({ waiting: [], open: '0' });
    expect((await server.call('GET', '/v1/inbox?status=failed'))?.body.data).toEqual([]);
    await holds(server, subscriber, made);
  });
});

async function madeFromNow(server: RunningServer): Promise<Made> {
  const list = async (path: string): Promise<Wire[]> => {
    const { body } = (await server.stripe('GET', `${path}${path.includes('?') ? '&' : '?'}limit=100`)) ?? {};
    return body.data;
  };
  const before = (await Promise.all(OF_THE_ACCOUNT.map(list))).flat();
  const known = new Set(before.map(({ id }) => id));
  return async (path) => (await list(path)).filter(({ id }) => !known.has(id));
}

function buy(server: RunningServer, email: string): Promise<Answer | null> {
  const body = { product: PRODUCT, plan: 'starter', email, payment_method: 'pm_card_visa' };
  return server.call('POST', '/v1/subscriptions', body);
}

async function subscribe(server: RunningServer, email: string): Promise<Subscriber> {
  const answer = await buy(server, email);
  expect(answer).toMatchObject({ status: 201 });
  await server.call('POST', '/sandbox/time/advance', { seconds: 1 });
  return { email, id: answer?.body.id, reference: answer?.body.stripe_subscription_id };
}

const invoicesOf = async (server: RunningServer, reference: string): Promise<Wire[]> =>
  (await server.stripe('GET', `/v1/invoices?subscription=${reference}`))?.body.data;

const licensesOf = async (server: RunningServer, email: string): Promise<Wire[]> =>
  (await server.call('GET', `/v1/licenses?email=${email}`))?.body.data;

const lettersTo = async (server: RunningServer, email: string): Promise<Wire[]> =>
  (await server.call('GET', `/sandbox/mail?to=${email}`))?.body;
