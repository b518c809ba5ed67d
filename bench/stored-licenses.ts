import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { findProduct } from '@latchkey/core';
import pg from 'pg';
import { loadCatalog } from '../packages/server/src/catalog/load.ts';
import { createKeyKeeper } from '../packages/server/src/modules/licenses/index.ts';
import { nodeCryptography } from '../packages/server/src/security/cryptography.ts';
import { createSystemIds, systemRandomness } from '../packages/server/src/security/system-ports.ts';
import { createVault } from '../packages/server/src/security/vault.ts';
import { MASTER_SECRET, ROOT_SECRET } from './latchkey-process.ts';

const PRODUCT = 'infinite-server26';
const PLAN = 'license';
const BATCH = 2_000;
const YEAR_MS = 365 * 86_400_000;

/** The machine that holds the one seat of the licence with this key. */
export const machineOf = (index: number): string => `machine-${String(index).padStart(8, '0')}`;

/** Stores `count` licences, each with a key of its own and an activated machine, and answers the keys in order. */
export async function storeLicenses(databaseUrl: string, count: number): Promise<string[]> {
  const makeOne = await licenseMaker();
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  const keys: string[] = [];
  for (let first = 0; first < count; first += BATCH) {
    const made = Array.from({ length: Math.min(BATCH, count - first) }, (_, offset) => makeOne(first + offset));
    const column = (name: keyof (typeof made)[number]) => made.map((license) => license[name]);
    const now = new Date();
    await client.query(INSERT_LICENSES, [
      column('id'),
      column('ciphertext'),
      column('index'),
      column('hint'),
      column('secretId'),
      PRODUCT,
      PLAN,
      now,
      new Date(now.getTime() + YEAR_MS),
    ]);
    await client.query(INSERT_ACTIVATIONS, [column('activation'), column('id'), column('machine'), now]);
    keys.push(...made.map(({ key }) => key));
  }
  await client.query('ANALYZE licenses, activations');
  await client.end();
  return keys;
}

/** Makes keys the way the server does, so that it finds and believes them. */
async function licenseMaker() {
  const loaded = await loadCatalog({
    location: `examples/${PRODUCT}/catalog.yaml`,
    directory: fileURLToPath(new URL('..', import.meta.url)),
    environment: { LICENSE_MASTER_SECRET: MASTER_SECRET },
  });
  const { catalog, keySecrets } = loaded;
  const product = findProduct(catalog, PRODUCT);
  if (product === null) throw new Error(`${PRODUCT} is not in its catalog`);
  const vault = createVault([ROOT_SECRET], systemRandomness);
  const keeper = createKeyKeeper({ catalog, keySecrets, vault, cryptography: nodeCryptography });
  const ids = createSystemIds();
  return (index: number) => {
    const id = ids.next('lic');
    const key = keeper.generate(product, {
      customer: `cus_${index}`,
      subscription: `sub_${index}`,
      plan: PLAN,
      issuedAt: Date.now(),
      expiresAt: null,
      salt: randomBytes(32),
    });
    const sealed = keeper.seal(id, key);
    return {
      id,
      key,
      ciphertext: Buffer.from(sealed.ciphertext),
      index: Buffer.from(sealed.index),
      hint: sealed.hint,
      secretId: sealed.secretId,
      activation: ids.next('act'),
      machine: machineOf(index),
    };
  };
}

const INSERT_LICENSES = `
  INSERT INTO licenses (id, origin, key_ciphertext, key_index, key_hint, key_secret_id, product, plan, scheme, starts_at, expires_at,
    max_machines, machines_used, coverage, created_at, updated_at)
  SELECT id, id, ciphertext, index, hint, secret, $6, $7, 'sha512-hmac', $8, $9::timestamptz, 1, 1, 'renewing', $8, $8
  FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::text[], $5::text[]) AS made (id, ciphertext, index, hint, secret)`;

const INSERT_ACTIVATIONS = `
  INSERT INTO activations (id, license_id, uniqueness, fingerprint, created_at)
  SELECT id, license_id, license_id, fingerprint, $4 FROM unnest($1::text[], $2::text[], $3::text[]) AS made (id, license_id, fingerprint)`;
