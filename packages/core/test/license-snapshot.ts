import type { LiveMachines } from '../src/license/machine-matching.ts';
import type { TermPolicy } from '../src/license/state.ts';
import type { LicenseSnapshot } from '../src/license/validate.ts';

const day = 86_400_000;

/** Terms as the defaults have them. */
export const plainTerms: TermPolicy = {
  graceMs: 3 * day,
  expiringWithinMs: 7 * day,
  termGraceMs: 0,
  expiryStrategy: 'restrict',
};

/** A licence that allows everything to everybody for ever, but for what a test says. */
export function snapshotOf(change: Partial<LicenseSnapshot> = {}): LicenseSnapshot {
  return {
    product: 'infinite-server26',
    plan: 'license',
    startsAt: Date.UTC(2026, 10, 1),
    expiresAt: null,
    termBeginsWith: null,
    coverage: 'term',
    holds: [],
    maxMachines: -1,
    machines: new Map(),
    machineMatching: 'most',
    requireProduct: false,
    requireMachine: false,
    entitlements: new Set(),
    limits: {},
    policy: plainTerms,
    ...change,
  };
}

/** Live machines that told no components. */
export function machinesNamed(...fingerprints: string[]): LiveMachines {
  return new Map(fingerprints.map((fingerprint) => [fingerprint, null]));
}
