import { createPublicKey, verify } from 'node:crypto';
import { type Signer, signText } from '@latchkey/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../../test/support/http.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import type { Http } from '../../http/index.ts';
import { nodeCryptography as cryptography } from '../../security/cryptography.ts';
import { createAudit } from '../audit/index.ts';
import { createSigning, registerSigningKeyRoutes, type Signing } from './index.ts';

const ports = createTestPorts();
const audit = createAudit(ports);
let test: TestDatabase;
let signing: Signing;
let http: Http;

const open = () => createSigning({ ...ports, database: test.database, audit });

beforeAll(async () => {
  test = await createTestDatabase();
});
beforeEach(async () => {
  await http?.close();
  await test.database.connection.deleteFrom('signing_keys').execute();
  await test.database.connection.deleteFrom('audit_log').execute();
  signing = await open();
  http = await createTestHttp({ database: test.database, ports });
  registerSigningKeyRoutes(http, { signing });
  await http.ready();
});
afterAll(async () => {
  await http?.close();
  await test?.close();
});

const post = (path: string, headers: Record<string, string> = asAdmin) =>
  http.inject({ method: 'POST', url: `/v1/signing-keys/${path}`, headers });
const listed = async () => (await http.inject({ url: '/v1/signing-keys' })).json().data;
const statuses = async () =>
  Object.fromEntries((await listed()).map((key: { id: string; status: string }) => [key.id, key.status]));
const actions = async () =>
  (await test.database.connection.selectFrom('audit_log').select(['action', 'subject_id']).orderBy('id').execute()).map(
    ({ action, subject_id }) => `${action} ${subject_id}`,
  );
const sign = (signer: Signer) => signText('license', 'text', { signer, cryptography });

describe('a server that starts', () => {
  it('on an empty database makes a key, and the next that starts uses the same', async () => {
    const { id } = signing.current();
    expect(signing.publicKeys().map((key) => [key.id, key.status])).toEqual([[id, 'active']]);
    const again = await open();
    expect(sign(again.current())).toEqual(sign(signing.current()));
    expect(await actions()).toEqual([`signing_key.created ${id}`]);
  });

  it('makes one key where several start at once', async () => {
    await test.database.connection.deleteFrom('signing_keys').execute();
    const ids = (await Promise.all([open(), open(), open(), open()])).map((each) => each.current().id);
    expect(new Set(ids).size).toBe(1);
    expect(await listed()).toHaveLength(1);
  });

  it('keeps the private half sealed', async () => {
    const row = await test.database.connection.selectFrom('signing_keys').selectAll().executeTakeFirstOrThrow();
    const seed = Buffer.from(signing.current().seed);
    expect(Buffer.from(row.private_ciphertext).includes(seed)).toBe(false);
    expect(
      ports.vault.openBytes(
        'signing-key',
        { ciphertext: row.private_ciphertext, secretId: row.private_secret_id },
        row.id,
      ),
    ).toEqual(seed);
  });
});

describe('the list of keys', () => {
  it('is for everybody, and enough to verify with', async () => {
    const [key] = await listed();
    const message = Buffer.from('license/text');
    expect(verify(null, message, createPublicKey(key.public_key_pem), sign(signing.current()))).toBe(true);
    expect(cryptography.verifyEd25519(Buffer.from(key.public_key, 'base64'), message, sign(signing.current()))).toBe(
      true,
    );
    expect(key).toMatchObject({
      object: 'signing_key',
      id: signing.current().id,
      algorithm: 'ed25519',
      status: 'active',
    });
  });
});

describe('a rotation', () => {
  it('lets a new key sign at once, and what the old one signed still holds', async () => {
    const old = signing.current();
    const answer = await post('rotate');
    expect([answer.statusCode, answer.json().status]).toEqual([201, 'active']);
    expect(signing.current().id).toBe(answer.json().id);
    expect(await statuses()).toEqual({ [old.id]: 'retired', [answer.json().id]: 'active' });
    expect(signing.signingSecrets().map(({ id, bytes }) => [id, bytes.length])).toEqual([
      [answer.json().id, 32],
      [old.id, 0],
    ]);
    expect(await actions()).toEqual([
      `signing_key.created ${old.id}`,
      `signing_key.retired ${old.id}`,
      `signing_key.created ${answer.json().id}`,
    ]);
  });

  it('that is rolled back changes nothing', async () => {
    const { id } = signing.current();
    const fails = test.database.transaction({ actor: { type: 'system', id: 'test' } }, async (transaction) => {
      await signing.rotate(transaction);
      throw new Error('and yet not');
    });
    await expect(fails).rejects.toThrow('and yet not');
    expect(signing.current().id).toBe(id);
    expect(await statuses()).toEqual({ [id]: 'active' });
  });

  it('is seen by another process when its notice arrives', async () => {
    const other = await open();
    const stop = await other.follow();
    const { id } = (await post('rotate')).json();
    await expect.poll(() => other.current().id).toBe(id);
    await stop();
  });
});

describe('taking a key back', () => {
  it('of a key that signed before leaves the one that signs', async () => {
    const old = signing.current().id;
    const { id } = (await post('rotate')).json();
    expect((await post(`${old}/revoke`)).json()).toMatchObject({ id: old, status: 'revoked' });
    expect(await statuses()).toEqual({ [old]: 'revoked', [id]: 'active' });
    expect(signing.signingSecrets().map((secret) => secret.id)).toEqual([id]);
    expect(signing.publicKeys().find((key) => key.id === old)?.status).toBe('revoked');
  });

  it('of the one that signs lets a new one sign', async () => {
    const old = signing.current().id;
    expect((await post(`${old}/revoke`)).statusCode).toBe(200);
    expect(signing.current().id).not.toBe(old);
    expect(await statuses()).toEqual({ [old]: 'revoked', [signing.current().id]: 'active' });
  });

  it('again changes nothing', async () => {
    const old = signing.current().id;
    const first = (await post(`${old}/revoke`)).json();
    const before = await actions();
    ports.clock.pass(1_000);
    expect((await post(`${old}/revoke`)).json()).toEqual(first);
    expect(await actions()).toEqual(before);
    expect(await listed()).toHaveLength(2);
  });

  it('of a key that is not there says so', async () => {
    const answer = await post('0000000000000000/revoke');
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'resource_missing']);
  });
});

it.each(['rotate', 'x/revoke'])('%s is for admins', async (path) => {
  expect((await post(path, {})).statusCode).toBe(401);
});
