import { createDecipheriv, createHash, createPublicKey, verify } from 'node:crypto';
import { type FileQuestion, readRevocationList, verifyLicenseFile, verifySignedAnswer } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { asAdmin, createTestHttp } from '../../../test/support/http.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import type { Transaction } from '../../db/database.ts';
import type { Http } from '../../http/index.ts';
import { nodeCryptography as cryptography } from '../../security/cryptography.ts';
import { createSigning, registerSigningKeyRoutes, type Signing } from '../signing/index.ts';
import { createLicenseFiles, createRevocations, createSignedAnswers, keyHolderRoutes, offlineRoutes } from './index.ts';
import type { IssueLicense } from './issuing.ts';

const day = 86_400_000;
let test: TestDatabase;
let ports: TestPorts;
let licensing: ReturnType<typeof createLicensing>;
let signing: Signing;
let http: Http;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  licensing = createLicensing(test.database, ports, await loadExampleCatalog());
  const { audit, licenses, reader, keys, catalog } = licensing;
  signing = await createSigning({ ...ports, database: test.database, audit });
  const offline = { ...ports, database: test.database, catalog, keys, signing, cryptography };
  http = await createTestHttp({ database: test.database, ports });
  keyHolderRoutes(http, { licenses, reader, resend: async () => {}, signValidation: createSignedAnswers(offline) });
  offlineRoutes(http, {
    licenseFiles: createLicenseFiles({ ...offline, licenses, reader, record: audit.record }),
    revocations: createRevocations(offline),
  });
  registerSigningKeyRoutes(http, { signing });
  await http.ready();
});

afterAll(async () => {
  await http?.close();
  await test?.close();
});

const write = <T>(work: (transaction: Transaction) => Promise<T>) =>
  test.database.transaction({ actor: { type: 'system', id: 'test' } }, work);

function issue(change: Partial<IssueLicense> = {}) {
  const order = {
    product: 'quantum-falcon',
    plan: 'pro',
    keyCustomer: `user_${ports.ids.next('cust')}`,
    keySubscription: 'none',
    customerId: null,
    subscriptionId: null,
    ...change,
  };
  return write((transaction) => licensing.licenses.issue(transaction, order));
}

const activate = (key: string, machine: { fingerprint: string; components?: Record<string, string> }) =>
  write((transaction) => licensing.licenses.activate(transaction, { key, machine }));

async function post(url: string, payload: object, headers: Record<string, string> = {}) {
  const answer = await http.inject({ method: 'POST', url, payload, headers });
  return { status: answer.statusCode, body: answer.json() };
}

const askFile = (payload: object) => post('/v1/licenses/file', payload);

async function fileOf(payload: object): Promise<{ id: string; certificate: string; key_id: string }> {
  const { body } = await askFile(payload);
  if (body.file === null) throw new Error(`there is no file: ${body.code}`);
  return body.file;
}

const check = (certificate: string, question: Partial<FileQuestion> = {}) =>
  verifyLicenseFile(
    { certificate, publicKeys: signing.publicKeys(), now: ports.clock.now().getTime(), ...question },
    cryptography,
  );

async function revocations(headers: Record<string, string> = {}) {
  // Past what is kept for those who ask at once.
  ports.clock.pass(3_000);
  return http.inject({ url: '/v1/revocations', headers });
}

async function readList() {
  const reading = readRevocationList(
    {
      certificate: (await revocations()).json().certificate,
      publicKeys: signing.publicKeys(),
      now: ports.clock.now().getTime(),
    },
    cryptography,
  );
  if (!reading.valid) throw new Error(reading.detail);
  return reading.list;
}

