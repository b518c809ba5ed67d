import { SignJWT } from 'jose';
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../../test/support/wire.ts';
import { openShop, type Shop } from '../../../../test/support/shop.ts';
import type { Server } from '../../../server.ts';

const JWT_SECRET = 'the secret that signs customers of the tests of balances';

let shop: Shop;
let server: Server;
/** A licence of a product with hours, fresh for each test. */
let license: { id: string; key: string };
let operations = 0;

beforeAll(async () => {
  shop = await openShop({ JWT_SECRET });
  server = shop.server;
});

afterAll(() => shop?.close());

beforeEach(async () => {
  license = await issue();
});

const adminToken = () => server.app.adminToken.token;

async function call(method: string, path: string, body?: object, token: string | null = adminToken()) {
  const answer = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const value: Wire = await answer.json();
  return { status: answer.status, body: value };
}

async function issue(product = 'redline2', more: object = {}): Promise<{ id: string; key: string }> {
  const { body } = await call('POST', '/v1/licenses', { product, ...more });
  return { id: body.id, key: body.key };
}

const nextKey = () => {
  operations += 1;
  return `op-${operations}`;
};
const change = (kind: string, body: object, token?: string) =>
  call(
    'POST',
    `/v1/balances/${kind}`,
    { license_id: license.id, meter: 'hours', operation_key: nextKey(), ...body },
    token,
  );
const grant = (quantity: number | string, more: object = {}) => change('grants', { quantity, ...more });
const deduct = (quantity: number | string, more: object = {}) => change('deductions', { quantity, ...more });
const balance = async (): Promise<Wire> => (await call('GET', `/v1/balances?license_id=${license.id}`)).body.data[0];
const tokenOf = (name: string) =>
  new SignJWT({ email: `${name}@example.com`, email_verified: true })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(name)
    .setExpirationTime('1h')
    .sign(new TextEncoder().encode(JWT_SECRET));

