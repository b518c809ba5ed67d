import Stripe from 'stripe';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ClockState, createPrice, startTestStripe, stripeError, type TestStripe } from './harness.ts';
import { Receiver } from './receiver.ts';

let test: TestStripe;
let receiver: Receiver;
let secret: string;
let url: string;
beforeEach(async () => {
  test = await startTestStripe();
  receiver = new Receiver();
  url = await receiver.listen();
  secret = (await test.stripe.webhookEndpoints.create({ url, enabled_events: ['*'] })).secret ?? '';
});
afterEach(async () => {
  await test.close();
  await receiver.close();
});

type ShownDelivery = {
  event: string;
  type: string;
  status: string;
  attempts: number;
  response_status: number | null;
  error: string | null;
};

async function deliveries(): Promise<ShownDelivery[]> {
  return (await test.control<{ data: ShownDelivery[] }>('GET', '/deliveries')).data;
}

const clock = () => test.control<ClockState>('GET', '/clock');

/** Seconds from now until the earliest thing that is due. */
async function untilNextDue(): Promise<number> {
  const { now, next_due_at: next } = await clock();
  return next === null ? Number.POSITIVE_INFINITY : (Date.parse(next) - Date.parse(now)) / 1000;
}

async function passNextDue(): Promise<void> {
  const { next_due_at: next } = await clock();
  await test.control('POST', '/clock', { to: next });
  await test.settle();
}

describe('an event', () => {
  it('says what happened, what it was before, and which request did it', async () => {
    const created = await test.stripe.customers.create({ name: 'Ada' }, { idempotencyKey: 'make-ada' });
    await test.stripe.customers.update(created.id, { name: 'Ada L.', metadata: { team: 'x' } });
    await test.settle();
    const [first, second] = receiver.events(secret);
    expect(first).toMatchObject({ type: 'customer.created', api_version: '2026-10-28.endive', livemode: false });
    expect(first?.request).toEqual({ id: created.lastResponse.requestId, idempotency_key: 'make-ada' });
    expect(first?.data.object).toMatchObject({ id: created.id, name: 'Ada' });
    expect(first?.data).not.toHaveProperty('previous_attributes');
    expect(second?.data.previous_attributes).toEqual({ name: 'Ada', metadata: { team: null } });
  });

  it('is not made by an update that changes nothing', async () => {
    const customer = await test.stripe.customers.create({ name: 'Same' });
    await test.stripe.customers.update(customer.id, { name: 'Same', metadata: {} });
    expect((await test.stripe.events.list()).data.map((event) => event.type)).toEqual(['customer.created']);
  });

  it('can be listed by type, by types, by a wildcard, and retrieved; pending_webhooks falls to zero', async () => {
    receiver.answer = (_event, nth) => (nth === 1 ? 500 : 200);
    const product = await test.stripe.products.create({ name: 'P' });
    await test.stripe.prices.create({ currency: 'usd', unit_amount: 1, product: product.id });
    await test.settle();
    const { events } = test.stripe;
    const [made] = (await events.list({ type: 'product.*' })).data;
    expect(made?.type).toBe('product.created');
    expect((await events.list({ types: ['price.created', 'price.deleted'] })).data).toHaveLength(1);
    expect((await stripeError(events.list({ type: 'a.b', types: ['c.d'] }))).code).toBe('parameters_exclusive');
    expect((await events.retrieve(made?.id ?? '')).pending_webhooks).toBe(1);
    await passNextDue();
    expect((await events.retrieve(made?.id ?? '')).pending_webhooks).toBe(0);
  });
});

