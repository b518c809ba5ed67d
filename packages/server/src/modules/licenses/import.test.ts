import { createHash, createHmac, randomBytes } from 'node:crypto';
import { dayMs } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Wire } from '../../../../../test/support/wire.ts';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../../test/support/http.ts';
import { createLicensing, loadExampleCatalog, TEST_MASTER_SECRET } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import type { Http, Principal } from '../../http/types.ts';
import { createLicenseExchange } from './import-export.ts';
import { exportRoutes } from './routes/export.ts';
import { importRoutes } from './routes/import.ts';
import { keyHolderRoutes } from './routes/key-holder.ts';

let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
let http: Http;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  licensing = createLicensing(test.database, ports, await loadExampleCatalog());
  const server: Principal = { type: 'api_key', id: 'key_1', scopes: ['licenses:read', 'licenses:write'] };
  const authenticators = [async (token: string) => (token === 'a-server' ? server : null)];
  http = await createTestHttp({ database: test.database, ports, authenticators });
  const { licenses, reader, audit } = licensing;
  const exchange = createLicenseExchange({ ...licensing, ...ports, database: test.database, record: audit.record });
  importRoutes(http, exchange);
  exportRoutes(http, exchange);
  keyHolderRoutes(http, {
    licenses,
    reader,
    resend: async () => {},
    signValidation: () => {
      throw new Error('nobody sends a nonce here');
    },
  });
  await http.ready();
});

afterAll(async () => {
  await http?.close();
  await test?.close();
});

async function post(url: string, payload: object): Promise<{ status: number; body: Wire }> {
  const answer = await http.inject({ method: 'POST', url, payload, headers: asAdmin });
  return { status: answer.statusCode, body: answer.json() };
}

async function importRows(rows: readonly unknown[], more: object = {}): Promise<Wire> {
  const { status, body } = await post('/v1/licenses/import', { rows, ...more });
  expect(status, JSON.stringify(body)).toBe(200);
  return body;
}

/** What became of one row. */
const importOne = async (row: object, more: object = {}) => (await importRows([row], more)).rows[0];
const validate = async (key: string, more: object = {}) => (await post('/v1/licenses/validate', { key, ...more })).body;
const stored = async () =>
  (await test.database.connection.selectFrom('licenses').select('id').execute()).map(({ id }) => id);
const owner = async (id: string) => licensing.customers.find((await licensing.reader.get(id)).customerId ?? '');

/** A key as the system of before made it: with its own salt, under the same master secret. */
function oldKey(secret = TEST_MASTER_SECRET): string {
  const hash = createHash('sha512')
    .update(`cus_1:sub_1:1700000000:${randomBytes(16).toString('hex')}`)
    .digest('hex');
  const digits = hash + createHmac('sha512', secret).update(hash).digest('hex');
  return (digits.match(/.{16}/g) ?? []).join('-');
}

const foreignKey = () => `OLD/${randomBytes(12).toString('hex')}`;
const product = 'crypto-orchestrator';
const good = (more: object = {}) => ({ line: 7, key: foreignKey(), product, plan: 'basic', ...more });

