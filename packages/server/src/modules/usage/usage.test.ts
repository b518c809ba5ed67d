import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../test/support/shop.ts';
import type { Server } from '../../server.ts';

const JWT_SECRET = 'a secret of the vendor’s own for tests of usage';

let shop: Shop;
let server: Server;

beforeAll(async () => {
  shop = await openShop({ JWT_SECRET, TRUST_PROXY: 'true' });
  server = shop.server;
});

afterAll(() => shop?.close());

const admin = () => ({ authorization: `Bearer ${server.app.adminToken.token}` });

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = admin()) {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: Wire = await answer.json();
  return { status: answer.status, body: value };
}

const issue = async (plan: string, more: object = {}): Promise<Wire> =>
  (await call('POST', '/v1/licenses', { product: 'investment-system', plan, ...more })).body;

const standing = async (key: string): Promise<Wire> =>
  (await call('GET', '/v1/usage/limits?meter=calls', undefined, { 'x-license-key': key })).body.data[0];

let ids = 0;
const used = (license_key: string, quantity: number | string = 1, more: object = {}) => {
  ids += 1;
  return { id: `event-${ids}`, meter: 'calls', license_key, quantity, ...more };
};
const codes = ({ body }: { body: Wire }): string[] => body.rejected.map(({ code }: { code: string }) => code);

const DAY_MS = 86_400_000;
const ago = (days: number) => new Date(server.app.clock.now().getTime() - days * DAY_MS).toISOString();

