import { LatchkeyError } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';
import type { LicenseSnapshots } from './snapshots.ts';

/** An entry for the audit log; keys never go in. */
export interface LicenseAuditEntry {
  action: `license.${string}`;
  subjectType: 'license';
  subjectId: string;
  detail?: Record<string, unknown>;
}

export interface LicenseChangesOptions {
  snapshots: Pick<LicenseSnapshots, 'drop'>;
  record(transaction: Transaction, entry: LicenseAuditEntry): Promise<unknown>;
}

export type LicenseChanges = ReturnType<typeof createLicenseChanges>;

/** What every change of a licence has in common. */
export function createLicenseChanges({ snapshots, record }: LicenseChangesOptions) {
  async function reread(transaction: Transaction, id: string): Promise<LicenseRecord> {
    const license = await repository.findById(transaction.connection, id);
    if (license === null) throw new LatchkeyError('resource_missing', `There is no licence ${id}.`);
    return license;
  }

  return {
    reread,

    /** The licence, held until the transaction ends; `resource_missing` when there is none. */
    async locked(transaction: Transaction, id: string): Promise<LicenseRecord> {
      await repository.lockLicense(transaction.connection, id);
      return reread(transaction, id);
    },

    /** Every change ends here: what other processes cached is dropped with the commit, ours before the answer. */
    async changed(transaction: Transaction, id: string): Promise<void> {
      transaction.afterCommit(() => snapshots.drop(id));
      await transaction.notify('latchkey_license', id);
    },

    async audit(
      transaction: Transaction,
      action: LicenseAuditEntry['action'],
      subjectId: string,
      detail: Record<string, unknown> = {},
    ): Promise<void> {
      await record(transaction, { action, subjectType: 'license', subjectId, detail });
    },
  };
}
