import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import type { KeySecret } from '../../cryptography.ts';
import type { KeyMaterial } from './scheme.ts';
import { tierSignatureKeys } from './tier-signature.ts';

const scheme = tierSignatureKeys('QF');
const secret: KeySecret = { id: 'new', bytes: Buffer.from('your-master-key-from-licenseauthority') };
const older: KeySecret = { id: 'old', bytes: Buffer.from('the master key of last year') };
const material: KeyMaterial = {
  customer: 'user_123',
  subscription: 'sub_1',
  plan: 'elite',
  issuedAt: 1_704_067_200_999,
  expiresAt: null,
  salt: new Uint8Array(16),
};
const make = (change: Partial<KeyMaterial> = {}, by = secret) =>
  scheme.generate({ ...material, ...change }, by, cryptography);
const signs = (key: string, user: string, ...secrets: KeySecret[]) =>
  scheme.verifyFor(key, user, secrets, cryptography);

describe('a key with its tier in it', () => {
  it('is prefix, tier, twelve digits of the HMAC of user, tier and second, and the second', () => {
    const hmac = createHmac('sha256', 'your-master-key-from-licenseauthority').update('user_123:elite:1704067200');
    expect(make()).toBe(`QF-ELITE-${hmac.digest('hex').slice(0, 12)}-1704067200`);
  });

  it('is the same for the same user, tier and second, and another in the next second', () => {
    expect(make({ salt: Buffer.alloc(16, 1), issuedAt: 1_704_067_200_000 })).toBe(make());
    expect(make({ issuedAt: material.issuedAt + 1_000 })).not.toBe(make());
    expect(scheme.variesBy).toBe('second');
  });

  it('recomputes for its user under the live secrets, and for nobody else', () => {
    const users = fc.string({ unit: 'grapheme', minLength: 1 });
    fc.assert(
      fc.property(users, users, (user, other) => {
        const key = make({ customer: user }, older);
        expect(signs(key, user, secret, older)).toBe(true);
        expect(signs(key, user, secret)).toBe(false);
        if (other !== user) expect(signs(key, other, secret, older)).toBe(false);
      }),
    );
    expect(signs('QF-ELITE', 'user_123', secret)).toBe(false);
  });

  it('does not recompute with another tier or second', () => {
    expect(signs(make(), 'user_123', secret)).toBe(true);
    expect(signs(make().replace('ELITE', 'LIFETIME'), 'user_123', secret)).toBe(false);
    expect(signs(make().replace('1704067200', '1704067201'), 'user_123', secret)).toBe(false);
  });

  it('is taken for well-formed by its shape alone, because the user is not in it', () => {
    expect(scheme.verify('QF-LIFETIME-000000000000-1', [secret], cryptography)).toBe(true);
  });

  it('is one key in any case', () => {
    expect(scheme.parse(make().toLowerCase())).toBe(make());
    expect(scheme.parse(make().toUpperCase())).toBe(make());
  });

  it.each([
    ['another prefix', 'XX-PRO-0123456789ab-1704067200'],
    ['no tier', 'QF-0123456789ab-1704067200'],
    ['an empty tier', 'QF--0123456789ab-1704067200'],
    ['a tier that begins with a dash', 'QF--PRO-0123456789ab-1704067200'],
    ['eleven digits of signature', 'QF-PRO-0123456789a-1704067200'],
    ['a letter that is no hexadecimal digit', 'QF-PRO-0123456789ag-1704067200'],
    ['no timestamp', 'QF-PRO-0123456789ab-'],
    ['a timestamp with a zero in front', 'QF-PRO-0123456789ab-01704067200'],
    ['a timestamp in letters', 'QF-PRO-0123456789ab-now'],
    ['a negative timestamp', 'QF-PRO-0123456789ab--1704067200'],
    ['a timestamp beyond all times', 'QF-PRO-0123456789ab-1704067200000'],
    ['a long s in the tier', 'QF-PRO\u017f-0123456789ab-1704067200'],
  ])('is malformed with %s', (_name, text) => {
    expect(scheme.parse(text)).toBeNull();
  });
});
