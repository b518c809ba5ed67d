import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import type { KeySecret } from '../../cryptography.ts';
import { randomKeys } from './random.ts';
import { classifyUnknownKey, type LicenseKeyScheme } from './scheme.ts';
import { sealedKeys } from './sealed.ts';
import { sha512Hmac } from './sha512-hmac.ts';

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
  const products = [
    {
      scheme: sha512Hmac,
      secrets: [
        { id: 'new', bytes: cryptography.utf8('new') },
        { id: 'old', bytes: cryptography.utf8('old') },
      ],
    },
    { scheme: sealedKeys('CO'), secrets: [{ id: 'sealing', bytes: new Uint8Array(32) }] },
    { scheme: randomKeys('RL'), secrets: [] },
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

  it('is the same for a malformed text, a forged key and a genuine one that nobody has', () => {
    costOf('the first makes the decoys');
    const material = {
      customer: 'c',
      subscription: 's',
      plan: 'p',
      issuedAt: 0,
      expiresAt: null,
      salt: new Uint8Array(32),
    };
    const genuine = sha512Hmac.generate(material, { id: 'old', bytes: cryptography.utf8('old') }, cryptography);
    const forged = genuine.replace(/^./, (digit) => (digit === '0' ? '1' : '0'));
    expect(classifyUnknownKey(genuine, products, cryptography)).toBe('NOT_FOUND');
    expect(classifyUnknownKey(forged, products, cryptography)).toBe('FORGED');
    const malformed = costOf('hello');
    expect(malformed.hmacSha512).toBeGreaterThan(0);
    expect(malformed.hmacSha256).toBeGreaterThan(0);
    expect(costOf(forged)).toEqual(malformed);
    expect(costOf(genuine)).toEqual(malformed);
  });
});