describe('a licence file', () => {
  it('is read with node:crypto alone, by the public key that the server tells', async () => {
    const { license, key } = await issue();
    await activate(key, { fingerprint: 'm-1' });
    const file = await fileOf({ key, machine: { fingerprint: 'm-1' }, encrypt: true });
    const body = file.certificate.replace(/-----(BEGIN|END) MACHINE FILE-----\n/g, '');
    const { enc, sig, alg, kid } = JSON.parse(Buffer.from(body, 'base64').toString());
    const { data: known } = (await http.inject({ url: '/v1/signing-keys' })).json();
    const pem = known.find(({ id }: { id: string }) => id === kid).public_key_pem;
    expect(verify(null, Buffer.from(`machine/${enc}`), createPublicKey(pem), Buffer.from(sig, 'base64'))).toBe(true);
    expect([alg, kid]).toEqual(['aes-256-gcm+ed25519', file.key_id]);
    const [ciphertext, iv, tag] = enc.split('.').map((part: string) => Buffer.from(part, 'base64'));
    const decipher = createDecipheriv('aes-256-gcm', createHash('sha256').update(`${key}m-1`).digest(), iv);
    decipher.setAuthTag(tag);
    const content = JSON.parse(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString());
    expect(content).toMatchObject({
      meta: { issued: ports.clock.now().toISOString(), kid, file: file.id },
      data: { type: 'machines', attributes: { fingerprint: 'm-1' } },
    });
    expect(content.included[0]).toMatchObject({ id: license.id, type: 'licenses', attributes: { plan: 'pro' } });
    expect(JSON.stringify(content)).not.toContain(key);
  });

  it('answers what the server answers, for every machine and feature asked for [Z5]', async () => {
    const { key } = await issue({ maxMachines: 2 });
    await activate(key, { fingerprint: 'm-1' });
    const { certificate } = await fileOf({ key });
    for (const question of [
      {},
      { product: 'quantum-falcon' },
      { product: 'redline2' },
      { machine: { fingerprint: 'm-1' } },
      { machine: { fingerprint: 'm-2' } },
      { entitlements: ['no such feature'] },
    ]) {
      const online = await licensing.reader.validate(key, question);
      const offline = check(certificate, question);
      expect([offline.code, offline.detail]).toEqual([online.code, online.detail]);
    }
  });

  it('names a machine by what it is called today, known by its parts [Z5]', async () => {
    const { key } = await issue();
    const components = { board: 'B', disk: 'D', network: 'N' };
    await activate(key, { fingerprint: 'old', components });
    const machine = { fingerprint: 'new', components: { ...components, network: 'N2' } };
    const { certificate } = await fileOf({ key, machine, encrypt: true });
    expect(check(certificate, { machine, licenseKey: key }).code).toBe('VALID');
    expect(check(certificate, { machine: { fingerprint: 'new' }, licenseKey: key }).code).toBe('VALID');
    expect(check(certificate, { machine: { fingerprint: 'old' }, licenseKey: key }).code).toBe('DECRYPTION_FAILED');
  });

  it('of a retired key is still good, of a revoked one it is not [Z5]', async () => {
    const { key } = await issue();
    const { certificate, key_id } = await fileOf({ key });
    const rotated = await post('/v1/signing-keys/rotate', {}, asAdmin);
    expect(check(certificate).code).toBe('VALID');
    expect((await fileOf({ key })).key_id).toBe(rotated.body.id);
    await post(`/v1/signing-keys/${key_id}/revoke`, {}, asAdmin);
    expect(check(certificate).code).toBe('SIGNING_KEY_REVOKED');
    expect((await readList()).signingKeys.has(key_id)).toBe(true);
    expect(check((await fileOf({ key })).certificate).code).toBe('VALID');
  });

  it('is written down, without what it says', async () => {
    const { license, key } = await issue();
    const file = await fileOf({ key });
    const { connection } = test.database;
    const row = await connection
      .selectFrom('license_files')
      .selectAll()
      .where('id', '=', file.id)
      .executeTakeFirstOrThrow();
    expect(row).toMatchObject({ license_id: license.id, signing_key_id: file.key_id, kind: 'license' });
    const entry = await connection
      .selectFrom('audit_log')
      .selectAll()
      .where('subject_id', '=', license.id)
      .where('action', '=', 'license.file_issued')
      .executeTakeFirstOrThrow();
    expect(entry.detail).toMatchObject({ file: file.id, signing_key: file.key_id });
    expect(JSON.stringify(entry.detail)).not.toContain(key);
  });
});

