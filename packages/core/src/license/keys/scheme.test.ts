import { describe, expect, it } from 'vitest';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import type { KeySecret } from '../../cryptography.ts';
import { classifyUnknownKey, type LicenseKeyScheme } from './scheme.ts';

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