describe('recording use', () => {
  it('counts an event once for its id, and says where the period stands', async () => {
    const { key } = await issue('free');
    const event = used(key, 3);
    expect((await call('POST', '/v1/usage', event)).body).toEqual({ accepted: 1, duplicates: 0, rejected: [] });
    expect((await call('POST', '/v1/usage', event)).body).toEqual({ accepted: 0, duplicates: 1, rejected: [] });
    expect(await standing(key)).toMatchObject({
      plan: 'free',
      limit: 'hard',
      included: 100,
      used: 3,
      remaining: 97,
      percentage: 3,
    });
  });

  it('refuses what a hard limit does not cover, and counts what has happened all the same', async () => {
    const { key } = await issue('free');
    await call('POST', '/v1/usage', used(key, 99));
    const refused = await call('POST', '/v1/usage', used(key, 2));
    expect(codes(refused)).toEqual(['limit_reached']);
    expect((await call('POST', '/v1/usage', used(key, 5, { enforce: false }))).body).toMatchObject({ accepted: 1 });
    expect(await standing(key)).toMatchObject({ used: 104, remaining: 0, uncovered: 4, overage: 0 });
  });

  it('bills what goes beyond a plan that is billed for it', async () => {
    const { key } = await issue('starter');
    await call('POST', '/v1/usage', used(key, 1_007));
    expect(await standing(key)).toMatchObject({
      used: 1_007,
      overage: 7,
      overage_cost: { amount_cents: 21, currency: 'usd' },
    });
  });

  it.each([
    ['free', 100, null],
    ['starter', 1_000, 21],
    ['pro', 10_000, 14],
    ['enterprise', 100_000, 7],
  ])(
    'includes what the tier says (%s: %i calls), and bills 7 calls more with %s cents [V2]',
    async (plan, included, cents) => {
      const { key } = await issue(plan);
      await call('POST', '/v1/usage', used(key, included));
      const beyond = await call('POST', '/v1/usage', used(key, 7));
      expect(codes(beyond)).toEqual(cents === null ? ['limit_reached'] : []);
      const { used: counted, overage, overage_cost } = await standing(key);
      expect({ counted, overage }).toEqual(
        cents === null ? { counted: included, overage: 0 } : { counted: included + 7, overage: 7 },
      );
      expect(overage_cost?.amount_cents ?? null).toBe(cents);
    },
  );

  it('keeps the good events of a batch, and says which were not and why', async () => {
    const { key } = await issue('pro');
    const other = await issue('pro');
    const good = used(key, 2);
    const bad: [object | null | string, string][] = [
      [used(key, -1), 'quantity_invalid'],
      [used(key, 0), 'quantity_invalid'],
      [used(key, 'NaN'), 'quantity_invalid'],
      [used(key, 1e308), 'quantity_invalid'],
      [used(key, '1.0000001'), 'quantity_invalid'],
      [used(key, 1, { at: ago(-1) }), 'event_in_future'],
      [used(key, 1, { at: ago(36) }), 'event_too_old'],
      [used(key, 1, { at: 'yesterday' }), 'invalid_request'],
      [used(key, 1, { meter: 'none' }), 'meter_unknown'],
      [used('INV-AAAA-BBBB', 1), 'resource_missing'],
      [used(key, 1, { properties: { text: 'x'.repeat(5_000) } }), 'properties_too_large'],
      [used(key, 1, { id: 'a\u0000b' }), 'invalid_request'],
      [used(key, 1, { properties: { half: '\ud800' } }), 'invalid_request'],
      [{ meter: 'calls', license_key: key, quantity: 1 }, 'invalid_request'],
      [null, 'invalid_request'],
      ['text', 'invalid_request'],
      [used(key, 1, { license_id: other.id }), 'invalid_request'],
    ];
    const answer = await call('POST', '/v1/usage', [good, ...bad.map(([event]) => event), used(key, 1)]);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.body.accepted).toBe(2);
    expect(codes(answer)).toEqual(bad.map(([, code]) => code));
    expect(answer.body.rejected[0]).toMatchObject({ index: 1, path: 'quantity' });
    expect(await standing(key)).toMatchObject({ used: 3 });
  });

  it('looks up no more keys than may be guessed in a minute, and counts what it found until then', async () => {
    const from = { 'x-forwarded-for': '203.0.113.7' };
    const { key } = await issue('pro');
    let guessed = 0;
    const guess = () => `INV-${String(++guessed).padStart(8, '0')}-and-something`;
    const guesses = (count: number) => Array.from({ length: count }, () => used(guess()));
    const batch = [used(key, 2), ...guesses(700), used(key, 3), ...guesses(200), used((await issue('pro')).key)];
    const answer = await call('POST', '/v1/usage', batch, from);
    expect(answer).toMatchObject({ status: 200, body: { accepted: 2, duplicates: 0 } });
    const said = codes(answer);
    const missing = said.filter((code) => code === 'resource_missing').length;
    // 600 in a minute, and those that were being looked up beside the last of them.
    expect(missing).toBeGreaterThanOrEqual(600);
    expect(missing).toBeLessThan(650);
    expect(said.filter((code) => code === 'rate_limited')).toHaveLength(901 - missing);
    expect(answer.body.rejected.at(-1)).toMatchObject({ index: 902, code: 'rate_limited' });
    expect(await standing(key)).toMatchObject({ used: 5 });
    // From then on there is nothing that could be looked at, and so the call as a whole is told when to come back.
    expect(await call('POST', '/v1/usage', guesses(2), from)).toMatchObject({
      ...{ status: 429, body: { code: 'rate_limited' } },
    });
    // The vendor names whom they please.
    const vendors = await call('POST', '/v1/usage', [...guesses(700), used(key)]);
    expect(vendors.body).toMatchObject({ accepted: 1 });
    expect(new Set(codes(vendors))).toEqual(new Set(['resource_missing']));
  });

  it('keeps apart and stores what a program calls its routes, whatever it calls them', async () => {
    const { key } = await issue('pro');
    const names = [
      { method: 'GET A', route: 'b' },
      { method: 'GET', route: 'A b' },
      { route: `/${'x'.repeat(498)}\u{1f600}` },
      { method: `${'m'.repeat(19)}\u{1f600}` },
    ];
    const answer = await call(
      'POST',
      '/v1/usage',
      names.map((properties) => used(key, 1, { properties })),
    );
    expect(answer).toMatchObject({ status: 200, body: { accepted: 4, rejected: [] } });
    const proof = await call('POST', '/v1/analytics/usage/proof', { from: ago(1) });
    expect(proof.body).toMatchObject({ equal: true, discrepancies: [] });
  });

  it('refuses a batch of 1,001 as a whole', async () => {
    const { key } = await issue('pro');
    const answer = await call(
      'POST',
      '/v1/usage',
      Array.from({ length: 1_001 }, () => used(key)),
    );
    expect(answer.status).toBe(400);
    expect(await standing(key)).toMatchObject({ used: 0 });
  });

  it('lets the holder of a key record the use of its licence, and of no other', async () => {
    const { key } = await issue('pro');
    const other = await issue('pro');
    const holder = { 'x-license-key': key };
    expect((await call('POST', '/v1/usage', { id: 'mine', meter: 'calls', quantity: 1 }, holder)).body.accepted).toBe(
      1,
    );
    expect(codes(await call('POST', '/v1/usage', used(other.key), holder))).toEqual(['foreign_license']);
    expect(
      codes(await call('POST', '/v1/usage', { id: 'x', meter: 'calls', quantity: 1, customer_id: 'cust_1' }, holder)),
    ).toEqual(['foreign_license']);
    expect(
      codes(await call('POST', '/v1/usage', { id: 'x', meter: 'calls', quantity: 1, license_id: other.id }, {})),
    ).toEqual(['unauthorized']);
  });

  it('says so when an id comes again with another quantity', async () => {
    const { key } = await issue('pro');
    const event = used(key, 2);
    await call('POST', '/v1/usage', event);
    expect(codes(await call('POST', '/v1/usage', { ...event, quantity: 3 }))).toEqual(['event_id_reused']);
  });

  it('counts a late event in its own period, and leaves today’s amount alone', async () => {
    const { key } = await issue('free', { email: 'late@example.com' });
    await call('POST', '/v1/usage', used(key, 60));
    expect((await call('POST', '/v1/usage', used(key, 90, { at: ago(34) }))).body.accepted).toBe(1);
    expect(codes(await call('POST', '/v1/usage', used(key, 11, { at: ago(34) })))).toEqual(['limit_reached']);
    expect((await call('POST', '/v1/usage', used(key, 10, { at: ago(34) }))).body.accepted).toBe(1);
    expect(await standing(key)).toMatchObject({ used: 60, remaining: 40 });
  });

  it('refuses a licence that is not in force, but for what happened before', async () => {
    const { key, id } = await issue('pro');
    await call('POST', `/v1/licenses/${id}/suspend`);
    expect(codes(await call('POST', '/v1/usage', used(key)))).toEqual(['license_not_in_force']);
    expect((await call('POST', '/v1/usage', used(key, 1, { enforce: false }))).body.accepted).toBe(1);
  });
});