describe('an endpoint', () => {
  it('shows its secret once and gets only the types it asked for while it is enabled', async () => {
    const { webhookEndpoints } = test.stripe;
    const [all] = (await webhookEndpoints.list()).data;
    expect(all).not.toHaveProperty('secret');
    const narrowed = await webhookEndpoints.update(all?.id ?? '', { enabled_events: ['product.created'] });
    expect(narrowed.enabled_events).toEqual(['product.created']);
    await test.stripe.customers.create();
    await test.stripe.products.create({ name: 'P' });
    await test.settle();
    expect(receiver.types()).toEqual(['product.created']);
    expect((await webhookEndpoints.update(all?.id ?? '', { disabled: true })).status).toBe('disabled');
    await test.stripe.products.create({ name: 'Q' });
    await test.settle();
    expect(receiver.types()).toHaveLength(1);
    await webhookEndpoints.del(all?.id ?? '');
    expect((await webhookEndpoints.list()).data).toEqual([]);
    expect((await stripeError(webhookEndpoints.retrieve(all?.id ?? ''))).statusCode).toBe(404);
  });

  it('is refused with a broken address, no events, or an unknown version', async () => {
    const { webhookEndpoints } = test.stripe;
    expect((await stripeError(webhookEndpoints.create({ url: 'ftp://x', enabled_events: ['*'] }))).param).toBe('url');
    expect((await stripeError(webhookEndpoints.create({ url, enabled_events: [] }))).param).toBe('enabled_events');
    const broken = webhookEndpoints.create({ url, enabled_events: ['*'], api_version: 'soon' as '2024-06-20' });
    expect((await stripeError(broken)).param).toBe('api_version');
  });
});