describe('how long a file is good', () => {
  const overrides = (offlineFileDays: number | null) => ({ overrides: { policy: { offlineFileDays } } });
  const life = async (change: Partial<IssueLicense>, ttl_days?: number) => {
    const { key } = await issue(change);
    const { body } = await askFile({ key, ...(ttl_days === undefined ? {} : { ttl_days }) });
    if (body.file === undefined) return body.code;
    const end = body.file.expires_at;
    return end === null ? null : (Date.parse(end) - ports.clock.now().getTime()) / day;
  };

  it.each([
    ['as long as the plan says', 14, undefined, 14],
    ['as long as was asked for, where the plan allows it', 14, 3, 3],
    ['no longer than the plan says', 14, 400, 14],
    ['for ever where the plan says so', -1, undefined, null],
    ['as long as was asked for, where the plan sets no end', -1, 30, 30],
    ['not at all where the plan has none', null, undefined, 'offline_files_not_offered'],
  ])('is %s', async (_name, planDays, asked, expected) => {
    expect(await life(overrides(planDays), asked)).toBe(expected);
  });

  it('is not as long as the licence: the file says when that ends', async () => {
    const now = ports.clock.now().getTime();
    const { key } = await issue({ expiresAt: new Date(now + 2 * day) });
    const { certificate } = await fileOf({ key });
    expect(check(certificate, { now: now + 3 * day }).code).toBe('EXPIRED');
    expect(check(certificate, { now: now + 14 * day }).code).toBe('FILE_EXPIRED');
  });
});

describe('there is no file', () => {
  const refusal = async (payload: object) => {
    const { status, body } = await askFile(payload);
    return [status, body.code, body.valid, body.file];
  };

  it.each(['RL-00000000-00000000-00000000', 'no key at all'])('for %s', async (key) => {
    expect(await refusal({ key })).toEqual([200, expect.stringMatching(/NOT_FOUND|MALFORMED/), false, null]);
  });

  it('for a licence that is withheld, ended, or of another product', async () => {
    const revoked = await issue();
    await write((transaction) => licensing.licenses.revoke(transaction, revoked.license.id, 'stolen'));
    const ended = await issue({ expiresAt: new Date(ports.clock.now().getTime() - 1) });
    expect(await refusal({ key: revoked.key })).toEqual([200, 'REVOKED', false, null]);
    expect(await refusal({ key: ended.key })).toEqual([200, 'EXPIRED', false, null]);
    expect(await refusal({ key: (await issue()).key, product: 'redline2' })).toEqual([
      200,
      'PRODUCT_MISMATCH',
      false,
      null,
    ]);
  });

  it('for a machine that is not activated', async () => {
    const { key } = await issue();
    expect(await refusal({ key, machine: { fingerprint: 'm' } })).toEqual([200, 'MACHINE_NOT_ACTIVATED', false, null]);
  });

  it('for a term that waits for a first activation', async () => {
    const { key } = await issue({ overrides: { policy: { termDays: 30, termBasis: 'first_activation' } } });
    expect((await askFile({ key })).body.code).toBe('license_state_conflict');
    await activate(key, { fingerprint: 'm' });
    expect(check((await fileOf({ key })).certificate).file?.license.expiresAt).toBe(
      ports.clock.now().getTime() + 30 * day,
    );
  });

  it('without an end where the term begins with the first validation: asking for it is one', async () => {
    const { key } = await issue({ overrides: { policy: { termDays: 30, termBasis: 'first_validation' } } });
    const { certificate } = await fileOf({ key });
    expect(check(certificate).file?.license).toMatchObject({
      termBeginsWith: null,
      expiresAt: ports.clock.now().getTime() + 30 * day,
    });
  });
});

