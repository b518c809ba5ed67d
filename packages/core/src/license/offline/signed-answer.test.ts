import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { signingPair } from '../../../test/license-file.ts';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import { type SignedAnswer, signAnswer, verifySignedAnswer } from './signed-answer.ts';

const [signer, other] = [signingPair(1), signingPair(2)];
const answer: SignedAnswer = {
  valid: true,
  code: 'VALID',
  license: { id: 'lic_01', product: 'redline2', plan: 'prepaid', expiresAt: null },
  machine: 'machine-1',
  nonce: 'n-123',
  at: Date.UTC(2026, 10, 21),
};
const signed = signAnswer(answer, signer, cryptography);

const check = (change: Partial<Parameters<typeof verifySignedAnswer>[0]> = {}) =>
  verifySignedAnswer({ ...signed, nonce: 'n-123', publicKeys: [signer], ...change }, cryptography);

describe('a signed answer', () => {
  it('is what was signed, with a licence and without', () => {
    expect(check()).toEqual({ genuine: true, answer });
    const refused = { ...answer, valid: false, code: 'NOT_FOUND', license: null, machine: null } as const;
    expect(check(signAnswer(refused, signer, cryptography))).toEqual({ genuine: true, answer: refused });
  });

  it('is verified with node:crypto alone', () => {
    const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), signer.publicKey]);
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    const bytes = Buffer.from(`validation/${signed.payload}`);
    expect(verify(null, bytes, key, Buffer.from(signed.signature, 'base64'))).toBe(true);
    expect(JSON.parse(Buffer.from(signed.payload, 'base64').toString())).toEqual({
      valid: true,
      code: 'VALID',
      license: { id: 'lic_01', product: 'redline2', plan: 'prepaid', expires_at: null },
      machine: 'machine-1',
      nonce: 'n-123',
      at: '2026-11-21T00:00:00.000Z',
      kid: signer.id,
    });
  });

  it.each([
    ['to another question', { nonce: 'n-124' }, 'NONCE_MISMATCH'],
    ['to a question without a nonce', { nonce: '' }, 'NONCE_MISMATCH'],
    ['of no known key', { publicKeys: [other] }, 'SIGNING_KEY_UNKNOWN'],
    [
      'of a key that was taken back',
      { publicKeys: [{ ...signer, status: 'revoked' as const }] },
      'SIGNING_KEY_REVOKED',
    ],
    ['of another key by that name', { publicKeys: [{ ...other, id: signer.id }] }, 'SIGNATURE_INVALID'],
    ['without a payload', { payload: '' }, 'MALFORMED'],
    ['with a payload of another kind', { payload: 'e30=' }, 'MALFORMED'],
    ['with a signature that is none', { signature: '?' }, 'MALFORMED'],
    ['with a signature that is too short', { signature: 'AAAA' }, 'SIGNATURE_INVALID'],
  ])('%s is refused', (_name, change, code) => {
    expect(check(change)).toMatchObject({ genuine: false, code });
  });

  it('is refused with any character of payload or signature changed', () => {
    for (const part of ['payload', 'signature'] as const) {
      for (let at = 0; at < signed[part].length; at += 1) {
        for (const to of ['A', 'B', '=', ' ']) {
          const changed = signed[part].slice(0, at) + to + signed[part].slice(at + 1);
          if (changed !== signed[part] && check({ [part]: changed }).genuine) expect.fail(`${part} changed at ${at}`);
        }
      }
    }
  });
});
