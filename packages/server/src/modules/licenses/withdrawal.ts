import type { Hold, HoldCause, HoldEffect } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { Clock } from '../../ports.ts';
import { createLicenseChanges, type LicenseChangesOptions } from './changes.ts';
import type { LicenseRecord } from './record.ts';
import * as repository from './repository.ts';

/** What money that was taken back takes with it. */
export interface WithdrawalHold {
  effect: HoldEffect;
  /** Names the charge; the same for the same facts, in whatever order they were heard. */
  reason: string;
}

/** The holds that a licence must have because of its payments; null: none of that cause may stand. */
export type WithdrawalHolds = Record<Extract<HoldCause, 'refund' | 'dispute'>, WithdrawalHold | null>;

/** Brings a licence's holds for refunds and disputes to what they must be, and no other. Doing it twice changes nothing. */
export type Withdraw = (transaction: Transaction, id: string, wanted: WithdrawalHolds) => Promise<LicenseRecord>;

const CAUSES = ['refund', 'dispute'] as const satisfies readonly (keyof WithdrawalHolds)[];

export function createWithdrawal({ clock, ...options }: LicenseChangesOptions & { clock: Clock }): Withdraw {
  const { audit, changed, locked, reread } = createLicenseChanges(options);

  /** True when something had to change. */
  async function cover(
    transaction: Transaction,
    id: string,
    { cause, wanted, stands }: { cause: HoldCause; wanted: WithdrawalHold | null; stands: Hold | undefined },
  ): Promise<boolean> {
    if (wanted === null) {
      if (stands === undefined) return false;
      await repository.removeHold(transaction.connection, id, cause);
      await audit(transaction, 'license.hold_lifted', id, { cause });
      return true;
    }
    if (stands?.effect === wanted.effect && stands.reason === wanted.reason) return false;
    // What was withheld already stays so from the moment it was; the reason alone may have become another.
    const effectiveAt = stands?.effect === wanted.effect ? stands.effectiveAt : clock.now().getTime();
    await repository.putHold(transaction.connection, id, { cause, ...wanted, effectiveAt });
    await audit(transaction, 'license.hold_placed', id, { cause, ...wanted, effectiveAt });
    return true;
  }

  return async (transaction, id, wanted) => {
    const license = await locked(transaction, id);
    let any = false;
    for (const cause of CAUSES) {
      const stands = license.holds.find((hold) => hold.cause === cause);
      if (await cover(transaction, id, { cause, wanted: wanted[cause], stands })) any = true;
    }
    if (!any) return license;
    await repository.updateLicense(transaction.connection, id, {}, clock.now());
    await changed(transaction, id);
    return reread(transaction, id);
  };
}
