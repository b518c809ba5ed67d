import {
  type KeyMaterial,
  type KeySecret,
  LatchkeyError,
  type Product,
  signedKeys,
  signingKeyId,
} from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { createLicensing, loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts, type TestPorts } from '../../../test/support/ports.ts';
import type { LoadedCatalog } from '../../catalog/load.ts';
import type { Transaction } from '../../db/database.ts';
import { nodeCryptography } from '../../security/cryptography.ts';
import { createKeyKeeper } from './keys.ts';
import * as repository from './repository.ts';
import { createLicenseService } from './service.ts';

let test: TestDatabase;
let ports: TestPorts;
let loaded: LoadedCatalog;
let licensing: ReturnType<typeof createLicensing>;

beforeAll(async () => {
  test = await createTestDatabase();
  ports = createTestPorts();
  loaded = await loadExampleCatalog();
  licensing = createLicensing(test.database, ports, loaded);
});

afterAll(async () => {
  await test?.close();
});

const write = <T>(work: (transaction: Transaction) => Promise<T>) =>
  test.database.transaction({ actor: { type: 'system', id: 'test' } }, work);

const order = (product: string, plan: string, keyCustomer = 'user_1') => ({
  product,
  plan,
  keyCustomer,
  keySubscription: 'none',
  customerId: null,
  subscriptionId: null,
  // Keys are what is looked at here, and not what is left of what was bought.
  overrides: { policy: { requireCredit: null } },
});
const issue = (product: string, plan: string) =>
  write((transaction) => licensing.licenses.issue(transaction, order(product, plan)));
const code = async (key: string) => (await licensing.reader.validate(key, {})).code;

describe('a key as somebody types it', () => {
  it.each([
    ['crypto-orchestrator', 'basic'],
    ['investment-system', 'starter'],
    ['redline2', 'prepaid'],
    ['quantum-falcon', 'elite'],
  ])('of %s is found in any case, and is the same in memory', async (product, plan) => {
    const { license, key } = await issue(product, plan);
    expect(await code(key.toLowerCase())).toBe('VALID');
    expect(await code(` ${key.toUpperCase()}\n`)).toBe('VALID');
    await write((transaction) => licensing.licenses.revoke(transaction, license.id, 'stolen'));
    expect([await code(key), await code(key.toLowerCase())]).toEqual(['REVOKED', 'REVOKED']);
  });

  it('of groups is found with letters for digits and without dashes', async () => {
    const { key } = await issue('redline2', 'prepaid');
    const groups = key.slice(3).replaceAll('0', 'o').replaceAll('1', 'l').replaceAll('-', '');
    expect(await code(`rl${groups}`)).toBe('VALID');
  });
});

describe('a key that was never issued', () => {
  const material: KeyMaterial = {
    customer: 'user_1',
    subscription: 'none',
    plan: 'basic',
    issuedAt: Date.UTC(2026, 0, 1),
    expiresAt: null,
    salt: Buffer.alloc(16, 5),
  };

  it.each([
    ['random', 'RL-00000000-00000000-00000000', 'NOT_FOUND'],
    ['tier-signature', 'QF-LIFETIME-000000000000-1', 'NOT_FOUND'],
    ['sealed', 'CO-00000000-00000000-00000000-00000000', 'FORGED'],
    ['no loaded scheme', 'XX-00000000-00000000-00000000', 'MALFORMED'],
  ])('is judged as far as its scheme %s can: %s is %s', async (_scheme, key, expected) => {
    expect(await code(key)).toBe(expected);
  });

  it('and is sealed under a live secret is genuine and not found', async () => {
    const product = loaded.catalog.products.find(({ id }) => id === 'crypto-orchestrator');
    if (product === undefined) throw new Error('the example is missing');
    const key = licensing.keys.generate(product, material);
    expect(await code(key)).toBe('NOT_FOUND');
    expect(await code(key.slice(0, -1) + (key.endsWith('0') ? '1' : '0'))).toBe('FORGED');
  });
});

describe('a secret that is replaced', () => {
  it.each([
    ['infinite-server26', 'license'],
    ['crypto-orchestrator', 'basic'],
    ['quantum-falcon', 'pro'],
  ])('leaves the keys that %s issued under it valid and its unissued ones genuine', async (product, plan) => {
    const { key } = await issue(product, plan);
    const fresh = { id: 'fresh', bytes: Buffer.alloc(32, 'fresh') };
    const rotated = {
      ...loaded,
      keySecrets: (reference: Parameters<typeof loaded.keySecrets>[0]) => [fresh, ...loaded.keySecrets(reference)],
    };
    const after = createLicensing(test.database, ports, rotated);
    expect((await after.reader.validate(key, {})).code).toBe('VALID');
    expect(after.keys.classify(key)).toBe('NOT_FOUND');
    const next = await write((transaction) => after.licenses.issue(transaction, order(product, plan, 'user_2')));
    expect((await after.reader.validate(next.key, {})).code).toBe('VALID');
  });
});

