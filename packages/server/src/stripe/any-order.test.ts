import type { AddressInfo } from 'node:net';
import Stripe from 'stripe';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestSandbox, type TestSandbox } from '../../../../test/support/sandbox.ts';
import { createTestDatabase, type TestDatabase } from '../../test/support/database.ts';
import { createTestHttp } from '../../test/support/http.ts';
import { loadExampleCatalog } from '../../test/support/licensing.ts';
import { createTestPorts } from '../../test/support/ports.ts';
import type { LoadedCatalog } from '../catalog/load.ts';
import type { Http } from '../http/index.ts';
import { createStripeClient } from './client/index.ts';
import { createHouseBehindInbox } from './test/house.ts';
import { webhookSecret } from './test/inbox-harness.ts';
import { createSimulatedStripe, subscription } from './test/simulated-stripe.ts';
import { registerStripeWebhook } from './webhook-route.ts';

const ports = createTestPorts();
const plan = { latchkey_product: 'infinite-server26', latchkey_plan: 'license' };
let test: TestDatabase;
let loaded: LoadedCatalog;
beforeAll(async () => {
  test = await createTestDatabase();
  loaded = await loadExampleCatalog();
});
afterAll(() => test.close());

function permutations<T>(all: readonly T[]): T[][] {
  if (all.length === 0) return [[]];
  return all.flatMap((one, index) => permutations(all.toSpliced(index, 1)).map((rest) => [one, ...rest]));
}

describe('a purchase whose payment failed once and recovered', () => {
  it.each(['once', 'twice'] as const)(
    'gives one license and one letter with the key in all 24 orders, each event %s [Z2]',
    async (times) => {
      const wrong: string[] = [];
      for (const order of permutations([0, 1, 2, 3])) {
        const stripe = createSimulatedStripe();
        const house = createHouseBehindInbox({ database: test.database, ports, loaded, fetch: stripe.fetch });
        const id = `sub_${times}_${order.join('')}`;
        const price = { id: 'price_1', unit_amount: 2_500, recurring: { interval: 'month', interval_count: 1 } };
        const item = {
          id: 'si_1',
          price,
          quantity: 1,
          current_period_start: 1_767_225_600,
          current_period_end: 1_769_904_000,
        };
        const state = (status: string) =>
          subscription(id, status, {
            items: { data: [item] },
            metadata: plan,
            start_date: 1_767_225_600,
            cancel_at_period_end: false,
          });
        const customer = { id: `cus_of_${id}`, object: 'customer', email: 'ada@example.com', name: 'Ada' };
        await house.deliver(stripe.change('customer.created', customer));
        const events = [
          stripe.change('customer.subscription.created', state('incomplete')),
          stripe.change('customer.subscription.updated', state('active')),
        ];
        stripe.nowMs += 5_000;
        events.push(stripe.change('customer.subscription.updated', state('past_due')));
        events.push(stripe.change('customer.subscription.updated', state('active')));
        for (const index of order) {
          for (let time = 0; time < (times === 'once' ? 1 : 2); time += 1) {
            await house.deliver(events[index] ?? {});
            await house.inbox.worker.settled();
          }
        }
        const { status, licenses, letters } = await house.outcome(id);
        const keyLetters = letters.filter((letter) => letter === 'issued').length;
        if (status !== 'active' || licenses.join() !== 'renewing' || keyLetters !== 1) {
          wrong.push(`${order.join('')}: ${status}, licenses ${licenses.join()}, letters ${letters.join()}`);
        }
      }
      expect(wrong).toEqual([]);
    },
  );
});

describe('the webhooks of a Stripe', () => {
  let sandbox: TestSandbox;
  let http: Http;
  let house: ReturnType<typeof createHouseBehindInbox>;
  let stripe: Stripe;
  const secrets: string[] = [webhookSecret];
  const control = async (path: string, body: object): Promise<Record<string, unknown>> => {
    const answer = await fetch(`${sandbox.url}/_sandbox${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sandbox.adminToken}` },
      body: JSON.stringify(body),
    });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Record<string, unknown>;
  };

  beforeAll(async () => {
    sandbox = await startTestSandbox();
    const secretKey = 'sk_test_any_order';
    const client = createStripeClient({ secretKey, apiUrl: sandbox.url, log: ports.log });
    house = createHouseBehindInbox({ database: test.database, ports, loaded, secrets, fetch: client.fetch });
    http = await createTestHttp({ database: test.database, ports });
    registerStripeWebhook(http, house.inbox);
    await http.listen({ host: '127.0.0.1', port: 0 });
    stripe = new Stripe(secretKey, { host: '127.0.0.1', port: sandbox.port, protocol: 'http', maxNetworkRetries: 0 });
    // The sandbox signs by the real clock.
    ports.clock.pass(Date.now() - ports.clock.wall().getTime());
    house.inbox.worker.start();
  });
  afterAll(async () => {
    await house.inbox.worker.stop();
    await http.close();
    await sandbox.close();
  });

  const [today, older] = ['2026-10-28.endive', '2024-06-20'];
  it.each([
    ['normal', today],
    ['normal', older],
    ['duplicate', today],
    ['shuffle', today],
    ['shuffle', older],
  ])(
    'in the mode %s and the version %s lead from a purchase to one license and one letter, and to its end [Z2]',
    async (mode, version) => {
      const { port } = http.server.address() as AddressInfo;
      const endpoint = await stripe.webhookEndpoints.create({
        url: `http://127.0.0.1:${port}/webhook/stripe`,
        enabled_events: ['*'],
        api_version: version as Stripe.WebhookEndpointCreateParams.ApiVersion,
      });
      secrets.push(endpoint.secret ?? '');
      await control('/webhooks', { mode });
      const settle = async () => {
        expect(await control('/webhooks/settle', {})).toMatchObject({ settled: true });
        await house.inbox.worker.settled();
      };

      const { id: customer } = await stripe.customers.create({ email: 'ada@example.com', name: 'Ada' });
      const card = await stripe.paymentMethods.attach('pm_card_visa', { customer });
      const price = await stripe.prices.create({
        currency: 'usd',
        unit_amount: 2_500,
        recurring: { interval: 'month' },
        product_data: { name: 'License' },
      });
      const bought = await stripe.subscriptions.create({
        customer,
        items: [{ price: price.id }],
        default_payment_method: card.id,
        metadata: plan,
      });
      await settle();
      expect(await house.outcome(bought.id)).toMatchObject({
        status: 'active',
        licenses: ['renewing'],
        letters: ['issued'],
      });

      await stripe.subscriptions.cancel(bought.id);
      await settle();
      const { status, licenses, letters } = await house.outcome(bought.id);
      expect([status, licenses]).toEqual(['canceled', ['ended']]);
      expect(letters.toSorted()).toEqual(['issued', 'subscription-canceled']);
      expect(await house.inbox.lag()).toEqual({ pending: 0, failed: 0, oldestSeconds: 0 });
      const versions = await house.inbox.list({}, null, 1);
      expect(versions).toMatchObject([{ apiVersion: version }]);
      await stripe.webhookEndpoints.del(endpoint.id);
    },
  );
});
