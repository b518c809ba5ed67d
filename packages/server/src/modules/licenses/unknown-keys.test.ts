import { findProduct } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { loadExampleCatalog } from '../../../test/support/licensing.ts';
import { createTestPorts } from '../../../test/support/ports.ts';
import type { LoadedCatalog } from '../../catalog/load.ts';
import type { Connection } from '../../db/database.ts';
import { nodeCryptography } from '../../security/cryptography.ts';
import { createKeyKeeper, createLicenseReader, createLicenseSnapshots, type LicenseReader } from './index.ts';
import { LONGEST_KEY } from './keys.ts';

const ports = createTestPorts();
let test: TestDatabase;
let loaded: LoadedCatalog;
let reader: LicenseReader;
let work: Record<string, number> = {};

function counted(name: string): void {
  work[name] = (work[name] ?? 0) + 1;
}

/** The same thing, of which every use is counted by the name of what was asked. */
function counting<T extends object>(thing: T, uncounted: readonly string[] = []): T {
  return new Proxy(thing, {
    get(target, name, receiver) {
      if (!uncounted.includes(String(name))) counted(String(name));
      return Reflect.get(target, name, receiver);
    },
  });
}

function countingQueries(connection: Connection): Connection {
  return connection.withPlugin({
    transformQuery({ node }) {
      counted('queries');
      return node;
    },
    transformResult: async ({ result }) => result,
  });
}

beforeAll(async () => {
  test = await createTestDatabase();
  loaded = await loadExampleCatalog();
  reader = createLicenseReader({
    database: { ...test.database, connection: countingQueries(test.database.connection) },
    catalog: loaded.catalog,
    keys: createKeyKeeper({
      ...loaded,
      vault: counting(ports.vault),
      // Turning text into bytes takes no time.
      cryptography: counting(nodeCryptography, ['utf8', 'text']),
    }),
    snapshots: createLicenseSnapshots(),
    clock: ports.clock,
    beginTerm: async () => {},
    creditOf: async () => 0,
  });
  // What is made once and kept.
  await reader.validate('hello', {});
});

afterAll(() => test?.close());

async function costOf(key: string): Promise<{ code: string; work: Record<string, number> }> {
  work = {};
  const { code } = await reader.validate(key, {});
  return { code, work };
}

/** A key such as the product's own, of which nothing is stored. */
function neverIssued(productId: string): string {
  const product = findProduct(loaded.catalog, productId);
  if (product === null) throw new Error(`The example ${productId} is missing.`);
  const salt = ports.randomness.bytes(32);
  const material = { customer: 'cus', subscription: 'sub', plan: 'pro', issuedAt: 0, expiresAt: null, salt };
  return createKeyKeeper({ ...loaded, vault: ports.vault, cryptography: nodeCryptography }).generate(product, material);
}

function changed(key: string): string {
  return key.slice(0, -1) + (key.endsWith('2') ? '3' : '2');
}

describe('a key that nobody has', () => {
  it('costs the same whether it is malformed, forged or genuine, of whatever product: one query and the same cryptography', async () => {
    const malformed = await costOf('hello');
    expect(malformed.code).toBe('MALFORMED');
    expect(malformed.work).toMatchObject({ queries: 1, indexes: 1, hmacSha512: 1, hmacSha256: 4 });
    const hmac = neverIssued('infinite-server26');
    const sealed = neverIssued('crypto-orchestrator');
    const texts = {
      [hmac]: 'NOT_FOUND',
      [changed(hmac)]: 'FORGED',
      [hmac.slice(1)]: 'MALFORMED',
      [` ${hmac}\n`]: 'NOT_FOUND',
      [sealed]: 'NOT_FOUND',
      [changed(sealed)]: 'FORGED',
      [sealed.toLowerCase()]: 'NOT_FOUND',
      [neverIssued('redline2')]: 'NOT_FOUND',
      [neverIssued('quantum-falcon')]: 'NOT_FOUND',
      ['x'.repeat(LONGEST_KEY)]: 'MALFORMED',
    };
    for (const [text, code] of Object.entries(texts)) {
      expect(await costOf(text), text).toEqual({ code, work: malformed.work });
    }
  });

  it('costs nothing where the text is longer than any key: that tells nobody anything but its length', async () => {
    expect(await costOf('x'.repeat(LONGEST_KEY + 1))).toEqual({ code: 'MALFORMED', work: {} });
  });
});
