import { LatchkeyError } from '@latchkey/core';
import type { Transaction } from '../../db/database.ts';
import type { CustomerService } from '../customers/index.ts';
import type { LicenseReader, LicenseService } from '../licenses/index.ts';
import type { Notifications } from '../notifications/index.ts';
import type { CreditPurchases } from './credit-purchases.ts';
import type { SoldElsewhere } from './elsewhere.ts';
import type { CheckoutRow } from './repository.ts';

export interface PurchaseOptions {
  customers: CustomerService;
  licenses: LicenseService;
  licenseReader: Pick<LicenseReader, 'findByOrigin'>;
  credits: Pick<CreditPurchases, 'purchased'>;
  notifications: Notifications;
}

/** Who paid for a checkout, as its session says. */
export interface Payer {
  sessionId: string;
  stripeCustomerId: string | null;
  email: string | null;
  name: string | null;
  /** What was sold, where the vendor sold it at Stripe themselves. */
  sold?: SoldElsewhere | null;
}

/**
 * Gives what was paid for once, without a subscription: a licence for the plan's own term, and the letter with its key; or what was
 * bought in advance, for a licence that is there or for one that is issued with it.
 */
export function createPurchases({ customers, licenses, licenseReader, credits, notifications }: PurchaseOptions) {
  return async function purchased(transaction: Transaction, checkout: CheckoutRow, payer: Payer): Promise<void> {
    const { stripeCustomerId, name } = payer;
    const email = payer.email ?? checkout.email;
    const customer = await customers.ensure(
      transaction,
      stripeCustomerId === null ? { email, name } : { stripeCustomerId, email, name },
    );
    const license = () => issue(transaction, checkout, { ...payer, email }, customer.id);
    const { sessionId } = payer;
    if (!(await credits.purchased(transaction, checkout, { sessionId, email, license }))) await license();
  };

  /** The id of the licence, which is issued once. */
  async function issue(
    transaction: Transaction,
    checkout: CheckoutRow,
    { sessionId, stripeCustomerId, email, sold = null }: Payer,
    customerId: string,
  ): Promise<string> {
    // The session and not the event: told twice, or by the webhook and the success page, it is one purchase.
    const origin = `checkout:${sessionId}`;
    const issued = await licenses.issueOnce(transaction, {
      product: checkout.product,
      plan: checkout.plan,
      origin,
      keyCustomer: sold?.user ?? stripeCustomerId ?? customerId,
      keySubscription: sessionId,
      customerId,
      subscriptionId: null,
      quantity: checkout.quantity,
      ...(sold === null ? {} : { metadata: { ...sold.notes } }),
    });
    if (issued === null) {
      const before = await licenseReader.findByOrigin(transaction.connection, origin);
      if (before === null) throw new LatchkeyError('internal', `The licence of the session ${sessionId} is not there.`);
      return before.id;
    }
    const { id } = issued.license;
    if (email !== null) {
      const effectKey = `license:${id}:issued`;
      await notifications.notify(transaction, {
        template: 'license-issued',
        to: email,
        data: { licenseId: id },
        effectKey,
      });
    }
    return id;
  }
}
