/** What holds for the keys of every scheme. */

import { hash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import type { KeySecret } from '../../cryptography.ts';
import { signingKeyId } from '../offline/signing-key.ts';
import { randomKeys } from './random.ts';
import type { KeyMaterial, LicenseKeyScheme } from './scheme.ts';
import { sealedKeys } from './sealed.ts';
import { sha512Hmac } from './sha512-hmac.ts';
import { signedKeys } from './signed.ts';
import { tierSignatureKeys } from './tier-signature.ts';

const isLong = process.env.LATCHKEY_TEST_LONG === '1';

/** A secret that is half of a pair as well, for the schemes that sign. */
function pairOf(bytes: Uint8Array): KeySecret {
  const publicKey = cryptography.ed25519PublicKey(bytes);
  return { id: signingKeyId(publicKey, cryptography), bytes, publicKey };
}

const secret = pairOf(Buffer.alloc(32, 'new'));
const older = pairOf(Buffer.alloc(32, 'old'));

const schemes: [string, LicenseKeyScheme][] = [
  ['sha512-hmac', sha512Hmac],
  ['sealed', sealedKeys('CO')],
  ['sealed without a prefix', sealedKeys(null)],
  ['random', randomKeys('RL')],
  ['random without a prefix', randomKeys(null)],
  ['tier-signature', tierSignatureKeys('QF')],
  ['tier-signature without a prefix', tierSignatureKeys(null)],
  ['signed', signedKeys('LK', 'acme')],
  ['signed without a prefix', signedKeys(null, 'acme')],
];

const anyMaterial: fc.Arbitrary<KeyMaterial> = fc.record({
  customer: fc.string({ unit: 'grapheme' }),
  subscription: fc.string(),
  plan: fc.stringMatching(/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/),
  issuedAt: fc.integer({ min: 0, max: 8_000_000_000_000 }),
  expiresAt: fc.option(fc.integer({ min: 0, max: 8_000_000_000_000 })),
  salt: fc.uint8Array({ minLength: 16, maxLength: 32 }),
});

describe.each(schemes)('a key of the scheme %s', (_name, scheme) => {
  it('is its own canonical form, and believed', () => {
    fc.assert(
      fc.property(anyMaterial, (material) => {
        const key = scheme.generate(material, secret, cryptography);
        expect(scheme.parse(key)).toBe(key);
        expect(scheme.verify(key, [secret], cryptography)).toBe(true);
      }),
    );
  });

  it('is one key however a mail program breaks it, and in capitals or not where the scheme forgives that', () => {
    fc.assert(
      fc.property(anyMaterial, fc.array(fc.boolean(), { minLength: 300, maxLength: 300 }), (material, coins) => {
        const key = scheme.generate(material, secret, cryptography);
        const other = (character: string, at: number) =>
          coins[at] === true ? character.toLowerCase() : character.toUpperCase();
        const typed = scheme.forgiving ? [...key].map(other).join('') : key;
        const cut = Math.floor(key.length / 2);
        expect(scheme.parse(` ${typed.slice(0, cut)}\r\n\t${typed.slice(cut)}\u00a0`)).toBe(key);
      }),
    );
  });

  it('parses to a form that parses to itself, whatever was typed', () => {
    const material = { customer: 'c', subscription: 's', plan: 'pro', issuedAt: 0, expiresAt: null };
    const characters = fc.constantFrom(...'0123456789abcdefABCDEFOILUoilu- \n');
    fc.assert(
      fc.property(fc.nat(400), characters, fc.boolean(), (place, character, inserted) => {
        const key = scheme.generate({ ...material, salt: randomBytes(16) }, secret, cryptography);
        const at = place % key.length;
        const parsed = scheme.parse(key.slice(0, at) + character + key.slice(inserted ? at : at + 1));
        if (parsed !== null) expect(scheme.parse(parsed)).toBe(parsed);
      }),
    );
  });

  it('of an older secret is believed while that is live, in any place', () => {
    fc.assert(
      fc.property(anyMaterial, (material) => {
        const key = scheme.generate(material, older, cryptography);
        expect(scheme.verify(key, [secret, older], cryptography)).toBe(true);
        expect(scheme.verify(key, [older, secret], cryptography)).toBe(true);
      }),
    );
  });

  it.each([
    '',
    ' ',
    '-',
    '----',
    'x'.repeat(100_000),
    '-'.repeat(100_000),
    ' '.repeat(100_000),
    'RL-',
    'QF-PRO',
    '\ud800',
  ])('is not %j', (text) => {
    expect(scheme.parse(text)).toBeNull();
  });
});

describe.each(schemes.filter(([name]) => !name.endsWith('without a prefix')))(
  'a key of the scheme %s',
  (name, scheme) => {
    // A signature takes fifty times as long as a hash.
    const keys = isLong ? 1_000_000 : name === 'signed' ? 3_000 : 30_000;

    it(`is made once in ${keys}`, { timeout: 600_000 }, () => {
      const seen = new Set<string>();
      for (let index = 0; index < keys; index += 1) {
        const key = scheme.generate(
          {
            customer: `cus_${index % 100}`,
            subscription: 'sub_same',
            plan: 'pro',
            // A hundred customers a second: what nothing random tells apart, customer and second do.
            issuedAt: Date.UTC(2026, 0, 1) + Math.floor(index / 100) * 1_000,
            expiresAt: null,
            salt: randomBytes(16),
          },
          secret,
          cryptography,
        );
        seen.add(key.length > 64 ? hash('sha256', key, 'base64') : key);
      }
      expect(seen.size).toBe(keys);
    });
  },
);

/** The digits that a key is written in, from where on, and at how many places. */
const ALPHABETS = {
  'sha512-hmac': { digits: '0123456789abcdef', start: 0, places: 256 },
  sealed: { digits: '0123456789ABCDEFGHJKMNPQRSTVWXYZ', start: 'CO-'.length, places: 32 },
  signed: {
    digits: 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
    start: 'LK-'.length,
    // 38 bytes of claims, and 64 of a signature.
    places: 51 + 86,
  },
};

describe.each([
  ['sha512-hmac', sha512Hmac],
  ['sealed', sealedKeys('CO')],
  ['signed', signedKeys('LK', 'acme')],
] as const)('a key of the scheme %s with one character changed', (name, scheme) => {
  it('is never believed, unless it is another spelling of the same key', () => {
    const printable = fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code));
    fc.assert(
      fc.property(anyMaterial, fc.nat(300), printable, (material, place, character) => {
        const key = scheme.generate(material, secret, cryptography);
        const at = place % key.length;
        const parsed = scheme.parse(key.slice(0, at) + character + key.slice(at + 1));
        if (parsed === null || parsed === key) return;
        expect(scheme.verify(parsed, [secret, older], cryptography)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it('is not believed at any place by any other digit', () => {
    const salt = Buffer.alloc(16, 9);
    const material = { customer: 'c', subscription: 's', plan: 'pro', issuedAt: 0, expiresAt: null, salt };
    const key = scheme.generate(material, secret, cryptography);
    const { digits, start, places } = ALPHABETS[name];
    let refused = 0;
    for (let at = start; at < key.length; at += 1) {
      if (name === 'signed' ? key[at] === '.' : key[at] === '-') continue;
      for (const digit of digits.replace(key.charAt(at), '')) {
        const changed = key.slice(0, at) + digit + key.slice(at + 1);
        // Some digits of a signed key have bits that may not be set, or say how long a name is.
        if (name !== 'signed') expect(scheme.parse(changed)).toBe(changed);
        const parsed = scheme.parse(changed);
        if (parsed === null || !scheme.verify(parsed, [secret, older], cryptography)) refused += 1;
      }
    }
    expect(refused).toBe(places * (digits.length - 1));
  });

  it('was made by no secret but its own', () => {
    const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 });
    fc.assert(
      fc.property(anyMaterial, secrets, (material, bytes) => {
        const key = scheme.generate(material, secret, cryptography);
        expect(scheme.verify(key, [{ ...pairOf(bytes), id: secret.id }, older], cryptography)).toBe(false);
        expect(scheme.verify(key, [], cryptography)).toBe(false);
      }),
    );
  });
});