describe('the revocation list', () => {
  it('names who was withheld and has a file out there, and nobody else', async () => {
    const [revoked, suspended, back, without, ended, valid] = await Promise.all(
      Array.from({ length: 6 }, () => issue()),
    ).then((all) => all as [Awaited<ReturnType<typeof issue>>, ...Awaited<ReturnType<typeof issue>>[]]);
    for (const one of [revoked, suspended, back, valid]) await fileOf({ key: one?.key ?? '' });
    await fileOf({ key: ended?.key ?? '', ttl_days: 1 });
    const { licenses } = licensing;
    const id = (one: typeof revoked | undefined) => one?.license.id ?? '';
    await write(async (transaction) => {
      await licenses.revoke(transaction, id(revoked), null);
      await licenses.suspend(transaction, id(suspended), 'unpaid');
      await licenses.suspend(transaction, id(back), null);
      await licenses.reinstate(transaction, id(back));
      await licenses.revoke(transaction, id(without), null);
      await licenses.revoke(transaction, id(ended), null);
    });
    const since = ports.clock.now().getTime();
    const list = await readList();
    expect(list.licenses.get(id(revoked))).toEqual({ effect: 'revoke', since });
    expect(list.licenses.get(id(suspended))).toEqual({ effect: 'suspend', since });
    for (const one of [back, without, valid]) expect(list.licenses.has(id(one))).toBe(false);
    expect(list.licenses.has(id(ended))).toBe(true);
    ports.clock.pass(2 * day + 10_000);
    const later = await readList();
    expect([later.licenses.has(id(revoked)), later.licenses.has(id(ended))]).toEqual([true, false]);
  });

  it('lets a verifier without the server refuse a file, until a newer file says that it is good again [Z5]', async () => {
    const { license, key } = await issue();
    const { certificate } = await fileOf({ key });
    await write((transaction) => licensing.licenses.suspend(transaction, license.id, null));
    const list = await readList();
    expect(check(certificate, { revocations: list }).code).toBe('SUSPENDED');
    await write((transaction) => licensing.licenses.reinstate(transaction, license.id));
    ports.clock.pass(1_000);
    expect(check((await fileOf({ key })).certificate, { revocations: list }).code).toBe('VALID');
    expect((await readList()).licenses.has(license.id)).toBe(false);
  });

  it('is the same to the letter while nothing changes, and says so to those who have it', async () => {
    const first = await revocations();
    const again = await revocations({ 'if-none-match': String(first.headers.etag) });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    ports.clock.pass(3_600_000);
    const fresh = await revocations({ 'if-none-match': String(first.headers.etag) });
    expect(fresh.statusCode).toBe(200);
    expect(Date.parse(fresh.json().issued_at)).toBe(ports.clock.now().getTime());
  });

  it('asked for by many at once is looked for once', async () => {
    ports.clock.pass(3_000);
    const answers = await Promise.all(Array.from({ length: 20 }, () => http.inject({ url: '/v1/revocations' })));
    expect(new Set(answers.map(({ body }) => body)).size).toBe(1);
  });
});

describe('an answer to a question with a nonce', () => {
  const ask = (payload: object) => post('/v1/licenses/validate', payload);
  const genuine = (signature: { payload: string; signature: string }, nonce: string) =>
    verifySignedAnswer({ ...signature, nonce, publicKeys: signing.publicKeys() }, cryptography);

  it('is the usual one and a signature over what matters of it', async () => {
    const { license, key } = await issue();
    await activate(key, { fingerprint: 'm-1' });
    const plain = await ask({ key, machine: { fingerprint: 'm-1' } });
    const { body } = await ask({ key, machine: { fingerprint: 'm-1' }, nonce: 'fresh' });
    const { signature, ...rest } = body;
    expect(plain.body).toEqual(rest);
    expect(signature).toMatchObject({ key_id: signing.current().id, algorithm: 'ed25519' });
    expect(genuine(signature, 'fresh')).toEqual({
      genuine: true,
      answer: {
        valid: true,
        code: 'VALID',
        license: { id: license.id, product: 'quantum-falcon', plan: 'pro', expiresAt: license.expiresAt },
        machine: 'm-1',
        nonce: 'fresh',
        at: ports.clock.now().getTime(),
      },
    });
    expect(genuine(signature, 'another')).toMatchObject({ genuine: false, code: 'NONCE_MISMATCH' });
  });

  it('is signed when it is a no, too', async () => {
    const { body } = await ask({ key: 'no key', nonce: 'fresh' });
    expect(genuine(body.signature, 'fresh')).toMatchObject({
      genuine: true,
      answer: { valid: false, code: 'MALFORMED', license: null },
    });
  });

  it.each(['', 'x'.repeat(201)])('is not given for a nonce of the wrong length', async (nonce) => {
    expect((await ask({ key: 'k', nonce })).status).toBe(400);
  });
});
