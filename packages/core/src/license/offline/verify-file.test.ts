import { describe, expect, it } from 'vitest';
import { issuedAt, licenseFileOf, signingPair } from '../../../test/license-file.ts';
import { plainTerms } from '../../../test/license-snapshot.ts';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import { dayMs, minuteMs } from '../../time.ts';
import { VALIDATION_CODES } from '../codes.ts';
import { digestComponents } from '../machine-matching.ts';
import { sealEnvelope } from './envelope.ts';
import { writeLicenseFile } from './license-file.ts';
import type { RevocationList } from './revocation-list.ts';
import { type FileQuestion, OFFLINE_CODES, verifyLicenseFile } from './verify-file.ts';

const [signer, other] = [signingPair(1), signingPair(2)];
const licenseKey = 'QF-PRO-0a1b2c3d4e5f-1704067200';

type Change = Parameters<typeof licenseFileOf>[0];

const write = (change?: Change, encryption: { licenseKey: string; nonce: Uint8Array } | null = null) =>
  writeLicenseFile(licenseFileOf(change), { signer, encryption }, cryptography);

function ask(question: Partial<FileQuestion> & { file?: Change } = {}) {
  const { file, ...rest } = question;
  return verifyLicenseFile({ certificate: write(file), publicKeys: [signer], now: issuedAt, ...rest }, cryptography);
}

const boundFile: Change = {
  kind: 'machine',
  machines: [{ id: 'act_01', fingerprint: 'machine-1', components: null }],
};
const encrypted = { licenseKey, nonce: new Uint8Array(12) };
const inAWeek = issuedAt + 7 * dayMs;

function listOf(change: Partial<RevocationList> = {}): RevocationList {
  return { issuedAt, expiresAt: inAWeek, complete: true, licenses: new Map(), signingKeys: new Set(), ...change };
}

const revoked = new Map([['lic_01', { effect: 'revoke', since: issuedAt } as const]]);
const suspended = new Map([['lic_01', { effect: 'suspend', since: issuedAt } as const]]);

describe('the codes of a decision without the server', () => {
  it('are those of the file, in its precedence, and then those the server answers with, each once', () => {
    expect(new Set(OFFLINE_CODES).size).toBe(OFFLINE_CODES.length);
    expect(OFFLINE_CODES.filter((code) => VALIDATION_CODES.some((known) => known === code)).slice(1)).toEqual(
      VALIDATION_CODES.slice(1),
    );
  });
});

describe('a genuine file', () => {
  it('is valid with a key that signs and with one that did before', () => {
    for (const status of ['active', 'retired', undefined] as const) {
      expect(ask({ publicKeys: [other, { ...signer, status }] })).toMatchObject({ valid: true, code: 'VALID' });
    }
  });

  it('says what it is of, and why it was believed', () => {
    const decision = ask({
      product: 'quantum-falcon',
      entitlements: ['signals'],
      machine: { fingerprint: 'machine-2' },
    });
    expect(decision.file).toMatchObject({ id: 'file_01', keyId: signer.id, license: { id: 'lic_01', plan: 'pro' } });
    expect(decision.because.map(({ rule, passed }) => [rule, passed])).toEqual([
      ['signature', true],
      ['file', true],
      ['holds', true],
      ['term', true],
      ['product', true],
      ['machine', true],
      ['entitlements', true],
    ]);
  });
});

const strange = sealEnvelope({ purpose: 'license', text: 'e30=', algorithm: 'base64+ed25519' }, signer, cryptography);
const undecodable = sealEnvelope({ purpose: 'license', text: '?', algorithm: 'base64+ed25519' }, signer, cryptography);
const ofAnother = writeLicenseFile(
  licenseFileOf(),
  { signer: { ...signer, id: other.id }, encryption: null },
  cryptography,
);

/** The same content and a genuine signature, but the envelope names another key than was signed. */
const renamed = sealEnvelope(
  {
    purpose: 'license',
    text: JSON.parse(Buffer.from(write().split('-----')[2] ?? '', 'base64').toString()).enc,
    algorithm: 'base64+ed25519',
  },
  { ...signer, id: other.id },
  cryptography,
);

