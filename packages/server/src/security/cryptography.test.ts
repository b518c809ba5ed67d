/** Against the vectors of RFC 8032 (Ed25519, 7.1) and of the GCM specification (AES-256). */

import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from './cryptography.ts';

const hex = (text: string) => new Uint8Array(Buffer.from(text, 'hex'));

const signatures = [
  {
    seed: '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
    publicKey: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    seed: '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
    publicKey: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
];

describe.each(signatures)('an Ed25519 signature of "$message"', ({ seed, publicKey, message, signature }) => {
  it('is that of the RFC', () => {
    expect(Buffer.from(cryptography.ed25519PublicKey(hex(seed))).toString('hex')).toBe(publicKey);
    expect(Buffer.from(cryptography.signEd25519(hex(seed), hex(message))).toString('hex')).toBe(signature);
  });

  it('is verified, and no other is', () => {
    const verify = cryptography.verifyEd25519;
    expect(verify(hex(publicKey), hex(message), hex(signature))).toBe(true);
    expect(verify(hex(publicKey), hex(`${message}00`), hex(signature))).toBe(false);
    expect(verify(hex(publicKey).fill(1, 0, 1), hex(message), hex(signature))).toBe(false);
    expect(verify(hex(publicKey), hex(message), hex(signature).subarray(1))).toBe(false);
    expect(verify(hex(publicKey).subarray(1), hex(message), hex(signature))).toBe(false);
    expect(verify(new Uint8Array(32).fill(255), hex(message), hex(signature))).toBe(false);
  });

  it('is judged by what the key says now, however often it was used before', () => {
    const key = hex(publicKey);
    expect(cryptography.verifyEd25519(key, hex(message), hex(signature))).toBe(true);
    key.set(hex(signatures.find((other) => other.publicKey !== publicKey)?.publicKey ?? ''));
    expect(cryptography.verifyEd25519(key, hex(message), hex(signature))).toBe(false);
  });
});

describe('AES-256-GCM', () => {
  const key = hex('00'.repeat(32));
  const nonce = hex('00'.repeat(12));
  const sealed = { ciphertext: hex('cea7403d4d606b6e074ec5d3baf39d18'), tag: hex('d0d1c8a799996bf0265b98b5d48ab919') };

  it('is that of the specification', () => {
    const made = cryptography.sealAes256Gcm(key, nonce, hex('00'.repeat(16)));
    expect(Buffer.from(made.ciphertext)).toEqual(Buffer.from(sealed.ciphertext));
    expect(Buffer.from(made.tag)).toEqual(Buffer.from(sealed.tag));
    expect(Buffer.from(cryptography.openAes256Gcm(key, nonce, made) ?? '').toString('hex')).toBe('00'.repeat(16));
  });

  it.each([
    ['another key', () => cryptography.openAes256Gcm(hex('01'.repeat(32)), nonce, sealed)],
    ['another nonce', () => cryptography.openAes256Gcm(key, hex('01'.repeat(12)), sealed)],
    ['a nonce cut short', () => cryptography.openAes256Gcm(key, nonce.subarray(1), sealed)],
    ['a tag cut short', () => cryptography.openAes256Gcm(key, nonce, { ...sealed, tag: sealed.tag.subarray(4) })],
    [
      'other bytes',
      () => cryptography.openAes256Gcm(key, nonce, { ...sealed, ciphertext: sealed.ciphertext.slice(1) }),
    ],
  ])('does not open with %s', (_name, open) => {
    expect(open()).toBeNull();
  });
});

describe('text', () => {
  it('is that of well-formed UTF-8, its byte order mark included, and of nothing else', () => {
    for (const text of ['', 'é€😀', '\ufeffa']) expect(cryptography.text(cryptography.utf8(text))).toBe(text);
    expect(cryptography.text(hex('ff'))).toBeNull();
    expect(cryptography.text(hex('eda080'))).toBeNull();
  });
});