describe('a key that is taken', () => {
  const taking = (salts: Uint8Array[]) => {
    const randomness = { bytes: () => salts.shift() ?? new Uint8Array(32) };
    return createLicenseService({
      database: test.database,
      catalog: loaded.catalog,
      keys: licensing.keys,
      snapshots: licensing.snapshots,
      clock: ports.clock,
      ids: ports.ids,
      randomness,
      record: licensing.audit.record,
    });
  };
  const salt = (value: number) => Buffer.alloc(32, value);

  it('gives way to another of fresh salt, in the same transaction', async () => {
    const licenses = taking([salt(1), salt(1), salt(2)]);
    const [first, second] = await write(async (transaction) => [
      await licenses.issue(transaction, order('redline2', 'prepaid')),
      await licenses.issue(transaction, order('redline2', 'prepaid')),
    ]);
    expect(second?.key).not.toBe(first?.key);
    expect(await licensing.reader.keyOf(second?.license.id ?? '')).toBe(second?.key);
  });

  it('is given up after a few tries, and the transaction still stands', async () => {
    const licenses = taking(Array.from({ length: 20 }, () => salt(3)));
    const survivor = await write(async (transaction) => {
      const issued = await licenses.issue(transaction, order('redline2', 'prepaid'));
      await expect(licenses.issue(transaction, order('redline2', 'prepaid'))).rejects.toMatchObject({
        code: 'conflict',
      });
      return issued;
    });
    expect(await code(survivor.key)).toBe('VALID');
  });

  it('and an origin that is taken are told apart', async () => {
    const { license } = await issue('redline2', 'prepaid');
    const row = await test.database.connection
      .selectFrom('licenses')
      .selectAll()
      .where('id', '=', license.id)
      .executeTakeFirstOrThrow();
    const again = { ...row, metadata: '{}', overrides: '{}', id: 'lic_again' };
    const outcomes = await write(async ({ connection }) => [
      await repository.insertLicense(connection, again),
      await repository.insertLicense(connection, { ...again, origin: 'another' }),
      await repository.insertLicense(connection, { ...again, key_index: Buffer.alloc(32, 9) }),
    ]);
    expect(outcomes).toEqual(['origin_taken', 'key_taken', 'origin_taken']);
  });
});

describe('a product whose keys are signed', () => {
  function keeper(signingSecrets?: () => readonly KeySecret[]) {
    const product = loaded.catalog.products.find(({ id }) => id === 'redline2');
    if (product === undefined) throw new Error('the example is missing');
    const signed: Product = { ...product, keyScheme: { name: 'signed', prefix: 'LK', secret: null } };
    const keys = createKeyKeeper({
      ...loaded,
      catalog: { products: [signed] },
      ...(signingSecrets === undefined ? {} : { signingSecrets }),
      vault: ports.vault,
      cryptography: nodeCryptography,
    });
    return { keys, signed };
  }

  function pairOf(byte: number): KeySecret {
    const bytes = Buffer.alloc(32, byte);
    const publicKey = nodeCryptography.ed25519PublicKey(bytes);
    return { id: signingKeyId(publicKey, nodeCryptography), bytes, publicKey };
  }

  const material = {
    customer: 'cus',
    subscription: 'sub',
    plan: 'prepaid',
    issuedAt: 0,
    expiresAt: null,
    salt: Buffer.alloc(16, 1),
  };

  it('is refused where nothing signs', () => {
    const { keys, signed } = keeper();
    expect(keys.makes(signed)).toBe(false);
    expect(() => keys.generate(signed, material)).toThrow(LatchkeyError);
  });

  it('has keys signed with the newest pair, and knows those of older ones, from the moment that they change', () => {
    let pairs = [pairOf(1)];
    const { keys, signed } = keeper(() => pairs);
    const first = keys.generate(signed, material);
    pairs = [pairOf(2), pairOf(1)];
    const second = keys.generate(signed, material);
    expect(keys.makes(signed)).toBe(true);
    const claims = (key: string) => signedKeys('LK', 'redline2').open(key, pairs.map(publicHalf), nodeCryptography);
    expect([claims(first)?.keyId, claims(second)?.keyId]).toEqual([pairs[1]?.id, pairs[0]?.id]);
    expect(claims(second)).toMatchObject({ product: 'redline2', plan: 'prepaid', expiresAt: null });
    expect([keys.classify(first), keys.classify(second)]).toEqual(['NOT_FOUND', 'NOT_FOUND']);
    pairs = [pairOf(2)];
    expect([keys.classify(first), keys.classify(second)]).toEqual(['FORGED', 'NOT_FOUND']);
  });

  const publicHalf = ({ id, publicKey = new Uint8Array() }: KeySecret) => ({ id, publicKey });
});
