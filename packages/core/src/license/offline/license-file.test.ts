/** Files read with node:crypto alone, by what docs/offline.md says of them, and by nothing of ours. */

import { createDecipheriv, createHash, createPublicKey, verify } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issuedAt, licenseFileOf, signingPair } from '../../../test/license-file.ts';
import { nodeCryptography as cryptography } from '../../../test/node-cryptography.ts';
import { type FileEncryption, type LicenseFile, writeLicenseFile } from './license-file.ts';
import { verifyLicenseFile } from './verify-file.ts';

const signer = signingPair(1);
const licenseKey = 'QF-PRO-0a1b2c3d4e5f-1704067200';

function write(file: Omit<LicenseFile, 'keyId'>, encryption: FileEncryption | null = null): string {
  return writeLicenseFile(file, { signer, encryption }, cryptography);
}

const encryption = { licenseKey, nonce: Buffer.from('000102030405060708090a0b', 'hex') };
const bound = licenseFileOf({
  kind: 'machine',
  machines: [{ id: 'act_01', fingerprint: 'machine-1', components: { board: 'ab'.repeat(16) } }],
});

/** As somebody would write it who has the description and a public key. */
function readIndependently(
  certificate: string,
  { type, secret }: { type: 'license' | 'machine'; secret?: string },
): Record<string, unknown> {
  const title = `${type.toUpperCase()} FILE`;
  const encoded = certificate.replace(`-----BEGIN ${title}-----\n`, '').replace(`-----END ${title}-----\n`, '');
  const { enc, sig, alg } = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8')) as Record<string, string>;
  if (enc === undefined || sig === undefined) throw new Error('not an envelope');
  const der = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), signer.publicKey]);
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  if (!verify(null, Buffer.from(`${type}/${enc}`), key, Buffer.from(sig, 'base64'))) throw new Error('not genuine');
  if (alg === 'base64+ed25519') return JSON.parse(Buffer.from(enc, 'base64').toString('utf8'));
  if (alg !== 'aes-256-gcm+ed25519') throw new Error('another algorithm');
  const [ciphertext, iv, tag] = enc.split('.').map((part) => Buffer.from(part, 'base64'));
  if (!ciphertext || !iv || !tag) throw new Error('not three parts');
  const decipher = createDecipheriv(
    'aes-256-gcm',
    createHash('sha256')
      .update(secret ?? '')
      .digest(),
    iv,
  );
  decipher.setAuthTag(tag);
  return JSON.parse(Buffer.concat([decipher.update(ciphertext), decipher.final()]).toString('utf8'));
}

describe('a file, to a reader who has its description alone,', () => {
  it('says who issued what until when, in the shape that published verifiers know', () => {
    const content = readIndependently(write(licenseFileOf()), { type: 'license' });
    expect(content).toMatchObject({
      meta: {
        issued: '2026-11-21T12:00:00.000Z',
        expiry: '2026-12-05T12:00:00.000Z',
        ttl: 14 * 86_400,
        kid: createHash('sha256').update(signer.publicKey).digest('hex').slice(0, 16),
        file: 'file_01',
      },
      data: {
        id: 'lic_01',
        type: 'licenses',
        attributes: { product: 'quantum-falcon', plan: 'pro', expiry: null, maxMachines: 3, limits: { max_bots: 10 } },
      },
      included: [
        { id: 'signals', type: 'entitlements', attributes: { code: 'signals' } },
        { id: 'backtesting', type: 'entitlements', attributes: { code: 'backtesting' } },
        { id: 'act_01', type: 'machines', attributes: { fingerprint: 'machine-1' } },
        { id: 'act_02', type: 'machines', attributes: { fingerprint: 'machine-2' } },
      ],
    });
  });

  it('for a machine is of the machine, and has the licence with it', () => {
    expect(readIndependently(write(bound), { type: 'machine' })).toMatchObject({
      data: { id: 'act_01', type: 'machines', attributes: { fingerprint: 'machine-1' } },
      included: [{ id: 'lic_01', type: 'licenses' }, { type: 'entitlements' }, { type: 'entitlements' }],
    });
  });

  it.each([
    ['a licence', licenseFileOf(), 'license', licenseKey],
    ['a machine', bound, 'machine', `${licenseKey}machine-1`],
  ] as const)('encrypted for %s opens with the SHA-256 of what it is encrypted for', (_name, file, type, secret) => {
    expect(readIndependently(write(file, encryption), { type, secret })).toEqual(
      readIndependently(write(file), { type }),
    );
    expect(() => readIndependently(write(file, encryption), { type, secret: `${secret}x` })).toThrow();
  });

  it('is in lines that mail does not break, between a first and a last of their own', () => {
    const lines = write(licenseFileOf()).split('\n');
    expect(lines[0]).toBe('-----BEGIN LICENSE FILE-----');
    expect(lines.slice(-2)).toEqual(['-----END LICENSE FILE-----', '']);
    expect(Math.max(...lines.map((line) => line.length))).toBe(64);
  });

  it('that never ends says so with null', () => {
    const content = readIndependently(write(licenseFileOf({ expiresAt: null })), { type: 'license' });
    expect(content.meta).toMatchObject({ expiry: null, ttl: null });
  });
});