describe('a key that is out there', () => {
  it('of the system of before, made under the same master secret, stays valid to the letter', async () => {
    const key = oldKey();
    const outcome = await importOne({ line: 2, key, product: 'infinite-server26', email: 'old@example.com' });
    expect(outcome).toMatchObject({ line: 2, outcome: 'imported' });
    expect(await validate(key)).toMatchObject({ valid: true, code: 'VALID', license: { id: outcome.id } });
    expect(await licensing.reader.keyOf(outcome.id)).toBe(key);
    expect(await owner(outcome.id)).toMatchObject({ email: 'old@example.com' });
  });

  it.each(['AAAA-BBBB-CCCC', 'päßwörtlich', '{"json":"even"}', '12345', 'lower-case-KEY', '🔑🔑🔑'])(
    'of whatever format stays valid: %s',
    async (key) => {
      expect(await importOne(good({ key }))).toMatchObject({ outcome: 'imported' });
      expect(await validate(key)).toMatchObject({ valid: true, code: 'VALID' });
    },
  );

  it('is found as it is pasted, with white space in it', async () => {
    const row = good();
    await importOne(row);
    expect(await validate(` ${row.key.slice(0, 5)}\n${row.key.slice(5)} `)).toMatchObject({ code: 'VALID' });
  });

  it('that no live secret made is refused as forged, and taken where foreign keys are accepted', async () => {
    const row = { line: 3, key: oldKey('another secret'), product: 'infinite-server26' };
    expect(await importOne(row)).toMatchObject({ outcome: 'refused', code: 'FORGED', path: 'key' });
    expect(await validate(row.key)).toMatchObject({ code: 'FORGED' });
    expect(await importOne(row, { accept_foreign_keys: true })).toMatchObject({ outcome: 'imported' });
    expect(await validate(row.key)).toMatchObject({ code: 'VALID' });
    // It is here now: whether it would be accepted is no question any more.
    expect(await importOne(row)).toMatchObject({ outcome: 'unchanged' });
  });

  it('is stored sealed, shown by no more than a quarter of it, and in no log and no audit entry', async () => {
    const key = 'K7Q2-XW';
    const { id } = await importOne(good({ key }));
    const { keyHint } = await licensing.reader.get(id);
    expect(keyHint).toBe('W');
    const tables = ['licenses', 'audit_log', 'license_holds', 'customers'] as const;
    for (const table of tables) {
      const rows = await test.database.connection.selectFrom(table).selectAll().execute();
      expect(JSON.stringify(rows)).not.toContain(key);
    }
    expect(JSON.stringify(ports.log.lines)).not.toContain(key);
  });
});

describe('what a row says is what the licence is', () => {
  it('its term, seats, machines, metadata and owner', async () => {
    const row = good({
      email: 'Grace@Example.com',
      name: 'Grace',
      customer_external_id: 'user-9',
      starts_at: '2025-06-01T00:00:00Z',
      expires_at: '2027-06-01T02:00:00+02:00',
      max_machines: 2,
      metadata: { seat: '4b' },
      machines: [{ fingerprint: 'm-1', name: 'Desk' }, { fingerprint: 'm-2' }],
    });
    const { id } = await importOne(row);
    expect(await licensing.reader.get(id)).toMatchObject({
      product,
      plan: 'basic',
      startsAt: Date.parse('2025-06-01T00:00:00Z'),
      expiresAt: Date.parse('2027-06-01T00:00:00Z'),
      maxMachines: 2,
      machinesUsed: 2,
      metadata: { seat: '4b' },
      activations: [{ fingerprint: 'm-1', name: 'Desk' }, { fingerprint: 'm-2' }],
    });
    expect(await owner(id)).toMatchObject({ email: 'Grace@Example.com', name: 'Grace', external_id: 'user-9' });
    expect(await validate(row.key, { machine: { fingerprint: 'm-1' } })).toMatchObject({ code: 'VALID' });
    expect(await validate(row.key, { machine: { fingerprint: 'm-3' } })).toMatchObject({ code: 'MACHINE_MISMATCH' });
  });

  it.each([
    ['suspended', 'SUSPENDED'],
    ['revoked', 'REVOKED'],
    ['expired', 'EXPIRED'],
    ['active', 'VALID'],
  ])('%s answers %s, with the reason', async (status, code) => {
    const row = good({ status });
    const { id } = await importOne(row);
    expect(await validate(row.key)).toMatchObject({ code });
    const held = status === 'suspended' || status === 'revoked';
    const holds = held ? [{ cause: 'admin', reason: `imported as ${status}` }] : [];
    expect((await licensing.reader.get(id)).holds).toMatchObject(holds);
  });

  it('an end that has passed stays passed, and no end is for ever', async () => {
    const past = good({ expires_at: '2025-01-01T00:00:00Z' });
    const never = { line: 1, key: foreignKey(), product: 'infinite-server26', expires_at: null };
    await importRows([past, never]);
    expect(await validate(past.key)).toMatchObject({ code: 'EXPIRED' });
    expect((await validate(never.key)).license.expires_at).toBeNull();
  });

  it("where it names no end, the plan's term runs from its start", async () => {
    const row = { line: 1, key: foreignKey(), product: 'infinite-server26', starts_at: '2025-12-15T00:00:00Z' };
    await importOne(row);
    const { license } = await validate(row.key);
    expect(Date.parse(license.expires_at)).toBe(Date.parse(row.starts_at) + 30 * dayMs);
  });

  it('without a key it is issued a new one, once for its reference', async () => {
    const row = { line: 1, product, plan: 'basic', reference: 'order-77', email: 'new@example.com' };
    const { id } = await importOne(row);
    const key = await licensing.reader.keyOf(id);
    expect(key).toMatch(/^CO-/);
    expect(await validate(key ?? '')).toMatchObject({ code: 'VALID' });
    expect(await importOne(row)).toEqual({ line: 1, outcome: 'unchanged', id });
  });

  it('is in the audit log once, with ids and never the key', async () => {
    const row = good({ reference: 'audited', email: 'audit@example.com' });
    const { id } = await importOne(row);
    await importOne(row);
    const entries = await licensing.audit.list(test.database.connection, { subjectId: id }, null, 10);
    expect(entries.map(({ action }) => action)).toEqual(['license.imported']);
    expect(entries[0]?.detail).toMatchObject({ product, plan: 'basic', key: 'kept', reference: 'audited' });
    expect(JSON.stringify(entries)).not.toContain(row.key);
  });
});

