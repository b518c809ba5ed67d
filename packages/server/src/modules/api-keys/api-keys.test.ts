import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../../test/support/http.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import type { Http } from '../../http/index.ts';
import { createVault } from '../../security/vault.ts';
import { createAudit, registerAuditRoutes } from '../audit/index.ts';
import { type ApiKeys, createApiKeys, registerApiKeyRoutes } from './index.ts';

const ports = createTestPorts();
const audit = createAudit(ports);
let test: TestDatabase;
let apiKeys: ApiKeys;
let http: Http;
beforeAll(async () => {
  test = await createTestDatabase();
  apiKeys = createApiKeys({ ...ports, database: test.database, audit });
  http = await createTestHttp({ database: test.database, ports, authenticators: [apiKeys.authenticate] });
  registerApiKeyRoutes(http, { apiKeys, clock: ports.clock });
  registerAuditRoutes(http, { audit, database: test.database });
  http.get('/v1/licenses', { config: { access: { scope: 'licenses:read' } } }, async (request) => request.principal);
  await http.ready();
});
beforeEach(async () => {
  await test.database.connection.deleteFrom('api_keys').execute();
  await test.database.connection.deleteFrom('audit_log').execute();
});
afterAll(async () => {
  await http.close();
  await test.close();
});

const create = (payload: object = { name: 'shop', scopes: ['licenses:read'] }) =>
  http.inject({ method: 'POST', url: '/v1/api-keys', headers: asAdmin, payload });
const callWith = (key: string, url = '/v1/licenses') =>
  http.inject({ url, headers: { authorization: `Bearer ${key}` } });

describe('an API key', () => {
  it('is shown once, works with its scopes, and is kept as a hash alone', async () => {
    const created = await create();
    expect(created.statusCode).toBe(201);
    const { key, id, hint } = created.json();
    expect(key).toMatch(/^lk_[0-9a-z]{40}$/);
    expect(hint).toBe(`lk_…${key.slice(-4)}`);
    expect((await callWith(key)).json()).toMatchObject({ type: 'api_key', id, scopes: ['licenses:read'] });
    expect((await callWith(key, '/v1/api-keys')).statusCode).toBe(403);
    const listed = await http.inject({ url: '/v1/api-keys', headers: asAdmin });
    expect(listed.json().data).toHaveLength(1);
    expect(listed.body).not.toContain(key);
    const row = await test.database.connection.selectFrom('api_keys').selectAll().executeTakeFirstOrThrow();
    expect(JSON.stringify({ ...row, hash: Buffer.from(row.hash).toString('latin1') })).not.toContain(key.slice(3));
  });

  it('stops working at once when it is revoked, and revoking it again changes nothing', async () => {
    const { key, id } = (await create()).json();
    const revoke = () => http.inject({ method: 'DELETE', url: `/v1/api-keys/${id}`, headers: asAdmin });
    const first = await revoke();
    expect(first.json().revoked_at).toBe(ports.clock.wall().toISOString());
    expect((await callWith(key)).statusCode).toBe(401);
    ports.clock.pass(1_000);
    expect((await revoke()).json()).toEqual(first.json());
    const missing = await http.inject({ method: 'DELETE', url: '/v1/api-keys/key_none', headers: asAdmin });
    expect([missing.statusCode, missing.json().code]).toEqual([404, 'resource_missing']);
  });

  it('works until it expires by the wall clock, whatever domain time is', async () => {
    const expires = new Date(ports.clock.wall().getTime() + 60_000).toISOString();
    const { key } = (await create({ name: 'short', scopes: ['licenses:read'], expires_at: expires })).json();
    ports.clock.advance(365 * 24 * 3_600_000);
    expect((await callWith(key)).statusCode).toBe(200);
    ports.clock.pass(60_000);
    expect((await callWith(key)).statusCode).toBe(401);
  });

  it('with the scope admin may do everything', async () => {
    const { key } = (await create({ name: 'ops', scopes: ['admin'] })).json();
    expect((await callWith(key, '/v1/api-keys')).statusCode).toBe(200);
    expect((await callWith(key)).json().type).toBe('admin');
  });

  it('still works after the root secret was replaced', async () => {
    const { key } = (await create()).json();
    const vault = createVault(
      ['another root secret, long enough now', 'a root secret for tests, long enough'],
      ports.randomness,
    );
    const after = createApiKeys({ ...ports, vault, database: test.database, audit });
    expect(await after.authenticate(key)).not.toBeNull();
  });

  it('remembers when it was last used', async () => {
    const { key } = (await create()).json();
    await callWith(key);
    await apiKeys.saveLastUsed();
    const listed = await http.inject({ url: '/v1/api-keys', headers: asAdmin });
    expect(listed.json().data[0].last_used_at).toBe(ports.clock.wall().toISOString());
  });

  it.each([
    [{ name: '', scopes: ['licenses:read'] }, 'name'],
    [{ name: 'x', scopes: [] }, 'scopes'],
    [{ name: 'x', scopes: ['everything'] }, 'scopes[0]'],
    [{ name: 'x', scopes: ['admin'], expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
  ])('is refused for %o', async (payload, path) => {
    const answer = await create(payload);
    expect([answer.statusCode, answer.json().path]).toEqual([400, path]);
  });
});

describe('the audit log', () => {
  it('says what was done, by whom, in which request, page by page, the newest first', async () => {
    const { id, key } = (await create({ name: 'ops', scopes: ['admin'] })).json();
    ports.clock.pass(1_000);
    const removed = await http.inject({
      method: 'DELETE',
      url: `/v1/api-keys/${id}`,
      headers: { authorization: `Bearer ${key}`, 'x-request-id': 'my-request-1' },
    });
    expect(removed.statusCode).toBe(200);
    const list = async (query: string) => (await http.inject({ url: `/v1/audit?${query}`, headers: asAdmin })).json();
    const first = await list('limit=1');
    expect(first).toMatchObject({
      has_more: true,
      data: [
        {
          action: 'api_key.revoked',
          actor: { type: 'admin', id },
          subject: { type: 'api_key', id },
          request_id: 'my-request-1',
          at: ports.clock.now().toISOString(),
        },
      ],
    });
    const second = await list(`limit=1&after=${first.next}`);
    expect(second).toMatchObject({ has_more: false, next: null, data: [{ action: 'api_key.created' }] });
    expect((await list('action=api_key.revoked')).data).toHaveLength(1);
    expect((await list('subject_type=license')).data).toEqual([]);
    expect(JSON.stringify([first, second])).not.toContain(key);
  });

  it('refuses a cursor that is none, and is for the admin alone', async () => {
    const answer = await http.inject({ url: '/v1/audit?after=xyz', headers: asAdmin });
    expect([answer.statusCode, answer.json().path]).toEqual([400, 'after']);
    expect((await http.inject('/v1/audit?limit=101')).statusCode).toBe(401);
    expect((await http.inject({ url: '/v1/audit?limit=101', headers: asAdmin })).json().path).toBe('limit');
  });
});