describe('asking', () => {
  const check = async (body: object) => (await call('POST', '/v1/usage/check', { meter: 'calls', ...body })).body;

  it('answers what remains and why, and keeps nothing [Z6]', async () => {
    const { key } = await issue('free');
    const ask = { license_key: key, quantity: 100 };
    expect(await check(ask)).toMatchObject({
      allowed: true,
      code: 'VALID',
      remaining: 100,
      limit: 100,
      reservation_id: null,
    });
    expect(await check({ ...ask, quantity: 101 })).toMatchObject({
      allowed: false,
      code: 'LIMIT_REACHED',
      because: [{ rule: 'limit', passed: false }],
    });
    expect(await standing(key)).toMatchObject({ used: 0, remaining: 100 });
  });

  it('says no for a licence that is not in force', async () => {
    const { key, id } = await issue('free');
    await call('POST', `/v1/licenses/${id}/revoke`);
    expect(await check({ license_key: key, quantity: 1 })).toMatchObject({ allowed: false, code: 'REVOKED' });
  });

  it('keeps what is reserved, counts what is used of it once, and gives the rest back', async () => {
    const { key } = await issue('free');
    const { reservation_id: id } = await check({ license_key: key, quantity: 60, reserve: true });
    expect(await check({ license_key: key, quantity: 41 })).toMatchObject({ allowed: false, remaining: 40 });
    const path = `/v1/reservations/${id}/finalize`;
    expect((await call('POST', path, { quantity: 25 })).body).toMatchObject({
      code: 'done',
      quantity: 25,
      remaining: 75,
    });
    expect((await call('POST', path, { quantity: 25 })).body).toMatchObject({ code: 'exists' });
    expect((await call('POST', path, { quantity: 26 })).body).toMatchObject({ code: 'reservation_closed' });
    expect((await call('POST', `/v1/reservations/${id}/release`, {})).status).toBe(409);
    expect(await standing(key)).toMatchObject({ used: 25, remaining: 75 });
  });

  it('gives back what is released, to the holder of its key and to no other', async () => {
    const { key } = await issue('free');
    const other = await issue('free');
    const { reservation_id: id } = await check({ license_key: key, quantity: 60, reserve: true });
    const path = `/v1/reservations/${id}/release`;
    expect((await call('POST', path, {}, { 'x-license-key': other.key })).status).toBe(404);
    expect((await call('POST', path, undefined, { 'x-license-key': key })).body).toMatchObject({
      code: 'done',
      remaining: 100,
    });
    expect((await call('POST', path, {})).body).toMatchObject({ code: 'exists' });
    expect((await call('POST', `/v1/reservations/${id}/finalize`, {})).body).toMatchObject({
      code: 'reservation_closed',
    });
  });

  it('counts a use once that is told of as an event before its reservation is finalized', async () => {
    const { key } = await issue('free');
    const { reservation_id: id } = await check({ license_key: key, quantity: 5, reserve: true });
    await call('POST', '/v1/usage', { id: 'told', meter: 'calls', license_key: key, quantity: 5, enforce: false });
    expect((await call('POST', `/v1/reservations/${id}/finalize`, { id: 'told' })).body).toMatchObject({
      code: 'exists',
      remaining: 95,
    });
    expect(await standing(key)).toMatchObject({ used: 5, remaining: 95 });
  });
});

