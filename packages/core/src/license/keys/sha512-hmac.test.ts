import { createHash, createHmac, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import type { KeySecret } from '../../cryptography.ts';
import type { KeyMaterial } from './scheme.ts';
import { sha512Hmac } from './sha512-hmac.ts';

const secret: KeySecret = { id: 'current', bytes: Buffer.from('the master secret of this test') };
const older: KeySecret = { id: 'older', bytes: Buffer.from('the master secret of last year') };
const material: KeyMaterial = {
  customer: 'cus_NffrFeUfNV2Hib',
  subscription: 'sub_1MowQVLkdIwHu7ix',
  plan: 'license',
  issuedAt: Date.UTC(2026, 10, 21, 4, 48, 43, 999),
  expiresAt: null,
  salt: Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'),
};

const anyMaterial: fc.Arbitrary<KeyMaterial> = fc.record({
  customer: fc.string({ unit: 'grapheme' }),
  subscription: fc.string(),
  plan: fc.constant('license'),
  issuedAt: fc.integer({ min: 0, max: 4_102_444_800_000 }),
  expiresAt: fc.constant(null),
  salt: fc.uint8Array({ minLength: 16, maxLength: 32 }),
});

describe('a generated key', () => {
  it('has 271 characters: 256 lower-case hexadecimal digits in 16 groups of 16', () => {
    fc.assert(
      fc.property(anyMaterial, (any) => {
        const key = sha512Hmac.generate(any, secret, cryptography);
        expect(key).toHaveLength(271);
        expect(key).toMatch(/^([0-9a-f]{16}-){15}[0-9a-f]{16}$/);
      }),
    );
  });

  it('is the SHA-512 of customer, subscription, second and salt, then the HMAC-SHA-512 of those digits, by node:crypto', () => {
    const digits = sha512Hmac.generate(material, secret, cryptography).replaceAll('-', '');
    const payload = 'cus_NffrFeUfNV2Hib:sub_1MowQVLkdIwHu7ix:1795236523:000102030405060708090a0b0c0d0e0f';
    const hash = createHash('sha512').update(payload, 'utf8').digest('hex');
    expect(digits.slice(0, 128)).toBe(hash);
    expect(digits.slice(128)).toBe(createHmac('sha512', secret.bytes).update(hash, 'utf8').digest('hex'));
  });

  it('is itself when parsed, and verified by its secret', () => {
    fc.assert(
      fc.property(anyMaterial, (any) => {
        const key = sha512Hmac.generate(any, secret, cryptography);
        expect(sha512Hmac.parse(key)).toBe(key);
        expect(sha512Hmac.verify(key, [secret], cryptography)).toBe(true);
      }),
    );
  });

  it('is another for another salt', () => {
    const other = { ...material, salt: randomBytes(16) };
    expect(sha512Hmac.generate(other, secret, cryptography)).not.toBe(
      sha512Hmac.generate(material, secret, cryptography),
    );
  });
});

describe('a key presented', () => {
  const key = sha512Hmac.generate(material, secret, cryptography);

  it('with one digit changed is well-formed and never verified, whichever digit', () => {
    for (const [place, digit] of [...key].entries()) {
      if (digit === '-') continue;
      const changed = key.slice(0, place) + (digit === '0' ? '1' : '0') + key.slice(place + 1);
      expect(sha512Hmac.parse(changed)).toBe(changed);
      expect(sha512Hmac.verify(changed, [secret, older], cryptography), `digit ${place}`).toBe(false);
    }
  });

  it('of any digits at all is not verified unless they are the key', () => {
    const digit = fc.constantFrom(...'0123456789abcdef');
    fc.assert(
      fc.property(fc.array(digit, { minLength: 256, maxLength: 256 }), (digits) => {
        const text = digits.join('').replace(/.{16}(?=.)/g, '$&-');
        expect(sha512Hmac.parse(text)).toBe(text);
        expect(sha512Hmac.verify(text, [secret], cryptography)).toBe(false);
      }),
    );
  });

  it('is verified while its secret is among the live ones, in any place, and not after', () => {
    expect(sha512Hmac.verify(key, [older, secret], cryptography)).toBe(true);
    expect(sha512Hmac.verify(key, [secret, older], cryptography)).toBe(true);
    expect(sha512Hmac.verify(key, [older], cryptography)).toBe(false);
    expect(sha512Hmac.verify(key, [], cryptography)).toBe(false);
  });

  it('may have been broken into lines by a mail program', () => {
    const wrapped = ` ${key.slice(0, 68)}\r\n${key.slice(68, 136)}\n\t${key.slice(136)}\u00a0\n`;
    expect(sha512Hmac.parse(wrapped)).toBe(key);
  });

  it.each([
    ['nothing', ''],
    ['a character too few', key.slice(0, -1)],
    ['a character too many', `${key}0`],
    ['a group missing', key.slice(17)],
    ['no dashes', key.replaceAll('-', '')],
    ['a letter that is no digit', `g${key.slice(1)}`],
    ['upper case', key.toUpperCase()],
    ['a dash in the wrong place', key.replace(/^(.{15})(.)-/, '$1-$2')],
    ['a digit of another script', `\uff10${key.slice(1)}`],
    ['more white space than a mail puts in', key + ' '.repeat(200)],
  ])('is malformed with %s', (_name, text) => {
    expect(sha512Hmac.parse(text)).toBeNull();
  });
});