describe('a balance', () => {
  it('is there before anything was granted, and empty', async () => {
    expect(await balance()).toMatchObject({
      meter: 'hours',
      unit: 'hour',
      available: 0,
      granted: 0,
      used: 0,
      lots: [],
    });
  });

  it('of a meter that left the catalog is still shown, in its steps', async () => {
    const { database } = server.app;
    await grant(1);
    await database.connection
      .updateTable('ledger_accounts')
      .set({ meter: 'days' })
      .where('license_id', '=', license.id)
      .execute();
    const { body } = await call('GET', `/v1/balances?license_id=${license.id}`);
    expect(body.data.map((one: Wire) => [one.meter, one.unit])).toContainEqual(['days', null]);
    await database.connection
      .updateTable('ledger_accounts')
      .set({ meter: 'hours' })
      .where('license_id', '=', license.id)
      .execute();
  });

  it('holds what was granted, less what was used, to the last decimal', async () => {
    expect((await grant('2.5')).status).toBe(201);
    expect((await grant(0.1)).body).toMatchObject({ code: 'done', quantity: 0.1, available: 2.6 });
    const used = await deduct('0.000001');
    expect(used).toMatchObject({ status: 200, body: { code: 'done', quantity: 0.000001, available: 2.599999 } });
    expect(await balance()).toMatchObject({ available: 2.599999, granted: 2.6, used: 0.000001, reserved: 0 });
  });

  it('gives all of what is asked for or, where less is there, nothing', async () => {
    await grant(2);
    const refused = await deduct('2.000001');
    expect(refused).toMatchObject({
      status: 402,
      body: { code: 'insufficient_balance', available: 2, requested: 2.000001, path: 'quantity' },
    });
    expect(await balance()).toMatchObject({ available: 2, used: 0 });
  });

  it('is exact for callers who all come at once', async () => {
    await grant(10);
    const answers = await Promise.all(Array.from({ length: 50 }, () => deduct(1)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(10);
    expect(answers.filter(({ status }) => status === 402)).toHaveLength(40);
    expect(await balance()).toMatchObject({ available: 0, used: 10 });
  });

  it('loses what ran out by now, without anybody doing anything', async () => {
    const soon = new Date(server.app.clock.now().getTime() + 60_000).toISOString();
    await grant(3, { expires_at: soon });
    await grant(1);
    expect((await balance()).lots.map((lot: Wire) => [lot.available, lot.expires_at])).toEqual([
      [3, soon],
      [1, null],
    ]);
    await call('POST', '/sandbox/time/advance', { seconds: 60 });
    expect(await balance()).toMatchObject({ available: 1, expired: 3, granted: 4 });
    expect((await deduct(2)).status).toBe(402);
    expect((await deduct(1)).status).toBe(200);
  });

  it('of a customer is their own, of no licence', async () => {
    const { body: customer } = await call('POST', '/v1/customers', { email: 'credits@example.com' });
    const body = { customer_id: customer.id, meter: 'hours', quantity: 4, operation_key: nextKey() };
    expect((await call('POST', '/v1/balances/grants', body)).body).toMatchObject({
      customer_id: customer.id,
      license_id: null,
    });
    const { body: all } = await call('GET', `/v1/balances?customer_id=${customer.id}`);
    expect(all.data).toMatchObject([{ customer_id: customer.id, available: 4 }]);
    const { body: one } = await call('GET', `/v1/balances?customer_id=${customer.id}&meter=hours`);
    expect(one.data).toEqual(all.data);
    const { body: none } = await call('GET', `/v1/balances?customer_id=${customer.id}&product=investment-system`);
    expect(none.data).toEqual([]);
  });
});

describe('an operation key', () => {
  it('does it once: the same again answers what it did', async () => {
    const key = nextKey();
    expect((await grant(5, { operation_key: key })).status).toBe(201);
    expect(await grant(5, { operation_key: key })).toMatchObject({
      status: 200,
      body: { code: 'exists', quantity: 5 },
    });
    const use = nextKey();
    await deduct(2, { operation_key: use });
    expect(await deduct(2, { operation_key: use })).toMatchObject({
      status: 200,
      body: { code: 'exists', available: 3 },
    });
    expect(await balance()).toMatchObject({ available: 3, used: 2 });
  });

  it('is refused for another quantity and for another thing', async () => {
    const key = nextKey();
    await grant(5, { operation_key: key });
    expect(await grant(6, { operation_key: key })).toMatchObject({
      status: 409,
      body: { code: 'operation_key_reused', path: 'operation_key', reason: 'exists_with_different_amount' },
    });
    expect(await deduct(5, { operation_key: key })).toMatchObject({
      status: 409,
      body: { reason: 'exists_as_another_operation' },
    });
    expect(await balance()).toMatchObject({ available: 5 });
  });
});

describe('a correction', () => {
  it('undoes a use, whole or in part, and no more of it than there was', async () => {
    await grant(5);
    const { body: used } = await deduct(3);
    const undo = (more: object) => change('corrections', { reverses: used.operation_key, ...more });
    expect(await undo({ quantity: 1 })).toMatchObject({ status: 201, body: { quantity: 1, available: 3 } });
    expect(await undo({ quantity: 3 })).toMatchObject({ status: 400, body: { code: 'quantity_invalid' } });
    expect(await undo({})).toMatchObject({ status: 201, body: { quantity: 2, available: 5 } });
    expect(await undo({ reverses: 'nothing' })).toMatchObject({ status: 404, body: { path: 'reverses' } });
    expect(await balance()).toMatchObject({ available: 5, used: 0 });
  });

  it('takes away what should not be there, and never more than is', async () => {
    await grant(5);
    expect((await change('corrections', { quantity: 2 })).status).toBe(201);
    expect((await change('corrections', { quantity: 4 })).status).toBe(402);
    expect(await balance()).toMatchObject({ available: 3, returned: 2, used: 0 });
  });

  it('and a grant are in the audit log, once each', async () => {
    const key = nextKey();
    await grant(5, { operation_key: key, reason: 'a gift' });
    await grant(5, { operation_key: key, reason: 'a gift' });
    await change('corrections', { quantity: 2 });
    const { body } = await call('GET', `/v1/audit?subject_type=license&subject_id=${license.id}`);
    const entries = body.data.filter((entry: Wire) => entry.action.startsWith('balance.'));
    expect(entries.map((entry: Wire) => [entry.action, entry.detail.quantity])).toEqual([
      ['balance.corrected', 2],
      ['balance.granted', 5],
    ]);
    expect(entries[1].detail).toMatchObject({ meter: 'hours', operation_key: key, reason: 'a gift' });
  });
});

describe('a statement', () => {
  const statement = async (query = '') =>
    (await call('GET', `/v1/balances/statement?license_id=${license.id}&meter=hours${query}`)).body;

  it('has every movement, and their changes add up to the balance, page by page', async () => {
    await grant(5);
    await deduct(2);
    await grant(3);
    await change('corrections', { quantity: 1 });
    await deduct('0.5');
    const whole = await statement();
    expect(whole.data.map((entry: Wire) => [entry.number, entry.kind, entry.change, entry.available])).toEqual([
      [5, 'consume', -0.5, 4.5],
      [4, 'correction', -1, 5],
      [3, 'grant', 3, 6],
      [2, 'consume', -2, 3],
      [1, 'grant', 5, 5],
    ]);
    const total = whole.data.reduce((sum: number, entry: Wire) => sum + entry.change, 0);
    expect(total).toBe((await balance()).available);
    const first = await statement('&limit=2');
    const second = await statement(`&limit=2&after=${first.next}`);
    const third = await statement(`&limit=2&after=${second.next}`);
    expect([first.has_more, second.has_more, third.has_more, third.next]).toEqual([true, true, false, null]);
    expect([...first.data, ...second.data, ...third.data]).toEqual(whole.data);
  });

  it('tells what ran out even before anything else happens', async () => {
    await grant(5, { expires_at: new Date(server.app.clock.now().getTime() + 1_000).toISOString() });
    await call('POST', '/sandbox/time/advance', { seconds: 1 });
    const { data } = await statement();
    expect(data.map((entry: Wire) => [entry.kind, entry.change])).toEqual([
      ['lot_expired', -5],
      ['grant', 5],
    ]);
    expect((await statement('&limit=1&after=2')).data).toEqual([data[1]]);
  });
});

describe('who may look', () => {
  const get = (query: string, token: string | null) => call('GET', `/v1/balances?${query}`, undefined, token);

  it('is whoever holds the key', async () => {
    await grant(5);
    const { status, body } = await get(`license_key=${license.key}`, null);
    expect([status, body.data[0]?.available]).toEqual([200, 5]);
    const header = await fetch(`${server.url}/v1/balances`, { headers: { 'x-license-key': license.key } });
    expect(((await header.json()) as Wire).data[0].available).toBe(5);
    expect(await get('license_key=RL-UNKNOWN', null)).toMatchObject({ status: 404, body: { path: 'license_key' } });
    expect((await get(`license_id=${license.id}`, null)).status).toBe(401);
  });

  it('is the owner, at what is theirs, and nobody else', async () => {
    const [ada, bob] = await Promise.all([tokenOf('ada'), tokenOf('bob')]);
    license = await issue('redline2', { email: 'ada@example.com' });
    await grant(5);
    expect((await get(`license_id=${license.id}`, ada)).body.data[0].available).toBe(5);
    expect((await get('', ada)).body.data).toMatchObject([{ license_id: license.id, available: 5 }]);
    expect(await get(`license_id=${license.id}`, bob)).toMatchObject({ status: 404, body: { path: 'license_id' } });
    expect((await get('', bob)).body.data).toEqual([]);
    const { body: me } = await call('GET', '/v1/customers/me', undefined, ada);
    expect(await get(`customer_id=${me.id}`, bob)).toMatchObject({ status: 404, body: { path: 'customer_id' } });
    const theirs = await change('deductions', { quantity: 1 }, ada);
    expect(theirs.status).toBe(403);
  });

  it('is an API key with the scope for reading, and another for writing', async () => {
    await grant(5);
    const keyWith = async (scope: string) =>
      (await call('POST', '/v1/api-keys', { name: 'test', scopes: [scope] })).body.key as string;
    const [reader, writer] = [await keyWith('usage:read'), await keyWith('usage:write')];
    expect((await get(`license_id=${license.id}`, reader)).status).toBe(200);
    expect((await get(`license_id=${license.id}`, writer)).status).toBe(403);
    expect((await change('deductions', { quantity: 1 }, reader)).status).toBe(403);
    expect((await change('deductions', { quantity: 1 }, writer)).status).toBe(200);
  });

  it('must say whose balance, and of one only', async () => {
    expect(await get('', adminToken())).toMatchObject({ status: 400, body: { path: 'license_id' } });
    expect(await get(`license_id=${license.id}&customer_id=cust_1`, adminToken())).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', path: 'customer_id' },
    });
    expect((await get('', null)).status).toBe(401);
  });
});