describe('of customers', () => {
  const email = 'uses@example.com';

  it('counts a customer’s use on their licence of the product whose meter it is, whatever else they have', async () => {
    const own = await issue('free', { email: 'of-two@example.com' });
    const { customer_id } = own;
    const better = { product: 'crypto-orchestrator', plan: 'enterprise', customer_id };
    expect((await call('POST', '/v1/licenses', better)).status).toBe(201);
    const event = { id: 'of-two', meter: 'calls', customer_id, quantity: 7 };
    expect((await call('POST', '/v1/usage', event)).body).toMatchObject({ accepted: 1, rejected: [] });
    expect((await call('POST', '/v1/usage/check', { meter: 'calls', customer_id })).body).toMatchObject({
      remaining: 93,
    });
    expect(await standing(own.key)).toMatchObject({ used: 7 });
  });

  it('use is counted on their licence of the best plan', async () => {
    const free = await issue('free', { email });
    const pro = await issue('pro', { email });
    const event = { id: 'of-customer', meter: 'calls', customer_id: free.customer_id, quantity: 7 };
    expect((await call('POST', '/v1/usage', event)).body).toMatchObject({ accepted: 1 });
    expect(await standing(pro.key)).toMatchObject({ used: 7 });
    expect(await standing(free.key)).toMatchObject({ used: 0 });
  });

  it('counts an event that names a customer once, whichever licence is theirs when it is sent again', async () => {
    const { body: customer } = await call('POST', '/v1/customers', { email: 'moves@example.com' });
    const customer_id = customer.id;
    const named = (id: string, more: object = {}) => ({ id, meter: 'calls', customer_id, quantity: 2, ...more });
    const none = { accepted: 0, duplicates: 2, rejected: [] };
    expect((await call('POST', '/v1/usage', named('before'))).body).toMatchObject({ accepted: 1 });
    const free = await issue('free', { customer_id });
    expect((await call('POST', '/v1/usage', [named('before'), named('first')])).body).toMatchObject({
      ...{ accepted: 1, duplicates: 1 },
    });
    const pro = await issue('pro', { customer_id });
    expect((await call('POST', '/v1/usage', [named('first'), named('before')])).body).toEqual(none);
    const changed = [named('first', { quantity: 3 }), named('before', { quantity: 3 })];
    expect(codes(await call('POST', '/v1/usage', changed))).toEqual(['event_id_reused', 'event_id_reused']);
    expect(await standing(free.key)).toMatchObject({ used: 2 });
    expect(await standing(pro.key)).toMatchObject({ used: 0 });
    // Of two that name the same event in one call, one counts.
    const twice = [named('second'), named('second'), used(pro.key, 2, { id: 'second' })];
    expect((await call('POST', '/v1/usage', twice)).body).toEqual({ accepted: 1, duplicates: 2, rejected: [] });
    expect(await standing(pro.key)).toMatchObject({ used: 2 });
  });

  it('without a licence the product’s free plan counts, in calendar months', async () => {
    const { body: customer } = await call('POST', '/v1/customers', { email: 'none@example.com' });
    const event = { id: 'free', meter: 'calls', customer_id: customer.id, quantity: 70 };
    expect((await call('POST', '/v1/usage', event)).body).toMatchObject({ accepted: 1 });
    expect(codes(await call('POST', '/v1/usage', { ...event, id: 'more' }))).toEqual(['limit_reached']);
    const { body } = await call('GET', `/v1/usage/limits?meter=calls&customer_id=${customer.id}`);
    expect(body.data[0]).toMatchObject({ plan: 'free', used: 70, customer_id: customer.id });
    expect(body.data[0].period.start).toMatch(/-01T00:00:00.000Z$/);
  });
});

