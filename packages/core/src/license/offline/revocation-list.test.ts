import { describe, expect, it } from 'vitest';
import { signingPair } from '../../../test/license-file.ts';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import { dayMs } from '../../time.ts';
import { sealEnvelope } from './envelope.ts';
import { type RevocationList, readRevocationList, writeRevocationList } from './revocation-list.ts';

const [signer, other] = [signingPair(1), signingPair(2)];
const issuedAt = Date.UTC(2026, 10, 21);
const list: RevocationList = {
  issuedAt,
  expiresAt: issuedAt + 7 * dayMs,
  complete: true,
  licenses: new Map([
    ['lic_01', { effect: 'revoke', since: issuedAt - dayMs }],
    ['lic_02', { effect: 'suspend', since: issuedAt - 2 * dayMs }],
  ]),
  signingKeys: new Set([other.id]),
};
const certificate = writeRevocationList(list, signer, cryptography);

const read = (
  text: string,
  publicKeys: Parameters<typeof readRevocationList>[0]['publicKeys'] = [signer],
  now = issuedAt,
) => readRevocationList({ certificate: text, publicKeys, now }, cryptography);

describe('a revocation list', () => {
  it('says what was written into it', () => {
    expect(certificate).toMatch(/^-----BEGIN REVOCATION LIST-----\n/);
    expect(read(certificate)).toEqual({ valid: true, list });
  });

  it('that is out of date says so, and still names what it names', () => {
    expect(read(certificate, [signer], list.expiresAt)).toMatchObject({ valid: false, code: 'LIST_EXPIRED', list });
    expect(read(certificate, [signer], list.expiresAt - 1).valid).toBe(true);
  });

  it.each([
    ['of no known key', [other], 'SIGNING_KEY_UNKNOWN'],
    ['of a key that was taken back', [{ ...signer, status: 'revoked' as const }], 'SIGNING_KEY_REVOKED'],
    ['of another key by that name', [{ ...other, id: signer.id }], 'SIGNATURE_INVALID'],
  ])('%s is refused', (_name, keys, code) => {
    expect(read(certificate, keys)).toMatchObject({ valid: false, code, list: null });
  });

  it('that takes back the key it is signed with is refused', () => {
    const own = writeRevocationList({ ...list, signingKeys: new Set([signer.id]) }, signer, cryptography);
    expect(read(own)).toMatchObject({ valid: false, code: 'MALFORMED' });
  });

  it('is not what was signed for another use', () => {
    const enc = JSON.parse(Buffer.from(certificate.split('-----')[2] ?? '', 'base64').toString()).enc;
    const asFile = sealEnvelope({ purpose: 'license', text: enc, algorithm: 'base64+ed25519' }, signer, cryptography);
    expect(read(asFile)).toMatchObject({ code: 'MALFORMED' });
    expect(read(asFile.replaceAll('LICENSE FILE', 'REVOCATION LIST'))).toMatchObject({ code: 'SIGNATURE_INVALID' });
    const empty = sealEnvelope(
      { purpose: 'revocations', text: 'e30=', algorithm: 'base64+ed25519' },
      signer,
      cryptography,
    );
    expect(read(empty)).toMatchObject({ code: 'MALFORMED' });
  });

  it('is refused with any character changed', () => {
    for (let at = 0; at < certificate.length; at += 1) {
      const to = certificate.charAt(at) === 'A' ? 'B' : 'A';
      const changed = certificate.slice(0, at) + to + certificate.slice(at + 1);
      if (read(changed).list !== null) expect.fail(`believed with a change at ${at}`);
    }
  });
});
