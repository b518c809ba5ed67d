import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import type { KeySecret } from '../../cryptography.ts';
import { fromGroups, toGroups } from './base32-groups.ts';
import type { KeyMaterial } from './scheme.ts';
import { sealedKeys, sealedType } from './sealed.ts';

const scheme = sealedKeys('CO');
const secret: KeySecret = { id: 'new', bytes: Buffer.alloc(32, 'new') };
const older: KeySecret = { id: 'old', bytes: Buffer.alloc(32, 'old') };
const DAY = 86_400_000;

const material: KeyMaterial = {
  customer: 'cus_1',
  subscription: 'sub_1',
  plan: 'pro',
  issuedAt: Date.UTC(2026, 10, 21, 23, 59),
  expiresAt: Date.UTC(2026, 11, 5, 0, 1),
  salt: Buffer.from('00112233445566778899aabbccddeeff', 'hex'),
};
const make = (change: Partial<KeyMaterial> = {}, by = secret) =>
  scheme.generate({ ...material, ...change }, by, cryptography);
const open = (key: string, ...secrets: KeySecret[]) => scheme.open(key, secrets, cryptography);

describe('a sealed key', () => {
  it('has the form that is promised: CO and four groups of eight', () => {
    expect(make()).toMatch(/^CO(-[0-9A-HJKMNP-TV-Z]{8}){4}$/);
  });

  it('opens as what was sold, when, until when, and an id of its own', () => {
    expect(open(make(), secret)).toEqual({
      type: sealedType('pro', cryptography),
      issuedDay: Date.UTC(2026, 10, 21) / DAY,
      expiryDay: Date.UTC(2026, 11, 5) / DAY,
      id: '00112233445566',
    });
    expect(open(make({ expiresAt: null }), secret)?.expiryDay).toBeNull();
  });

  it('opens as what went in, for every day it can hold', () => {
    const first = Date.UTC(2020, 0, 1) / DAY;
    const days = fc.integer({ min: first + 1, max: first + 2 ** 15 - 1 });
    fc.assert(
      fc.property(days, fc.option(days), fc.uint8Array({ minLength: 16, maxLength: 16 }), (issued, expiry, salt) => {
        const key = make({ issuedAt: issued * DAY + 1, expiresAt: expiry === null ? null : expiry * DAY, salt });
        const id = Buffer.from(salt.subarray(0, 7)).toString('hex');
        expect(open(key, secret)).toMatchObject({ issuedDay: issued, expiryDay: expiry, id });
      }),
    );
  });

  it('never promises more than was sold where a day does not fit', () => {
    const far = open(make({ expiresAt: Date.UTC(2200, 0, 1) }), secret);
    expect(far?.expiryDay).toBe(Date.UTC(2020, 0, 1) / DAY + 2 ** 15 - 1);
    const past = open(make({ expiresAt: Date.UTC(1999, 0, 1) }), secret);
    expect(past?.expiryDay).toBe(Date.UTC(2020, 0, 2) / DAY);
  });

  it('opens under the secret that sealed it alone, wherever it stands among the live ones', () => {
    const key = make({}, older);
    expect(open(key, secret, older)).toEqual(open(key, older));
    expect(open(key, secret)).toBeNull();
    expect(open(key)).toBeNull();
  });

  it('tells nothing without the secret: of one fact changed, every bit changes as often as not', () => {
    const pairs = 2_000;
    const flips = new Array<number>(160).fill(0);
    for (let pair = 0; pair < pairs; pair += 1) {
      const salt = Buffer.alloc(16);
      salt.writeUInt32BE(pair);
      const [left, right] = [make({ salt }), make({ salt, plan: 'basic' })].map((key) => fromGroups(key, 'CO'));
      for (let bit = 0; bit < 160; bit += 1) {
        const byte = (left?.[bit >> 3] ?? 0) ^ (right?.[bit >> 3] ?? 0);
        if (((byte >> (bit & 7)) & 1) === 1) flips[bit] = (flips[bit] ?? 0) + 1;
      }
    }
    // Six standard deviations of a fair coin: 22.4 each, so that a fair one fails once in three million such runs.
    for (const count of flips) expect(Math.abs(count - pairs / 2)).toBeLessThan(6 * Math.sqrt(pairs / 4));
  });

  it.each([0, 1, 2, 3])('of version %i is read only where that is version 1', (version) => {
    const hmac = (key: Uint8Array, data: string | Uint8Array) => createHmac('sha256', key).update(data).digest();
    const plain = Buffer.alloc(12);
    plain[0] = version << 6;
    const tag = hmac(hmac(secret.bytes, 'sealed license key: authentication'), plain).subarray(0, 8);
    const stream = hmac(hmac(secret.bytes, 'sealed license key: encryption'), tag);
    const key = toGroups('CO', Buffer.concat([tag, plain.map((byte, at) => byte ^ stream.readUInt8(at))]));
    expect(open(key, secret) === null).toBe(version !== 1);
  });

  it('is not made from less randomness than an id needs', () => {
    expect(() => make({ salt: new Uint8Array(6) })).toThrow(RangeError);
  });
});
