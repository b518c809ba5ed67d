/** The keys of vectors.json, made again from the formats' descriptions with node:crypto alone, and by the schemes. */

import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { nodeCryptography } from '../../../test/node-cryptography.ts';
import type { KeySchemeName } from '../../catalog/index.ts';
import type { KeySecret } from '../../cryptography.ts';
import { licenseKeyScheme } from './of-catalog.ts';
import { type KeyMaterial, NO_SECRET } from './scheme.ts';
import { type SealedPayload, sealedKeys } from './sealed.ts';
import { type SignedClaims, signedKeys } from './signed.ts';

interface Vector {
  scheme: KeySchemeName;
  prefix: string | null;
  secret: { text: string } | { hex: string } | { seed: string } | null;
  product?: string;
  material: Record<'customer' | 'subscription' | 'plan' | 'issuedAt' | 'salt', string> & { expiresAt: string | null };
  key: string;
  opens?: SealedPayload | SignedClaims;
}

const vectors: Vector[] = JSON.parse(readFileSync(new URL('vectors.json', import.meta.url), 'utf8'));

function secretOf({ secret }: Vector): KeySecret {
  if (secret === null) return NO_SECRET;
  if ('seed' in secret) {
    const { id, raw } = pairOf(secret.seed);
    return { id, bytes: Buffer.from(secret.seed, 'hex'), publicKey: raw };
  }
  return { id: 'vector', bytes: 'text' in secret ? Buffer.from(secret.text, 'utf8') : Buffer.from(secret.hex, 'hex') };
}

/** An Ed25519 pair from its seed, by the DER of RFC 8410. */
function pairOf(seed: string) {
  const der = Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex');
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const raw = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { privateKey, raw, id: createHash('sha256').update(raw).digest('hex').slice(0, 16) };
}

function materialOf({ material }: Vector): KeyMaterial {
  const { issuedAt, expiresAt, salt, ...names } = material;
  return {
    ...names,
    issuedAt: Date.parse(issuedAt),
    expiresAt: expiresAt === null ? null : Date.parse(expiresAt),
    salt: Buffer.from(salt, 'hex'),
  };
}

/** Five bits a character, most significant first, through one big number rather than a shift register. */
function base32(bytes: Buffer): string {
  let number = BigInt(`0x${bytes.toString('hex')}`);
  let digits = '';
  for (let place = 0; place < (bytes.length * 8) / 5; place += 1) {
    digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'.charAt(Number(number % 32n)) + digits;
    number /= 32n;
  }
  return digits.replace(/.{8}(?=.)/g, '$&-');
}

const hmac = (algorithm: string, secret: Uint8Array, data: string | Uint8Array) =>
  createHmac(algorithm, secret).update(data).digest();
const behind = (prefix: string | null, rest: string) => (prefix === null ? rest : `${prefix}-${rest}`);
const seconds = (instant: string) => Math.floor(Date.parse(instant) / 1000);

const independently: Record<Vector['scheme'], (vector: Vector) => string> = {
  signed: independentlySigned,
  'sha512-hmac': (vector) => {
    const { customer, subscription, issuedAt, salt } = vector.material;
    const hash = createHash('sha512')
      .update(`${customer}:${subscription}:${seconds(issuedAt)}:${salt}`)
      .digest('hex');
    const digits = hash + hmac('sha512', secretOf(vector).bytes, hash).toString('hex');
    return digits.replace(/.{16}(?=.)/g, '$&-');
  },
  random: ({ prefix, material }) => behind(prefix, base32(Buffer.from(material.salt, 'hex').subarray(0, 15))),
  'tier-signature': (vector) => {
    const { customer, plan, issuedAt } = vector.material;
    const signed = `${customer}:${plan}:${seconds(issuedAt)}`;
    const signature = hmac('sha256', secretOf(vector).bytes, signed).toString('hex').slice(0, 12);
    return behind(vector.prefix, `${plan.toUpperCase()}-${signature}-${seconds(issuedAt)}`);
  },
  sealed: (vector) => {
    const { plan, issuedAt, expiresAt, salt } = vector.material;
    const { bytes } = secretOf(vector);
    const authentication = hmac('sha256', bytes, 'sealed license key: authentication');
    const encryption = hmac('sha256', bytes, 'sealed license key: encryption');
    const day = (instant: string) => Math.floor((Date.parse(instant) - Date.parse('2020-01-01')) / 86_400_000);
    const bits = (value: number, count: number) => value.toString(2).padStart(count, '0');
    const within = (value: number, least: number) => Math.min(Math.max(value, least), 32_767);
    const facts =
      bits(1, 2) +
      bits(createHash('sha512').update(plan).digest().readUInt8(0), 8) +
      bits(within(day(issuedAt), 0), 15) +
      bits(expiresAt === null ? 0 : within(day(expiresAt), 1), 15);
    const plain = Buffer.from(`${BigInt(`0b${facts}`).toString(16).padStart(10, '0')}${salt.slice(0, 14)}`, 'hex');
    const tag = hmac('sha256', authentication, plain).subarray(0, 8);
    const stream = hmac('sha256', encryption, tag);
    return behind(vector.prefix, base32(Buffer.concat([tag, plain.map((byte, at) => byte ^ stream.readUInt8(at))])));
  },
};