describe('a file', () => {
  const cases: [string, Parameters<typeof ask>[0], string][] = [
    ['that is none', { certificate: 'not a file' }, 'MALFORMED'],
    ['that is empty', { certificate: '' }, 'MALFORMED'],
    ['that says nothing', { certificate: strange }, 'MALFORMED'],
    ['that holds what cannot be read', { certificate: undecodable }, 'DECRYPTION_FAILED'],
    ['signed with a key nobody knows', { publicKeys: [other] }, 'SIGNING_KEY_UNKNOWN'],
    ['where no key is given', { publicKeys: [] }, 'SIGNING_KEY_UNKNOWN'],
    [
      'signed with a key that was taken back',
      { publicKeys: [{ ...signer, status: 'revoked' }] },
      'SIGNING_KEY_REVOKED',
    ],
    [
      'signed with a key that the list takes back',
      { revocations: listOf({ signingKeys: new Set([signer.id]) }) },
      'SIGNING_KEY_REVOKED',
    ],
    ['under the name of another key', { certificate: ofAnother, publicKeys: [signer, other] }, 'SIGNATURE_INVALID'],
    ['where the named key is another', { publicKeys: [{ ...other, id: signer.id }] }, 'SIGNATURE_INVALID'],
    [
      'whose envelope and content name different keys',
      { certificate: renamed, publicKeys: [{ ...signer, id: other.id }] },
      'MALFORMED',
    ],
    ['encrypted, without its key', { certificate: write({}, encrypted) }, 'DECRYPTION_FAILED'],
    ['encrypted, with another key', { certificate: write({}, encrypted), licenseKey: 'QF' }, 'DECRYPTION_FAILED'],
    ['encrypted, with its key', { certificate: write({}, encrypted), licenseKey }, 'VALID'],
    [
      'encrypted, with its key as it was copied',
      { certificate: write({}, encrypted), licenseKey: ` ${licenseKey}\n` },
      'VALID',
    ],
    [
      'encrypted for a machine, without one',
      { certificate: write(boundFile, encrypted), licenseKey },
      'DECRYPTION_FAILED',
    ],
    [
      'encrypted for a machine, with another',
      { certificate: write(boundFile, encrypted), licenseKey, machine: { fingerprint: 'machine-2' } },
      'DECRYPTION_FAILED',
    ],
    [
      'encrypted for this machine',
      { certificate: write(boundFile, encrypted), licenseKey, machine: { fingerprint: 'machine-1' } },
      'VALID',
    ],
    ['a moment before its end', { now: issuedAt + 14 * dayMs - 1 }, 'VALID'],
    ['at its end', { now: issuedAt + 14 * dayMs }, 'FILE_EXPIRED'],
    ['that never ends', { file: { expiresAt: null }, now: issuedAt + 9_000 * dayMs }, 'VALID'],
    ['of a licence that the list revokes', { revocations: listOf({ licenses: revoked }) }, 'REVOKED'],
    ['of a licence that the list suspends', { revocations: listOf({ licenses: suspended }) }, 'SUSPENDED'],
    ['of a licence that the list does not name', { revocations: listOf() }, 'VALID'],
    [
      'that is newer than the list that revokes its licence',
      { revocations: listOf({ licenses: revoked, issuedAt: issuedAt - 1 }) },
      'VALID',
    ],
    [
      'of a licence that an outdated list revokes',
      { now: issuedAt + 8 * dayMs, revocations: listOf({ licenses: revoked }) },
      'REVOKED',
    ],
    ['for its machine', { file: boundFile, machine: { fingerprint: 'machine-1' } }, 'VALID'],
    ['for another machine', { file: boundFile, machine: { fingerprint: 'machine-2' } }, 'MACHINE_MISMATCH'],
    ['for a machine, and none asks', { file: boundFile }, 'MACHINE_REQUIRED'],
    ['of a licence, and an activated machine asks', { machine: { fingerprint: 'machine-2' } }, 'VALID'],
    ['of a licence, and an unknown machine asks', { machine: { fingerprint: 'x' } }, 'MACHINE_NOT_ACTIVATED'],
    ['asked for another product', { product: 'redline2' }, 'PRODUCT_MISMATCH'],
    ['asked for more than the plan has', { entitlements: ['signals', 'lasers'] }, 'ENTITLEMENT_MISSING'],
    ['of a licence that ended since', { file: { license: { expiresAt: issuedAt + dayMs } }, now: inAWeek }, 'EXPIRED'],
    ['of a licence that ends soon', { file: { license: { expiresAt: inAWeek } } }, 'EXPIRING'],
    [
      'of a licence whose grace ended since',
      {
        file: {
          license: {
            expiresAt: issuedAt,
            coverage: 'past_due',
            holds: [{ cause: 'payment', effect: 'suspend', effectiveAt: issuedAt + dayMs, reason: null }],
          },
        },
        now: issuedAt + 2 * dayMs,
      },
      'SUSPENDED',
    ],
    [
      'of a licence that lets earlier versions work',
      {
        file: { license: { expiresAt: issuedAt + dayMs, policy: { ...plainTerms, expiryStrategy: 'maintain' } } },
        now: inAWeek,
        releasedAt: issuedAt + 2 * dayMs,
      },
      'EXPIRED',
    ],
  ];

  it.each(cases)('%s is answered as it must be', (_name, question, code) => {
    const decision = ask(question);
    expect([decision.code, decision.valid]).toEqual([code, ['VALID', 'GRACE', 'EXPIRING'].includes(code)]);
    expect(decision.because.at(-1)?.passed).toBe(decision.valid);
  });

  it('is answered with the first that applies of all that is wrong with it', () => {
    const allWrong: Parameters<typeof ask>[0] = {
      certificate: write(
        { license: { holds: [{ cause: 'admin', effect: 'revoke', effectiveAt: 0, reason: null }] } },
        encrypted,
      ),
      publicKeys: [],
      product: 'redline2',
      now: issuedAt + 20 * dayMs,
      lastSeenAt: issuedAt + 21 * dayMs,
      revocations: listOf({ licenses: suspended }),
    };
    const mended: [Parameters<typeof ask>[0], string][] = [
      [{ certificate: 'x' }, 'MALFORMED'],
      [{}, 'SIGNING_KEY_UNKNOWN'],
      [{ publicKeys: [{ ...other, id: signer.id, status: 'revoked' }] }, 'SIGNING_KEY_REVOKED'],
      [{ publicKeys: [{ ...other, id: signer.id }] }, 'SIGNATURE_INVALID'],
      [{ publicKeys: [signer] }, 'DECRYPTION_FAILED'],
      [{ publicKeys: [signer], licenseKey }, 'CLOCK_SET_BACK'],
      [{ publicKeys: [signer], licenseKey, lastSeenAt: undefined }, 'FILE_EXPIRED'],
      [{ publicKeys: [signer], licenseKey, lastSeenAt: undefined, now: inAWeek }, 'SUSPENDED'],
      [{ publicKeys: [signer], licenseKey, lastSeenAt: undefined, now: inAWeek, revocations: undefined }, 'REVOKED'],
    ];
    for (const [mend, code] of mended) expect(ask({ ...allWrong, ...mend }).code).toBe(code);
  });
});

