import type { LicensePolicy } from './types.ts';

/** How the fields of a licence's policy are called where they are written: in the catalog and over HTTP. */
export const POLICY_FIELDS = {
  term_days: 'termDays',
  term_basis: 'termBasis',
  expiry: 'expiryStrategy',
  renewal_basis: 'renewalBasis',
  grace_days: 'graceDays',
  max_machines: 'maxMachines',
  require_product: 'requireProduct',
  require_machine: 'requireMachine',
  machine_matching: 'machineMatching',
  machine_uniqueness: 'machineUniqueness',
  when_machines_full: 'whenMachinesFull',
  owner_release: 'ownerRelease',
  expiring_notice_days: 'expiringNoticeDays',
  offline_file_days: 'offlineFileDays',
  require_credit: 'requireCredit',
} as const satisfies Record<string, keyof LicensePolicy>;

/** A policy as it is written. */
export type WrittenPolicy = {
  [Name in keyof typeof POLICY_FIELDS]?: LicensePolicy[(typeof POLICY_FIELDS)[Name]] | undefined;
};

/** Only what was written, so that it can be laid over another policy. */
export function readPolicy(written: WrittenPolicy): Partial<LicensePolicy> {
  return Object.fromEntries(
    Object.entries(POLICY_FIELDS).flatMap(([name, field]) => {
      const value = written[name as keyof WrittenPolicy];
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

/** The reverse of `readPolicy`. */
export function writePolicy(policy: Partial<LicensePolicy>): WrittenPolicy {
  return Object.fromEntries(
    Object.entries(POLICY_FIELDS).flatMap(([name, field]) => {
      const value = policy[field];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