function independentlySigned({ prefix, secret, product = '', material }: Vector): string {
  if (secret === null || !('seed' in secret)) throw new Error('a signed key has a seed');
  const { privateKey, id } = pairOf(secret.seed);
  const second = (instant: string) => seconds(instant).toString(16).padStart(10, '0');
  const name = (text: string) => text.length.toString(16).padStart(2, '0') + Buffer.from(text).toString('hex');
  const ends = material.expiresAt === null ? '0'.repeat(10) : second(material.expiresAt);
  const head = `01${id}${second(material.issuedAt)}${ends}${material.salt.slice(0, 20)}`;
  const claims = Buffer.from(head + name(product) + name(material.plan), 'hex').toString('base64url');
  return behind(prefix, `${claims}.${sign(null, Buffer.from(`key/${claims}`), privateKey).toString('base64url')}`);
}

const named = vectors.map((vector) => [vector.key.slice(0, 40), vector] as const);

describe('the test vectors', () => {
  it('cover every scheme that is made', () => {
    expect(new Set(vectors.map(({ scheme }) => scheme))).toEqual(new Set(Object.keys(independently)));
  });

  it.each(named)('%s… follows from its description with node:crypto alone', (_key, vector) => {
    expect(independently[vector.scheme](vector)).toBe(vector.key);
  });

  it.each(named)('%s… is what its scheme makes, takes back as it is and believes', (_key, vector) => {
    const scheme = licenseKeyScheme({ name: vector.scheme, prefix: vector.prefix }, vector.product ?? 'acme');
    expect(scheme.name).toBe(vector.scheme);
    expect(scheme.generate(materialOf(vector), secretOf(vector), nodeCryptography)).toBe(vector.key);
    expect(scheme.parse(vector.key)).toBe(vector.key);
    expect(scheme.verify(vector.key, [secretOf(vector)], nodeCryptography)).toBe(true);
  });

  it.each(named.filter(([, vector]) => vector.scheme === 'sealed'))('%s… opens as what was sealed', (_key, vector) => {
    expect(sealedKeys(vector.prefix).open(vector.key, [secretOf(vector)], nodeCryptography)).toEqual(vector.opens);
  });

  it.each(named.filter(([, vector]) => vector.scheme === 'signed'))('%s… opens as what was signed', (_key, vector) => {
    const { id, publicKey = new Uint8Array() } = secretOf(vector);
    const scheme = signedKeys(vector.prefix, vector.product ?? '');
    expect(scheme.open(vector.key, [{ id, publicKey }], nodeCryptography)).toEqual(vector.opens);
    expect(scheme.open(vector.key, [{ id, publicKey, status: 'retired' }], nodeCryptography)).toEqual(vector.opens);
    expect(scheme.open(vector.key, [{ id, publicKey, status: 'revoked' }], nodeCryptography)).toBeNull();
    expect(scheme.open(vector.key, [], nodeCryptography)).toBeNull();
  });
});
