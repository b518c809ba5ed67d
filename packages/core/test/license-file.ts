import type { LicenseFile } from '../src/license/offline/license-file.ts';
import { signingKeyId } from '../src/license/offline/signing-key.ts';
import { plainTerms } from './license-snapshot.ts';
import { nodeCryptography } from './node-cryptography.ts';

const day = 86_400_000;

/** A key pair that a seed of one repeated byte makes. */
export function signingPair(byte: number) {
  const seed = new Uint8Array(32).fill(byte);
  const publicKey = nodeCryptography.ed25519PublicKey(seed);
  return { id: signingKeyId(publicKey, nodeCryptography), seed, publicKey };
}

export const issuedAt = Date.UTC(2026, 10, 21, 12);

/** A file for a licence with two machines, good for fourteen days, but for what a test says. */
export function licenseFileOf(
  change: Partial<Omit<LicenseFile, 'license' | 'keyId'>> & { license?: Partial<LicenseFile['license']> } = {},
): Omit<LicenseFile, 'keyId'> {
  const { license, ...rest } = change;
  return {
    id: 'file_01',
    issuedAt,
    expiresAt: issuedAt + 14 * day,
    kind: 'license',
    machines: [
      { id: 'act_01', fingerprint: 'machine-1', components: null },
      { id: 'act_02', fingerprint: 'machine-2', components: null },
    ],
    license: {
      id: 'lic_01',
      product: 'quantum-falcon',
      plan: 'pro',
      startsAt: issuedAt - 30 * day,
      expiresAt: null,
      termBeginsWith: null,
      coverage: 'term',
      holds: [],
      maxMachines: 3,
      machineMatching: 'most',
      requireProduct: false,
      requireMachine: false,
      entitlements: new Set(['signals', 'backtesting']),
      limits: { max_bots: 10 },
      policy: plainTerms,
      ...license,
    },
    ...rest,
  };
}
