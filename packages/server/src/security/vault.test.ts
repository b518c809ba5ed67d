import { createHmac, hkdfSync } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSeededRandomness } from '../../test/support/ports.ts';
import { createVault, equalSecrets, secretIdOf, VaultError } from './vault.ts';

const [old, fresh] = ['the old root secret, 32 characters', 'the new root secret, 32 characters'];
const randomness = createSeededRandomness('vault');
const vault = createVault([fresh], randomness);

describe('sealed text', () => {
  it('opens to what it was, with its own purpose and context', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (text, context) => {
        expect(vault.open('license-key', vault.seal('license-key', text, context), context)).toBe(text.toWellFormed());
      }),
    );
  });

  it('does not open once any of its bytes was changed', () => {
    const sealed = vault.seal('license-key', 'a key', 'lic_1');
    for (let index = 0; index < sealed.ciphertext.length; index += 1) {
      const ciphertext = new Uint8Array(sealed.ciphertext);
      ciphertext[index] = (ciphertext[index] ?? 0) ^ 1;
      expect(() => vault.open('license-key', { ...sealed, ciphertext }, 'lic_1')).toThrow(VaultError);
    }
  });

  it('does not open for another row, another purpose, or cut short', () => {
    const sealed = vault.seal('license-key', 'a key', 'lic_1');
    expect(() => vault.open('license-key', sealed, 'lic_2')).toThrow(/changed, or belong/);
    expect(() => vault.open('mail', sealed, 'lic_1')).toThrow(/changed, or belong/);
    expect(() => vault.open('license-key', { ...sealed, ciphertext: sealed.ciphertext.slice(0, 20) }, 'lic_1')).toThrow(
      /too short/,
    );
  });

  it('shows neither the text nor that two texts are the same', () => {
    const [first, second] = [vault.seal('p', 'the same text', 'c'), vault.seal('p', 'the same text', 'c')];
    expect(Buffer.from(first.ciphertext).equals(second.ciphertext)).toBe(false);
    expect(Buffer.from(first.ciphertext).toString('latin1')).not.toContain('same');
    expect(first.ciphertext).toHaveLength(12 + 'the same text'.length + 16);
  });
});

describe('replacing a root secret', () => {
  it('keeps what the old one sealed readable, and seals with the new one', () => {
    const before = createVault([old], randomness);
    const between = createVault([fresh, old], randomness);
    const sealed = before.seal('p', 'text', 'c');
    expect(between.open('p', sealed, 'c')).toBe('text');
    expect(between.seal('p', 'text', 'c').secretId).toBe(secretIdOf(fresh));
    expect(() => vault.open('p', sealed, 'c')).toThrow(`root secret ${secretIdOf(old)}`);
  });

  it('still finds what the old one indexed', () => {
    const before = createVault([old], randomness);
    const between = createVault([fresh, old], randomness);
    expect(between.indexes('p', 'key')).toEqual([vault.index('p', 'key'), before.index('p', 'key')]);
    expect(between.hashes('token')).toEqual([vault.hash('token'), before.hash('token')]);
  });
});

describe('an index', () => {
  it('is HMAC-SHA-256 under a key that HKDF-SHA-256 derives for the purpose', () => {
    const key = Buffer.from(hkdfSync('sha256', fresh, 'latchkey/vault/1', 'index/license-key', 32));
    expect(vault.index('license-key', 'a key')).toEqual(createHmac('sha256', key).update('a key').digest());
  });

  it('does not change from one version to the next, or stored keys would be lost', () => {
    const vector = createVault(['0123456789abcdef0123456789abcdef'], randomness);
    expect(Buffer.from(vector.index('license-key', 'a key')).toString('hex')).toBe(
      '5ef3acdd1162be7f0bd93a64384fdf9828dd9fa6ed091da3b91e3c615ca844e2',
    );
    expect(vector.secretId).toBe('c7b591b9');
  });

  it('differs by purpose', () => {
    expect(vault.index('a', 'value')).not.toEqual(vault.index('b', 'value'));
  });
});

it('two secrets are equal only when they are the same', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (left, right) => {
      expect(equalSecrets(left, right)).toBe(left === right);
      expect(equalSecrets(left, left)).toBe(true);
    }),
  );
});