describe('a row that is wrong is refused with its line, its code and its field, and harms no other', () => {
  const cases: [string, object, string, string | undefined][] = [
    ['an unknown product', { product: 'nothing' }, 'product_unknown', 'product'],
    ['an unknown plan', { plan: 'gold' }, 'plan_unknown', 'plan'],
    ['no plan of several', { plan: undefined }, 'invalid_request', 'plan'],
    ['no product', { product: undefined }, 'invalid_request', 'product'],
    ['a key of white space', { key: ' \n ' }, 'invalid_request', 'key'],
    ['a key beyond any', { key: 'x'.repeat(1_025) }, 'invalid_request', 'key'],
    ['neither key nor reference', { key: undefined }, 'invalid_request', 'reference'],
    ['an address that is none', { email: 'nobody' }, 'invalid_request', 'email'],
    ['a date that is none', { expires_at: 'soon' }, 'invalid_request', 'expires_at'],
    ['a date without its zone', { expires_at: '2027-01-01T00:00:00' }, 'invalid_request', 'expires_at'],
    [
      'an end before its start',
      { starts_at: '2026-02-01T00:00:00Z', expires_at: '2026-01-01T00:00:00Z' },
      'invalid_request',
      'expires_at',
    ],
    ['a status that is none', { status: 'lost' }, 'invalid_request', 'status'],
    ['expired, and not yet', { status: 'expired', expires_at: '2099-01-01T00:00:00Z' }, 'invalid_request', 'status'],
    ['seats below none', { max_machines: -2 }, 'invalid_request', 'max_machines'],
    ['seats in part', { max_machines: 1.5 }, 'invalid_request', 'max_machines'],
    ['metadata that is no text', { metadata: { a: 1 } }, 'invalid_request', 'metadata.a'],
    [
      'a machine without a name for itself',
      { machines: [{ fingerprint: '' }] },
      'invalid_request',
      'machines[0].fingerprint',
    ],
    ['a machine twice', { machines: [{ fingerprint: 'a' }, { fingerprint: 'a' }] }, 'invalid_request', 'machines'],
    [
      'more machines than seats',
      { machines: [{ fingerprint: 'a' }, { fingerprint: 'b' }] },
      'too_many_machines',
      'machines',
    ],
    ['a customer of Stripe that is none', { stripe_customer_id: 'acct_1' }, 'invalid_request', 'stripe_customer_id'],
    ['a field that is none', { expire_at: '2027-01-01T00:00:00Z' }, 'invalid_request', 'expire_at'],
  ];

  it.each(cases)('%s', async (_what, wrong, code, path) => {
    const before = await stored();
    const rows = [good({ line: 10 }), good({ line: 11, ...wrong }), good({ line: 14 })];
    const answer = await importRows(rows);
    expect(answer).toMatchObject({ imported: 2, refused: 1, unchanged: 0 });
    const [, refused] = answer.rows;
    expect(refused).toMatchObject({ line: 11, outcome: 'refused', code, ...(path === undefined ? {} : { path }) });
    expect(refused.detail).not.toBe('');
    expect(refused).not.toHaveProperty('id');
    expect(await stored()).toHaveLength(before.length + 2);
  });

  it.each([[null], [[]], ['a text'], [7]])('what is no row at all: %j', async (row) => {
    const answer = await importRows([good(), row, good()]);
    expect(answer.rows[1]).toMatchObject({ line: 2, outcome: 'refused', code: 'invalid_request' });
    expect(answer).toMatchObject({ imported: 2 });
  });

  it('what is refused after it was half written leaves nothing behind, not even its customer', async () => {
    const taken = { fingerprint: `shared-${randomBytes(4).toString('hex')}` };
    const catalog = structuredClone(licensing.catalog) as Wire;
    for (const one of catalog.products.flatMap(({ plans }: Wire) => plans)) one.license.machineUniqueness = 'product';
    const strict = createLicenseExchange({
      ...licensing,
      ...ports,
      catalog,
      database: test.database,
      record: licensing.audit.record,
    });
    const rows = [good({ machines: [taken] }), good({ machines: [taken], email: 'half@example.com' }), good()];
    const outcomes = await test.database.transaction({ actor: { type: 'system', id: 'test' } }, (tx) =>
      strict.licenseImport.importRows(tx, rows, { acceptForeignKeys: false }),
    );
    expect(outcomes.map(({ outcome, code }) => code ?? outcome)).toEqual([
      'imported',
      'machine_active_elsewhere',
      'imported',
    ]);
    const customers = await licensing.customers.list({ email: 'half@example.com' }, { limit: 1, after: null });
    expect(customers).toEqual([]);
  });
});

