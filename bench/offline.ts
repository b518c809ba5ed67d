/** Verifying a licence file with core's verifier against a bare Ed25519 verification of the bytes that its signature is over. */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import {
  type FileQuestion,
  type LicenseFile,
  signingKeyId,
  verifyLicenseFile,
  writeLicenseFile,
} from '../packages/core/src/index.ts';
import { nodeCryptography as cryptography } from '../packages/server/src/security/cryptography.ts';
import { say, show, spreadOf } from './figures.ts';

export interface OfflineOptions {
  /** Files verified in one round. */
  files: number;
  rounds: number;
}

const DAY_MS = 86_400_000;
const NOW = Date.UTC(2026, 0, 2);
const WARM_UP = 3_000;

/** Measures and prints. The two are measured in turn, in one process, on one thread. */
export function benchOffline({ files, rounds }: OfflineOptions): void {
  const plain = prepare(false);
  const sealed = prepare(true);
  say(
    `offline: ${files.toLocaleString('en-US')} verifications a round, a file of ${plain.question.certificate.length} characters`,
  );
  const work = {
    bare: () => verify(null, plain.message, plain.key, plain.signature),
    file: () => verifyLicenseFile(plain.question, cryptography).valid,
    encrypted: () => verifyLicenseFile(sealed.question, cryptography).valid,
  };
  const micros: Record<keyof typeof work, number[]> = { bare: [], file: [], encrypted: [] };
  for (const run of Object.values(work)) measure(run, WARM_UP);
  for (let round = 0; round < rounds; round += 1) {
    for (const name of ['bare', 'file', 'encrypted'] as const) micros[name].push(measure(work[name], files));
  }
  const ratios = (name: 'file' | 'encrypted') =>
    spreadOf(micros[name].map((value, index) => (micros.bare[index] ?? Number.NaN) / value));
  say('                      a second of processor     µs each');
  for (const [name, values] of Object.entries(micros)) {
    const perSecond = spreadOf(values.map((value) => 1_000_000 / value));
    say(`${name.padEnd(20)}  ${show(perSecond).padEnd(26)}  ${show(spreadOf(values), 1)}`);
  }
  say();
  say(`ratio file/bare      ${show(ratios('file'), 3)}`);
  say(`ratio encrypted/bare ${show(ratios('encrypted'), 3)}`);
}

/** A file as the server writes it, asked as a program asks, and what its signature is over. */
function prepare(encrypted: boolean): { question: FileQuestion; message: Buffer; signature: Buffer; key: KeyObject } {
  const seed = new Uint8Array(32).fill(7);
  const publicKey = cryptography.ed25519PublicKey(seed);
  const id = signingKeyId(publicKey, cryptography);
  const licenseKey = 'QF-PRO-0a1b2c3d4e5f-1704067200';
  const encryption = encrypted ? { licenseKey, nonce: new Uint8Array(12) } : null;
  const certificate = writeLicenseFile(file, { signer: { id, seed }, encryption }, cryptography);
  const { enc, sig } = JSON.parse(Buffer.from(certificate.split('-----')[2] ?? '', 'base64').toString('utf8'));
  const jwk = { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(publicKey).toString('base64url') };
  return {
    question: {
      certificate,
      publicKeys: [{ id, publicKey }],
      licenseKey,
      product: 'quantum-falcon',
      machine: { fingerprint: 'machine-1' },
      entitlements: ['signals'],
      now: NOW,
      lastSeenAt: NOW - 1,
    },
    message: Buffer.from(`license/${enc}`),
    signature: Buffer.from(sig, 'base64'),
    key: createPublicKey({ key: jwk, format: 'jwk' }),
  };
}

const file: Omit<LicenseFile, 'keyId'> = {
  id: 'file_01',
  issuedAt: NOW - DAY_MS,
  expiresAt: NOW + 13 * DAY_MS,
  kind: 'license',
  machines: [{ id: 'act_01', fingerprint: 'machine-1', components: null }],
  license: {
    id: 'lic_01kfh3rjv9mfgn2qk0bq9yva7w',
    product: 'quantum-falcon',
    plan: 'pro',
    startsAt: NOW - 30 * DAY_MS,
    expiresAt: NOW + 300 * DAY_MS,
    termBeginsWith: null,
    coverage: 'renewing',
    holds: [],
    maxMachines: 3,
    machineMatching: 'most',
    requireProduct: false,
    requireMachine: false,
    entitlements: new Set(['signals', 'backtesting', 'paper_trading']),
    limits: { max_bots: 10 },
    policy: { graceMs: 3 * DAY_MS, expiringWithinMs: 7 * DAY_MS, termGraceMs: 0, expiryStrategy: 'restrict' },
  },
};

/** Processor time of one run in microseconds, over `count` runs: others on the machine do not count. Every one must say yes. */
function measure(run: () => boolean, count: number): number {
  const start = process.threadCpuUsage();
  for (let done = 0; done < count; done += 1) if (!run()) throw new Error('A genuine file was refused.');
  const { user, system } = process.threadCpuUsage(start);
  return (user + system) / count;
}
