import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import type { KeySecret } from '../../cryptography.ts';
import { signingKeyId } from '../offline/signing-key.ts';
import { randomKeys } from './random.ts';
import { classifyUnknownKey, type LicenseKeyScheme } from './scheme.ts';
import { sealedKeys } from './sealed.ts';
import { sha512Hmac } from './sha512-hmac.ts';
import { signedKeys } from './signed.ts';
import { tierSignatureKeys } from './tier-signature.ts';

/** A scheme whose keys read `prefix:secret id`. */
function scheme(prefix: string): LicenseKeyScheme {
  return {
    name: prefix,
    variesBy: 'salt',
    forgiving: false,
    parse: (text) => (text.startsWith(`${prefix}:`) ? text : null),
    generate: (_material, secret) => `${prefix}:${secret.id}`,
    verify: (key, secrets) => secrets.some((secret) => key === `${prefix}:${secret.id}`),
  };
}

const live: KeySecret = { id: 'live', bytes: new Uint8Array() };
const other: KeySecret = { id: 'other', bytes: new Uint8Array() };
const candidates = [
  { scheme: scheme('A'), secrets: [live] },
  { scheme: scheme('B'), secrets: [live, other] },
  { scheme: scheme('A'), secrets: [other] },
];

describe('a key that is not stored', () => {
  it.each([
    ['of no grammar that is loaded', 'C:live', 'MALFORMED'],
    ['that no live secret made', 'A:retired', 'FORGED'],
    ['that a live secret made', 'A:live', 'NOT_FOUND'],
    ['that the second of two products of one grammar made', 'A:other', 'NOT_FOUND'],
    ['that an older secret of its product made', 'B:other', 'NOT_FOUND'],
  ])('%s is answered %s as %s', (_name, text, code) => {
    expect(classifyUnknownKey(text, candidates, cryptography)).toBe(code);
  });

  it('is malformed where nothing is loaded', () => {
    expect(classifyUnknownKey('A:live', [], cryptography)).toBe('MALFORMED');
  });

  it('with the right grammar and no secret at all is forged', () => {
    expect(classifyUnknownKey('A:live', [{ scheme: scheme('A'), secrets: [] }], cryptography)).toBe('FORGED');
  });
});

describe('what an answer costs', () => {
  const seed = new Uint8Array(32).fill(7);
  const publicKey = cryptography.ed25519PublicKey(seed);
  const pair = { id: signingKeyId(publicKey, cryptography), bytes: seed, publicKey };
  const products = [
    {
      scheme: sha512Hmac,
      secrets: [
        { id: 'new', bytes: cryptography.utf8('new') },
        { id: 'old', bytes: cryptography.utf8('old') },
      ],
    },
    // Another product with keys of the same form, and secrets of its own.
    { scheme: sha512Hmac, secrets: [{ id: 'other', bytes: cryptography.utf8('other') }] },
    { scheme: sealedKeys('CO'), secrets: [{ id: 'sealing', bytes: new Uint8Array(32) }] },
    { scheme: randomKeys('RL'), secrets: [] },
    { scheme: tierSignatureKeys('QF'), secrets: [{ id: 'tier', bytes: cryptography.utf8('tier') }] },
    { scheme: signedKeys('LK', 'acme'), secrets: [pair] },
    // Its first signing key is not made yet.
    { scheme: signedKeys('NE', 'next'), secrets: [] },
  ];

  /** How often each part of the cryptography was asked for. */
  function costOf(text: string): Record<string, number> {
    const calls: Record<string, number> = {};
    const counting = new Proxy(cryptography, {
      get(target, name: keyof typeof cryptography) {
        calls[name] = (calls[name] ?? 0) + 1;
        return target[name];
      },
    });
    classifyUnknownKey(text, products, counting);
    return calls;
  }

  const material = { customer: 'c', subscription: 's', plan: 'p', issuedAt: 0, expiresAt: null };

  it('is the same for a malformed text, a forged key and a genuine one that nobody has, of every scheme', () => {
    costOf('the first makes the decoys');
    const malformed = costOf('hello');
    // Three live secrets of one scheme, and what opens a sealed key: two keys, a stream and a tag.
    expect(malformed).toMatchObject({ hmacSha512: 3, hmacSha256: 4, verifyEd25519: 1 });
    for (const { scheme, secrets } of products) {
      const [secret] = secrets;
      const genuine = scheme.generate(
        { ...material, salt: new Uint8Array(32).fill(1) },
        secret ?? { ...pair, id: '00'.repeat(8) },
        cryptography,
      );
      const expected = scheme.name === 'signed' && secret === undefined ? 'FORGED' : 'NOT_FOUND';
      expect(classifyUnknownKey(genuine, products, cryptography)).toBe(expected);
      expect(work(costOf(genuine)), scheme.name).toEqual(work(malformed));
    }
    const [hmac, , sealed, , , signed] = products.map(({ scheme, secrets: [secret = pair] }) =>
      scheme.generate({ ...material, salt: new Uint8Array(32).fill(2) }, secret, cryptography),
    );
    for (const genuine of [hmac, sealed, signed]) {
      const forged = changedNearTheEnd(genuine ?? '');
      expect(classifyUnknownKey(forged, products, cryptography), forged).toBe('FORGED');
      expect(work(costOf(forged)), forged).toEqual(work(malformed));
    }
  });

  function changedNearTheEnd(key: string): string {
    return key.slice(0, -10) + (key.at(-10) === '2' ? '3' : '2') + key.slice(-9);
  }

  /** What takes time. Turning text into bytes and back does not. */
  function work({ utf8: _encoded, text: _decoded, ...rest }: Record<string, number>): Record<string, number> {
    return rest;
  }
});
