import type { Transaction } from '../../db/database.ts';
import type { CustomerService } from '../customers/index.ts';
import type { Notifications } from '../notifications/index.ts';
import type { DecidedReactivation } from './reactivations.ts';
import type { LicenseService } from './service.ts';

/** Where the vendor answers machines that asked to be let in: the decision, and the letter that tells the owner. */
export function createReactivationDesk(options: {
  licenses: LicenseService;
  customers: CustomerService;
  notifications: Notifications;
}) {
  const { licenses, customers, notifications } = options;

  async function tell(transaction: Transaction, decided: DecidedReactivation): Promise<DecidedReactivation> {
    const { request, license, released } = decided;
    if (license.customerId === null || request.status === 'pending') return decided;
    const { email } = await customers.get(license.customerId, transaction.connection);
    if (email === null) return decided;
    await notifications.notify(transaction, {
      template: 'reactivation-decided',
      to: email,
      data: {
        product: license.product,
        status: request.status,
        machine: request.name ?? request.fingerprint,
        released,
        reason: request.reason,
      },
      effectKey: `reactivation:${request.id}`,
    });
    return decided;
  }

  return {
    approve: async (transaction: Transaction, id: string, answer: { release?: string; reason?: string } = {}) =>
      tell(transaction, await licenses.reactivations.approve(transaction, id, answer)),
    deny: async (transaction: Transaction, id: string, reason: string | null) =>
      tell(transaction, await licenses.reactivations.deny(transaction, id, reason)),
  };
}

export type ReactivationDesk = ReturnType<typeof createReactivationDesk>;