describe('a machine whose card was replaced', () => {
  const parts = { board: 'B-1', disk: 'D-1', network: 'N-1' };
  const components = digestComponents('lic_01', parts, cryptography);
  const file = { ...boundFile, machines: [{ id: 'act_01', fingerprint: 'machine-1', components }] };

  it('is known by the others, as it is to the server [Z5]', () => {
    const machine = { fingerprint: 'machine-1-new', components: { ...parts, network: 'N-2' } };
    expect(ask({ file, machine }).code).toBe('VALID');
    expect(ask({ file, machine: { ...machine, components: { ...parts, network: 'N-2', disk: 'D-2' } } }).code).toBe(
      'MACHINE_MISMATCH',
    );
  });
});

describe('a clock', () => {
  const later = issuedAt + dayMs;
  const cases: [string, Parameters<typeof ask>[0], string, number][] = [
    ['that never was seen', { now: later }, 'VALID', later],
    ['that went on', { now: later, lastSeenAt: later - 1 }, 'VALID', later],
    ['that was corrected by five minutes', { now: later - 5 * minuteMs, lastSeenAt: later }, 'VALID', later],
    ['set back by more', { now: later - 5 * minuteMs - 1, lastSeenAt: later }, 'CLOCK_SET_BACK', later],
    ['set back by a year', { now: later - 365 * dayMs, lastSeenAt: later }, 'CLOCK_SET_BACK', later],
    ['a little behind the server that issued the file', { now: issuedAt - 5 * minuteMs }, 'VALID', issuedAt],
    ['set to before the file was issued', { now: issuedAt - 5 * minuteMs - 1 }, 'CLOCK_SET_BACK', issuedAt],
    [
      'set to before the list was issued',
      { now: later, revocations: listOf({ issuedAt: later + 6 * minuteMs }) },
      'CLOCK_SET_BACK',
      later + 6 * minuteMs,
    ],
    [
      'set back by five minutes, again and again, at the end of the file',
      { now: issuedAt + 14 * dayMs - minuteMs, lastSeenAt: issuedAt + 14 * dayMs },
      'FILE_EXPIRED',
      issuedAt + 14 * dayMs,
    ],
  ];

  it.each(cases)('%s is answered as it must be, and the latest moment kept [Z5]', (_name, question, code, seenAt) => {
    const decision = ask(question);
    expect([decision.code, decision.seenAt]).toEqual([code, seenAt]);
  });

  it('is not moved by what was not signed', () => {
    const future = write({ issuedAt: issuedAt + 900 * dayMs, expiresAt: null });
    expect(ask({ certificate: future, publicKeys: [other], lastSeenAt: issuedAt - 1 }).seenAt).toBe(issuedAt);
  });

  it('goes on being remembered where a file was refused', () => {
    expect(ask({ certificate: 'x', now: issuedAt, lastSeenAt: later }).seenAt).toBe(later);
  });
});