describe('again', () => {
  const full = () =>
    good({
      reference: `ref-${randomBytes(6).toString('hex')}`,
      email: 'again@example.com',
      starts_at: '2025-06-01T00:00:00Z',
      expires_at: '2027-01-01T00:00:00Z',
      max_machines: 2,
      status: 'suspended',
      metadata: { a: '1' },
      machines: [{ fingerprint: 'm-1' }],
    });

  it('the same rows change nothing, whatever their order, also within one call', async () => {
    const rows = [full(), full(), full()];
    const first = await importRows([...rows, ...rows]);
    expect(first).toMatchObject({ imported: 3, unchanged: 3, refused: 0 });
    const before = await test.database.connection.selectFrom('licenses').selectAll().orderBy('id').execute();
    expect(await importRows(rows.toReversed())).toMatchObject({ imported: 0, unchanged: 3, refused: 0 });
    expect(await test.database.connection.selectFrom('licenses').selectAll().orderBy('id').execute()).toEqual(before);
  });

  it('a row that says less is no difference', async () => {
    const row = full();
    await importOne(row);
    const { key, plan, line } = row;
    expect(await importOne({ line, key, product, plan })).toMatchObject({ outcome: 'unchanged' });
  });

  it.each([
    ['plan', { plan: 'pro' }],
    ['product', { product: 'investment-system', plan: 'pro' }],
    ['reference', { reference: 'another' }],
    ['email', { email: 'else@example.com' }],
    ['starts_at', { starts_at: '2025-06-02T00:00:00Z' }],
    ['expires_at', { expires_at: null }],
    ['max_machines', { max_machines: 3 }],
    ['status', { status: 'active' }],
    ['metadata', { metadata: { a: '1', b: '2' } }],
    ['machines', { machines: [{ fingerprint: 'm-2' }] }],
  ])('the same key with another %s is refused and told so', async (field, other) => {
    const row = full();
    const { id } = await importOne(row);
    const before = await licensing.reader.get(id);
    const refused = await importOne({ ...row, ...other });
    expect(refused).toMatchObject({ outcome: 'refused', code: `exists_with_different_${field}`, path: field });
    expect(refused.detail).toContain(id);
    expect(refused.detail).not.toContain(row.key);
    expect(await licensing.reader.get(id)).toEqual(before);
  });

  it('the same reference with another key is refused', async () => {
    const row = full();
    await importOne(row);
    const refused = await importOne({ ...row, key: foreignKey() });
    expect(refused).toMatchObject({ outcome: 'refused', code: 'exists_with_different_key', path: 'key' });
  });

  it('two rows of one call that disagree: the first stands', async () => {
    const row = full();
    const { rows } = await importRows([row, { ...row, max_machines: 5 }]);
    expect(rows.map((one: Wire) => one.code ?? one.outcome)).toEqual([
      'imported',
      'exists_with_different_max_machines',
    ]);
  });

  it('two rows of one call with one key and two references: the first stands', async () => {
    const row = full();
    const { rows } = await importRows([row, { ...row, reference: 'the-other' }]);
    expect(rows.map((one: Wire) => one.code ?? one.outcome)).toEqual(['imported', 'exists_with_different_reference']);
  });

  it('machines that came and went since are no difference', async () => {
    const row = { ...full(), status: 'active' };
    await importOne(row);
    await post('/v1/licenses/deactivate', { key: row.key });
    await post('/v1/licenses/activate', { key: row.key, machine: { fingerprint: 'm-9' } });
    expect(await importOne(row)).toMatchObject({ outcome: 'unchanged' });
  });

  it('a row whose customer is known under another address says nothing new', async () => {
    await importOne(good({ customer_external_id: 'user-77', email: 'first@example.com' }));
    const row = good({ customer_external_id: 'user-77', email: 'second@example.com' });
    expect(await importOne(row)).toMatchObject({ outcome: 'imported' });
    expect(await importOne(row)).toMatchObject({ outcome: 'unchanged' });
  });
});

