import type { Transaction } from '../../db/database.ts';
import type { CustomerService } from '../customers/index.ts';
import type { LicenseService } from '../licenses/index.ts';
import type { Notifications } from '../notifications/index.ts';
import type { SoldElsewhere } from './elsewhere.ts';
import type { CheckoutRow } from './repository.ts';

export interface PurchaseOptions {
  customers: CustomerService;
  licenses: LicenseService;
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

/** Gives what was paid for once, without a subscription: a licence for the plan's own term, and the letter with its key. */
export function createPurchases({ customers, licenses, notifications }: PurchaseOptions) {
  return async function purchased(transaction: Transaction, checkout: CheckoutRow, payer: Payer): Promise<void> {
    const { stripeCustomerId, name, sold = null } = payer;
    const email = payer.email ?? checkout.email;
    const customer = await customers.ensure(
      transaction,
      stripeCustomerId === null ? { email, name } : { stripeCustomerId, email, name },
    );
    const issued = await licenses.issueOnce(transaction, {
      product: checkout.product,
      plan: checkout.plan,
      // The session and not the event: told twice, or by the webhook and the success page, it is one purchase.
      origin: `checkout:${payer.sessionId}`,
      keyCustomer: sold?.user ?? stripeCustomerId ?? customer.id,
      keySubscription: payer.sessionId,
      customerId: customer.id,
      subscriptionId: null,
      ...(sold === null ? {} : { metadata: { ...sold.notes } }),
    });
    if (issued === null || email === null) return;
    await notifications.notify(transaction, {
      template: 'license-issued',
      to: email,
      data: { licenseId: issued.license.id },
      effectKey: `license:${issued.license.id}:issued`,
    });
  };
}