describe('a delivery', () => {
  it('is signed over the raw body with the time of the wall clock, wherever the sandbox clock stands', async () => {
    await test.moveTo((await test.now()) + 500 * 86_400);
    await test.stripe.customers.create({ name: 'Ünïcode ✓' });
    await test.settle();
    const [received] = receiver.received;
    expect(receiver.events(secret)[0]?.type).toBe('customer.created');
    const timestamp = Number(/t=(\d+)/.exec(received?.signature ?? '')?.[1]);
    expect(Math.abs(timestamp - Date.now() / 1000)).toBeLessThan(30);
    const stripe = new Stripe('sk_test_x');
    const tampered = `${received?.body} `;
    expect(() => stripe.webhooks.constructEvent(tampered, received?.signature ?? '', secret)).toThrow(/signature/);
  });

  it('that fails is tried again after 10 s, 1 min, 10 min, 1 h, then hourly, and given up after three days', async () => {
    receiver.answer = () => 503;
    await test.stripe.customers.create();
    await test.settle();
    const waits: number[] = [];
    for (let attempt = 0; attempt < 6; attempt += 1) {
      waits.push(Math.round(await untilNextDue()));
      await passNextDue();
    }
    expect(waits).toEqual([10, 60, 600, 3600, 3600, 3600]);
    while ((await untilNextDue()) < 4000) await passNextDue();
    const [given] = await deliveries();
    expect(given).toMatchObject({ status: 'failed', response_status: 503 });
    expect(given?.attempts).toBeGreaterThan(70);
  });

  it('fails on redirects and on other answers than 2xx, and is delivered by any 2xx', async () => {
    receiver.answer = (_event, nth) => [301, 404, 204][nth - 1] ?? 200;
    await test.stripe.customers.create();
    await test.settle();
    expect(await deliveries()).toMatchObject([{ status: 'pending', response_status: 301 }]);
    await passNextDue();
    expect(await deliveries()).toMatchObject([{ status: 'pending', response_status: 404 }]);
    await passNextDue();
    expect(await deliveries()).toMatchObject([{ status: 'delivered', response_status: 204, attempts: 3 }]);
  });

  it('to an address where nobody listens is kept, and arrives when somebody does', async () => {
    const port = Number(new URL(url).port);
    await receiver.close();
    await test.stripe.customers.create();
    await test.settle();
    expect(await deliveries()).toMatchObject([{ status: 'pending', error: 'ECONNREFUSED' }]);
    receiver = new Receiver();
    await receiver.listen(port);
    await passNextDue();
    expect(receiver.types()).toEqual(['customer.created']);
  });

  it('starts in the order of the events, several at once', async () => {
    receiver.answer = () => 'hang';
    for (let index = 0; index < 20; index += 1) await test.stripe.customers.create({ name: String(index) });
    const settled = await test.control<{ settled: boolean; pending_deliveries: number }>('POST', '/webhooks/settle', {
      timeout_ms: 300,
    });
    expect(settled).toMatchObject({ settled: false, pending_deliveries: 20 });
    const names = receiver.received.map(({ body }) =>
      Number((JSON.parse(body) as { data: { object: { name: string } } }).data.object.name),
    );
    expect([...names].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('fault injection', () => {
  const make = async (count: number) => {
    for (let index = 0; index < count; index += 1) await test.stripe.customers.create({ name: `c${index}` });
  };
  const names = () =>
    receiver.received.map(({ body }) => (JSON.parse(body) as { data: { object: { name: string } } }).data.object.name);

  it('hold keeps deliveries back until they are flushed; what is held counts as settled', async () => {
    await test.control('POST', '/webhooks', { mode: 'hold' });
    await make(3);
    await test.settle();
    expect(receiver.received).toEqual([]);
    expect((await clock()).held_deliveries).toBe(3);
    await test.control('POST', '/webhooks', { mode: 'normal' });
    await test.stripe.products.create({ name: 'overtakes' });
    await test.settle();
    expect(receiver.types()).toEqual(['product.created']);
    expect(await test.control('POST', '/webhooks/flush')).toMatchObject({ released: 3 });
    await test.settle();
    expect(receiver.types()).toHaveLength(4);
  });

  it('duplicate delivers every event twice, as the same event', async () => {
    await test.control('POST', '/webhooks', { mode: 'duplicate' });
    await make(2);
    await test.settle();
    const ids = receiver.events(secret).map((event) => event.id);
    expect(ids).toHaveLength(4);
    expect(new Set(ids).size).toBe(2);
  });

  it('drop loses the delivery for good, but not the event', async () => {
    await test.control('POST', '/webhooks', { mode: 'drop' });
    await make(2);
    await test.settle();
    expect(receiver.received).toEqual([]);
    expect((await deliveries()).map((one) => one.status)).toEqual(['dropped', 'dropped']);
    expect((await test.stripe.events.list()).data).toHaveLength(2);
    expect((await clock()).next_due_at).toBeNull();
  });

  it('shuffle sends one by one in an order that a seed repeats', async () => {
    await test.control('POST', '/webhooks', { mode: 'shuffle' });
    const orders: string[] = [];
    for (const seed of [1, 1, 2]) {
      receiver.received.length = 0;
      await make(7);
      await test.control('POST', '/webhooks/flush', { seed });
      await test.settle();
      orders.push(names().join());
    }
    const inOrder = 'c0,c1,c2,c3,c4,c5,c6';
    expect(orders.map((order) => order.split(',').sort().join())).toEqual([inOrder, inOrder, inOrder]);
    expect(orders[0]).toBe(orders[1]);
    expect(orders[0]).not.toBe(inOrder);
    expect(orders[2]).not.toBe(orders[0]);
  });

  it('shuffle sends what it holds when settled, so that a clock that is moved step by step never runs ahead of it', async () => {
    await test.control('POST', '/webhooks', { mode: 'shuffle' });
    await make(3);
    await test.settle();
    expect(receiver.received).toHaveLength(3);
  });

  it('shuffle sends by itself once nothing has happened for a moment', async () => {
    await test.control('POST', '/webhooks', { mode: 'shuffle' });
    await make(2);
    expect(receiver.received).toEqual([]);
    await receiver.arrived(2);
    expect(names().sort()).toEqual(['c0', 'c1']);
  });

  it('refuses modes, faults and times that do not exist', async () => {
    await expect(test.control('POST', '/webhooks', { mode: 'sideways' })).rejects.toThrow(/400/);
    await expect(test.control('POST', '/fail', { status: 418 })).rejects.toThrow(/400/);
    await expect(test.control('POST', '/clock', { to: 'tomorrow' })).rejects.toThrow(/400/);
    await expect(test.control('POST', '/clock', { to: '2001-01-01T00:00:00Z' })).rejects.toThrow(/never goes back/);
    await expect(test.control('GET', '/nothing')).rejects.toThrow(/404/);
    const unauthorized = await fetch(`${test.url}/_sandbox/clock`, { headers: { authorization: 'Bearer wrong' } });
    expect(unauthorized.status).toBe(401);
  });

  it('reset leaves an empty sandbox at the time of the wall clock', async () => {
    await make(2);
    await test.moveTo((await test.now()) + 86_400);
    await test.control('POST', '/reset');
    expect((await test.stripe.customers.list()).data).toEqual([]);
    expect((await test.stripe.webhookEndpoints.list()).data).toEqual([]);
    expect(Math.abs((await test.now()) - Date.now() / 1000)).toBeLessThan(10);
    await createPrice(test.stripe);
  });
});