describe('what cannot be done is refused, and says why', () => {
  it.each([
    ['a negative quantity', { quantity: -1 }, 400, 'quantity_invalid', 'quantity'],
    ['zero', { quantity: 0 }, 400, 'quantity_invalid', 'quantity'],
    ['zero as text', { quantity: '0.000000' }, 400, 'quantity_invalid', 'quantity'],
    ['NaN as text', { quantity: 'NaN' }, 400, 'quantity_invalid', 'quantity'],
    ['1e308', { quantity: 1e308 }, 400, 'invalid_request', 'quantity'],
    ['1e308 as text', { quantity: '1e308' }, 400, 'quantity_invalid', 'quantity'],
    ['seven decimals', { quantity: '0.0000001' }, 400, 'quantity_invalid', 'quantity'],
    ['more than can be counted', { quantity: '9007199254740993' }, 400, 'quantity_invalid', 'quantity'],
    ['null', { quantity: null }, 400, 'invalid_request', 'quantity'],
    ['a list', { quantity: [1] }, 400, 'invalid_request', 'quantity'],
    ['no quantity', { quantity: undefined }, 400, 'invalid_request', 'quantity'],
    ['an unknown meter', { quantity: 1, meter: 'miles' }, 400, 'meter_unknown', 'meter'],
    ['another product', { quantity: 1, product: 'investment-system' }, 400, 'invalid_request', 'product'],
    ['an unknown licence', { quantity: 1, license_id: 'lic_none' }, 404, 'resource_missing', 'license_id'],
    ['no owner', { quantity: 1, license_id: undefined }, 400, 'invalid_request', 'license_id'],
    [
      'an unknown customer',
      { quantity: 1, license_id: undefined, customer_id: 'cust_none' },
      404,
      'resource_missing',
      'customer_id',
    ],
    ['no operation key', { quantity: 1, operation_key: undefined }, 400, 'invalid_request', 'operation_key'],
    ['an operation key of ours', { quantity: 1, operation_key: '~late/x' }, 400, 'invalid_request', 'operation_key'],
  ])('%s', async (_, more, status, code, path) => {
    for (const kind of ['grants', 'corrections', 'deductions']) {
      expect(await change(kind, more), kind).toMatchObject({ status, body: { code, path } });
    }
    expect((await balance()).granted).toBe(0);
  });

  it.each([
    ['an end that has passed', '2020-01-01T00:00:00Z'],
    ['an end that is none', 'tomorrow'],
    ['an end beyond all years', '+275760-09-13T00:00:00Z'],
  ])('%s', async (_, expires_at) => {
    expect(await grant(1, { expires_at })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', path: 'expires_at' },
    });
  });

  it('more in one balance than can be counted', async () => {
    const { body: customer } = await call('POST', '/v1/customers', { email: 'rich@example.com' });
    const rich = (quantity: string) => grant(quantity, { license_id: undefined, customer_id: customer.id });
    expect((await rich('2501999')).status).toBe(201);
    expect(await rich('1')).toMatchObject({
      status: 400,
      body: { code: 'quantity_invalid', reason: 'too_large' },
    });
  });
});