/** What the vendor's own sign-in would give a customer. */
function tokenOf(sub: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(server.app.clock.wall().getTime() / 1_000) + 600;
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub, exp })}`;
  return `${signed}.${createHmac('sha256', JWT_SECRET).update(signed).digest('base64url')}`;
}

describe('a customer who is signed in', () => {
  const limits = (sub: string, query: string) =>
    call('GET', `/v1/usage/limits?product=investment-system${query}`, undefined, {
      authorization: `Bearer ${tokenOf(sub)}`,
    });

  it('is shown their own use, and nobody else’s', async () => {
    const other = await issue('pro', { email: 'somebody@example.com' });
    const own = await limits('signed-in', '');
    expect(own.body.data).toMatchObject([{ meter: 'calls', plan: 'free', used: 0, remaining: 100 }]);
    expect((await limits('signed-in', `&customer_id=${other.customer_id}`)).status).toBe(404);
    expect((await limits('signed-in', `&license_id=${other.id}`)).status).toBe(404);
  });

  it('records nothing', async () => {
    const headers = { authorization: `Bearer ${tokenOf('signed-in')}` };
    const { id } = await issue('pro');
    const event = { id: 'own', meter: 'calls', license_id: id, quantity: 1 };
    expect(codes(await call('POST', '/v1/usage', event, headers))).toEqual(['forbidden']);
    expect((await call('POST', '/v1/usage/check', event, headers)).status).toBe(403);
  });
});

describe('changing', () => {
  it('takes an event back in parts, once for each correction, and never more than it was', async () => {
    const { key, id } = await issue('starter');
    await call('POST', '/v1/usage', used(key, 995));
    const event = used(key, 10);
    await call('POST', '/v1/usage', event);
    const correct = (more: object) =>
      call('POST', '/v1/usage/corrections', { license_id: id, meter: 'calls', reverses: event.id, ...more });
    expect((await correct({ id: 'c1', quantity: 4 })).body).toMatchObject({ code: 'done', quantity: 4 });
    expect((await correct({ id: 'c1', quantity: 4 })).body).toMatchObject({ code: 'exists' });
    expect(await standing(key)).toMatchObject({ used: 1_001, overage: 1, remaining: 0 });
    expect((await correct({ id: 'c2', quantity: 7 })).body).toMatchObject({ code: 'quantity_invalid' });
    expect((await correct({ id: 'c2' })).body).toMatchObject({ code: 'done', quantity: 6, remaining: 5 });
    expect(await standing(key)).toMatchObject({
      used: 995,
      overage: 0,
      overage_cost: { amount_cents: 0 },
      remaining: 5,
    });
    expect((await correct({ id: 'c3' })).status).toBe(400);
    expect((await correct({ id: 'c4', reverses: 'unknown' })).status).toBe(404);
  });

  it('gives a licence an allowance of its own, at once where it is more', async () => {
    const { key } = await issue('free');
    await call('POST', '/v1/usage', used(key, 100));
    const allow = (more: object) => call('POST', '/v1/usage/allowances', { license_key: key, meter: 'calls', ...more });
    expect((await allow({ included: 150 })).body).toMatchObject({ included: 150, used: 100, remaining: 50 });
    expect((await call('POST', '/v1/usage', used(key, 50))).body.accepted).toBe(1);
    expect((await allow({ limit: 'soft', included: 150 })).body).toMatchObject({ limit: 'soft' });
    expect((await call('POST', '/v1/usage', used(key, 5))).body.accepted).toBe(1);
    expect(await standing(key)).toMatchObject({ used: 155, uncovered: 5 });
    expect((await allow({ included: -1 })).body).toMatchObject({ included: -1, remaining: -1 });
    expect((await call('POST', '/v1/usage', used(key, 1_000_000))).body.accepted).toBe(1);
    expect((await allow({})).body).toMatchObject({ limit: 'hard', included: -1 });
  });

  it('leaves books that are proven', async () => {
    let after: string | null = '';
    while (after !== null) {
      const { body }: { body: Wire } = await call(
        'GET',
        `/v1/ledger/proof${after === '' ? '' : `?after=${encodeURIComponent(after)}`}`,
      );
      expect(body).toMatchObject({ balanced: true, discrepancies: [] });
      after = body.next;
    }
  });
});