describe('a dry run', () => {
  it('answers what an import does, and writes nothing', async () => {
    const rows = [
      good({ line: 1, email: 'dry@example.com', status: 'revoked', machines: [{ fingerprint: 'm' }] }),
      good({ line: 2, plan: 'gold' }),
      { line: 3, product, plan: 'basic', reference: 'dry' },
    ];
    const tables = ['licenses', 'license_holds', 'activations', 'customers', 'audit_log'] as const;
    const all = () =>
      Promise.all(tables.map((table) => test.database.connection.selectFrom(table).selectAll().execute()));
    const before = await all();
    const logged = ports.log.lines.length;
    const dry = await importRows(rows, { dry_run: true });
    expect(await all()).toEqual(before);
    expect(ports.log.lines.slice(logged).map(({ message }) => message)).toEqual(['request']);
    const real = await importRows(rows);
    const withoutIds = (answer: Wire) => answer.rows.map(({ id: _, ...row }: Wire) => row);
    expect(withoutIds(dry)).toEqual(withoutIds(real));
    expect(dry).toMatchObject({ imported: 2, refused: 1, dry_run: true });
    expect(dry.rows[0]).not.toHaveProperty('id');
  });
});

describe('many at once', () => {
  const order = (more: object = {}) => ({ product, plan: 'basic', count: 3, reference: 'fair-2026', ...more });

  it('are issued once for their reference, and answered again with the same keys', async () => {
    const first = await post(
      '/v1/licenses/bulk',
      order({ expires_at: '2027-01-01T00:00:00Z', metadata: { fair: 'yes' } }),
    );
    expect(first).toMatchObject({ status: 201, body: { reference: 'fair-2026', repeated: false } });
    expect(new Set(first.body.data.map(({ key }: Wire) => key)).size).toBe(3);
    for (const { key, id } of first.body.data) {
      const expected = { code: 'VALID', license: { id, expires_at: '2027-01-01T00:00:00.000Z' } };
      expect(await validate(key)).toMatchObject(expected);
    }
    const again = await post('/v1/licenses/bulk', order());
    expect(again.body).toEqual({ ...first.body, repeated: true });
  });

  it('asked for at the same moment are issued once', async () => {
    const answers = await Promise.all(
      [1, 2, 3].map(() =>
        post('/v1/licenses/bulk', order({ reference: 'at-once', product: 'quantum-falcon', plan: 'pro' })),
      ),
    );
    const keys = answers.map(({ body }) => JSON.stringify(body.data));
    expect(new Set(keys).size).toBe(1);
    expect(answers.filter(({ body }) => !body.repeated)).toHaveLength(1);
  });

  it.each([
    ['more', { count: 4 }, 'count'],
    ['fewer', { count: 2 }, 'count'],
    ['another plan', { plan: 'pro' }, 'plan'],
  ])('%s under the same reference are refused', async (_what, other, path) => {
    const reference = `other-${path}-${Object.values(other)[0]}`;
    await post('/v1/licenses/bulk', order({ reference }));
    const refused = await post('/v1/licenses/bulk', order({ reference, ...other }));
    expect(refused).toMatchObject({ status: 409, body: { code: 'license_state_conflict', path } });
  });

  it('references that begin alike are not mixed up', async () => {
    const one = await post('/v1/licenses/bulk', order({ reference: 'a', count: 1 }));
    const other = await post('/v1/licenses/bulk', order({ reference: '1:a', count: 1 }));
    expect(other.body.repeated).toBe(false);
    expect(other.body.data[0].id).not.toBe(one.body.data[0].id);
  });
});