describe('the proof of the ledger', () => {
  async function proveAll() {
    let after: string | null = '';
    const all = { balanced: true, accounts: 0, transfers: 0, discrepancies: [] as Wire[] };
    while (after !== null) {
      const { body } = await call('GET', `/v1/ledger/proof?limit=3&after=${encodeURIComponent(after)}`);
      all.balanced &&= body.balanced;
      all.accounts += body.accounts;
      all.transfers += body.transfers;
      all.discrepancies.push(...body.discrepancies);
      after = body.next;
    }
    return all;
  }

  it('covers every account and transfer, and finds what was changed by hand', async () => {
    await grant(5);
    await deduct(2);
    const { connection } = server.app.database;
    const { rows } = await sql<{ accounts: number; transfers: number }>`
      SELECT (SELECT count(*)::int FROM ledger_accounts) AS accounts,
        (SELECT count(*)::int FROM ledger_transfers) AS transfers`.execute(connection);
    expect(await proveAll()).toEqual({ balanced: true, ...rows[0], discrepancies: [] });
    const set = (used: number, available: number) =>
      connection.updateTable('ledger_accounts').set({ used, available }).where('license_id', '=', license.id).execute();
    const hour = 3_600_000_000;
    await set(hour, 4 * hour);
    const found = await proveAll();
    expect(found.balanced).toBe(false);
    expect(found.discrepancies.map(({ account }) => account)).toEqual(
      found.discrepancies.map(() => `license/${license.id}/redline2/hours`),
    );
    await set(2 * hour, 3 * hour);
    expect((await proveAll()).balanced).toBe(true);
  });
});