describe('an encrypted file', () => {
  it('shows nothing of what it says', () => {
    const secrets = [
      'lic_01',
      'quantum-falcon',
      'signals',
      'backtesting',
      'max_bots',
      'machine-1',
      'act_01',
      'file_01',
      'maxMachines',
      '2026-11-21',
      licenseKey,
    ];
    for (const file of [licenseFileOf(), bound]) {
      const outer = Buffer.from(write(file, encryption).split('-----')[2] ?? '', 'base64').toString('latin1');
      const { enc } = JSON.parse(outer);
      const layers = [outer, ...enc.split('.').map((part: string) => Buffer.from(part, 'base64').toString('latin1'))];
      for (const secret of secrets) for (const layer of layers) expect(layer).not.toContain(secret);
    }
  });
});

const someText = fc.string({ unit: 'grapheme', maxLength: 40 });
const instant = fc.integer({ min: 0, max: 4_000_000_000_000 });
const machine = fc.record({
  id: someText,
  fingerprint: someText,
  components: fc.option(fc.dictionary(someText, someText)),
});
const anyFile: fc.Arbitrary<Omit<LicenseFile, 'keyId'>> = fc.record({
  id: someText,
  issuedAt: instant,
  expiresAt: fc.option(instant),
  kind: fc.constant('license' as const),
  machines: fc.uniqueArray(machine, { maxLength: 4, selector: ({ fingerprint }) => fingerprint }),
  license: fc.record({
    id: someText,
    product: someText,
    plan: someText,
    startsAt: instant,
    expiresAt: fc.option(instant),
    termBeginsWith: fc.constantFrom('first_validation' as const, 'first_activation' as const, null),
    coverage: fc.constantFrom('term' as const, 'renewing' as const, 'past_due' as const, 'ended' as const),
    holds: fc.array(
      fc.record({
        cause: fc.constantFrom('payment' as const, 'refund' as const, 'admin' as const),
        effect: fc.constantFrom('suspend' as const, 'revoke' as const),
        effectiveAt: instant,
        reason: fc.option(someText),
      }),
      { maxLength: 2 },
    ),
    maxMachines: fc.integer({ min: -1, max: 100 }),
    machineMatching: fc.constantFrom('any' as const, 'two' as const, 'most' as const, 'all' as const),
    requireProduct: fc.boolean(),
    requireMachine: fc.boolean(),
    entitlements: fc.array(someText, { maxLength: 5 }).map((names) => new Set(names)),
    limits: fc.dictionary(someText, fc.integer()),
    policy: fc.record({
      graceMs: fc.nat(),
      expiringWithinMs: fc.nat(),
      termGraceMs: fc.nat(),
      keepWhenUnpaid: fc.boolean(),
      expiryStrategy: fc.constantFrom('restrict' as const, 'revoke' as const, 'maintain' as const, 'allow' as const),
    }),
  }),
});

describe('what a file says', () => {
  it('is what was written into it, whatever that was, encrypted or not', () => {
    fc.assert(
      fc.property(anyFile, fc.boolean(), (file, isEncrypted) => {
        const certificate = write(file, isEncrypted ? encryption : null);
        const question = { certificate, publicKeys: [signer], licenseKey, now: file.issuedAt };
        expect(verifyLicenseFile(question, cryptography).file).toEqual({ ...file, keyId: signer.id });
      }),
      { numRuns: 300 },
    );
  });
});

describe('a file with one character changed', () => {
  const flipped = (character: string) => String.fromCharCode(character.charCodeAt(0) ^ 1);
  const otherCase = (character: string) =>
    character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase();
  const changes = [flipped, otherCase, () => 'A', () => '=', () => '\n'];

  it.each([
    ['a licence', licenseFileOf(), null],
    ['a machine', bound, null],
    ['a licence, encrypted', licenseFileOf(), encryption],
    ['a machine, encrypted', bound, encryption],
  ])('for %s fails, at every place', (_name, file, encryptedFor) => {
    const certificate = write(file, encryptedFor);
    const ask = (text: string) =>
      verifyLicenseFile(
        {
          certificate: text,
          publicKeys: [signer, signingPair(2)],
          licenseKey,
          machine: { fingerprint: 'machine-1' },
          now: issuedAt,
        },
        cryptography,
      );
    expect(ask(certificate).code).toBe('VALID');
    let tried = 0;
    for (let at = 0; at < certificate.length; at += 1) {
      const character = certificate.charAt(at);
      for (const change of changes) {
        const changed = certificate.slice(0, at) + change(character) + certificate.slice(at + 1);
        if (changed === certificate) continue;
        const decision = ask(changed);
        if (decision.valid || decision.file !== null)
          expect.fail(`believed with ${JSON.stringify(character)} changed at ${at}`);
        tried += 1;
      }
      // Nor with one character more or less, but for the last line's end.
      const without = certificate.slice(0, at) + certificate.slice(at + 1);
      if (ask(without).valid !== (at === certificate.length - 1)) expect.fail(`wrong without the character at ${at}`);
      if (ask(`${certificate.slice(0, at)} ${certificate.slice(at)}`).valid) expect.fail(`a space at ${at}`);
    }
    expect(tried).toBeGreaterThan(certificate.length * 4);
  });

  it('is the same file only with the line ends of another system, or without the last', () => {
    const certificate = write(licenseFileOf());
    const code = (text: string) =>
      verifyLicenseFile({ certificate: text, publicKeys: [signer], now: issuedAt }, cryptography).code;
    expect(code(certificate.replaceAll('\n', '\r\n'))).toBe('VALID');
    expect(code(certificate.trimEnd())).toBe('VALID');
    expect(code(`${certificate}\n`)).toBe('MALFORMED');
    expect(code(` ${certificate}`)).toBe('MALFORMED');
    expect(code(certificate.replaceAll('\n', '\r'))).toBe('MALFORMED');
  });
});
