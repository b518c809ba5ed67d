import { type Catalog, DEFAULT_WITHDRAWAL_POLICY, findProduct } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { CustomerService } from '../customers/index.ts';
import type { LicenseRecord, Withdraw, WithdrawalHolds } from '../licenses/index.ts';
import type { Notifications } from '../notifications/index.ts';
import { type PaidTerm, takenBack } from './taken-back.ts';

export interface WithdrawalsOptions {
  catalog: Catalog;
  customers: Pick<CustomerService, 'find'>;
  withdraw: Withdraw;
  notifications: Pick<Notifications, 'notify'>;
}

/** Makes a licence follow what became of the money it was paid with. Called again for the same facts, it does nothing. */
export type FollowPayments = (
  transaction: Transaction,
  license: LicenseRecord,
  terms: readonly PaidTerm[],
) => Promise<void>;

export function createWithdrawals({ catalog, customers, withdraw, notifications }: WithdrawalsOptions): FollowPayments {
  return async function followPayments(transaction, license, terms) {
    const policy = findProduct(catalog, license.product)?.withdrawal ?? DEFAULT_WITHDRAWAL_POLICY;
    const wanted = takenBack(terms, policy);
    const withdrawn = await withdraw(transaction, license.id, wanted);
    for (const cause of ['refund', 'dispute'] as const) {
      if (wanted[cause]?.effect === 'revoke') await writeLetter(transaction, withdrawn, cause);
    }
  };

  /** One letter for each time it is taken back: told again, or once the address is known, it is the same one. */
  async function writeLetter(
    transaction: Transaction,
    license: LicenseRecord,
    cause: keyof WithdrawalHolds,
  ): Promise<void> {
    const hold = license.holds.find((one) => one.cause === cause);
    if (hold === undefined || license.customerId === null) return;
    const customer = await customers.find(license.customerId, transaction.connection);
    if (customer?.email == null) return;
    const { id, product, plan } = license;
    const revokedAt = new Date(hold.effectiveAt).toISOString();
    await notifications.notify(transaction, {
      template: 'license-revoked',
      to: customer.email,
      data: { product, plan, revokedAt, cause },
      effectKey: `license:${id}:revoked-by-${cause}:${revokedAt}`,
    });
  }
}