describe('who may', () => {
  it('read the keys of an export: an admin, and it is written down', async () => {
    const asServer = { authorization: 'Bearer a-server' };
    const refused = await http.inject({ url: '/v1/licenses/export?keys=true', headers: asServer });
    expect(refused.statusCode).toBe(403);
    const without = await http.inject({ url: '/v1/licenses/export', headers: asServer });
    expect(without.statusCode).toBe(200);
    const row = good();
    await importOne(row);
    expect(without.body).not.toContain(row.key);
    const exports = () => licensing.audit.list(test.database.connection, { action: 'license.keys_exported' }, null, 10);
    expect(await exports()).toEqual([]);
    const withKeys = await http.inject({ url: '/v1/licenses/export?keys=true', headers: asAdmin });
    expect(withKeys.body).toContain(row.key);
    expect(await exports()).toMatchObject([{ actorType: 'admin', detail: { format: 'csv' } }]);
  });
});

describe('the reference', () => {
  it('describes the fields of a row, though each is checked by itself', async () => {
    const { paths } = (await http.inject({ url: '/openapi.json' })).json();
    const { schema } = paths['/v1/licenses/import'].post.requestBody.content['application/json'];
    const { items } = schema.properties.rows;
    expect(Object.keys(items.properties)).toEqual(expect.arrayContaining(['line', 'key', 'product', 'expires_at']));
    expect(items.properties.key.description).toContain('stays valid');
    expect(schema.required).toEqual(['rows']);
    expect(paths['/v1/licenses/export'].get.parameters.map(({ name }: Wire) => name)).toContain('keys');
  });
});
