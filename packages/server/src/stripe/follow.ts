import type { Catalog, InvoiceFacts } from '@latchkey/core';
import { findOffer } from '@latchkey/core';
import type { Connection, Transaction } from '../db/database.ts';
import type { CustomerService } from '../modules/customers/index.ts';
import type { CheckoutService } from '../modules/payments/index.ts';
import type {
  ReadSource,
  SourceInvoice,
  SourceSubscription,
  SubscriptionService,
} from '../modules/subscriptions/index.ts';
import { PENDING_CHANGE } from '../modules/subscriptions/index.ts';
import { isMetered, ownItem } from './metered-items.ts';
import { instant, paysUntil } from './paid-time.ts';
import type { ProjectionHandlers } from './projection-handlers.ts';
import type { SalesElsewhere } from './sales-elsewhere.ts';
import type { StripeInvoice, StripeSubscription } from './shapes.ts';
import type { TakenBack } from './taken-back.ts';

/** What the mirror and the catalog's memory of prices are asked. */
export interface FollowSources {
  subscription(connection: Connection, id: string): Promise<StripeSubscription | null>;
  /** Every mirrored invoice of the subscription. */
  invoicesOf(connection: Connection, subscriptionId: string): Promise<StripeInvoice[]>;
  /** What a Stripe price sells, as `catalog push` remembers it. */
  planOfPrice(connection: Connection, priceId: string): Promise<{ product: string; plan: string } | null>;
  /** What is recognised of subscriptions that the vendor began at Stripe themselves. */
  sales?: Pick<SalesElsewhere, 'ofSubscription'>;
}

/** Tells the modules of mirrored changes, in the transaction of the change. */
export function createProjectionHandlers({
  subscriptions,
  customers,
  checkouts,
  takenBack,
  sales,
}: {
  subscriptions: () => SubscriptionService;
  customers: CustomerService;
  checkouts: () => CheckoutService;
  takenBack: Pick<TakenBack, 'ofSubscription' | 'ofCheckout'>;
  sales?: SalesElsewhere;
}): ProjectionHandlers {
  /** What was followed in a transaction: whoever is told of a change sees all that it writes, so once is enough for all of them. */
  const followed = new WeakMap<Transaction, Set<string>>();

  async function follow(transaction: Transaction, reference: string): Promise<void> {
    await takenBack.ofSubscription(transaction, await subscriptions().follow(transaction, reference));
  }

  async function followOnce(transaction: Transaction, reference: string): Promise<void> {
    const references = followed.get(transaction) ?? new Set();
    followed.set(transaction, references);
    if (references.has(reference)) return;
    references.add(reference);
    await follow(transaction, reference);
  }

  return {
    async subscription(transaction, { object }) {
      await followOnce(transaction, object.id);
    },
    async invoice(transaction, { object }) {
      const reference = object.parent?.subscription_details?.subscription;
      if (reference != null) await followOnce(transaction, reference);
    },
    async checkout_session(transaction, { object }) {
      const { id, mode, status, payment_status, subscription, customer, customer_details, customer_email, metadata } =
        object;
      const email = customer_details?.email ?? customer_email ?? null;
      const sold = sales?.ofSession(object) ?? null;
      await checkouts().followSession(transaction, {
        id,
        checkoutId: metadata?.latchkey_checkout ?? null,
        mode,
        status,
        isPaid: payment_status === 'paid' || payment_status === 'no_payment_required',
        subscription,
        paymentIntent: object.payment_intent,
        stripeCustomerId: customer,
        email,
        name: customer_details?.name ?? null,
        sold,
      });
      await takenBack.ofCheckout(transaction, object.payment_intent);
      if (status !== 'complete' || customer === null || email === null) return;
      // The session says who paid, also when nothing else of the customer was heard yet.
      await customers.ensure(transaction, { stripeCustomerId: customer, email, name: customer_details?.name ?? null });
      if (subscription === null) return;
      await follow(transaction, subscription);
      if (sold !== null) await sales?.askForSubscription(transaction, subscription);
    },
    async customer(transaction, { object, deleted, previous }) {
      const { id, email, name } = object;
      const customer = await customers.followStripe(transaction, {
        id,
        email: email ?? null,
        name: name ?? null,
        deleted,
        customerId: object.metadata?.latchkey_customer ?? null,
      });
      if (previous?.email === object.email) return;
      // Whoever bought before we knew their address is written to now.
      for (const reference of await subscriptions().referencesOf(transaction, customer.id)) {
        await follow(transaction, reference);
      }
    },
  };
}

/** Reads a subscription of Stripe's from the mirror; null for one that sells nothing of this catalog. */
export function createStripeSource(sources: FollowSources, catalog: Catalog): ReadSource {
  return async (connection, reference) => {
    const subscription = await sources.subscription(connection, reference);
    const item = subscription === null ? undefined : ownItem(subscription);
    if (subscription === null || item === undefined) return null;
    const sold = (await sources.sales?.ofSubscription(connection, subscription)) ?? null;
    const offer = (await sources.planOfPrice(connection, item.price.id)) ?? offerOf(subscription) ?? sold;
    if (offer === null || findOffer(catalog, offer.product, offer.plan) === null) return null;
    const invoices = await sources.invoicesOf(connection, reference);
    const { product, plan } = offer;
    return { ...factsOf(subscription), product, plan, sold, invoices: invoices.map(invoiceOf) };
  };
}

function offerOf(subscription: StripeSubscription): { product: string; plan: string } | null {
  const { latchkey_product: product, latchkey_plan: plan } = subscription.metadata;
  return product === undefined || plan === undefined ? null : { product, plan };
}

function factsOf(subscription: StripeSubscription): Omit<SourceSubscription, 'product' | 'plan' | 'invoices'> {
  const { items } = subscription;
  const item = ownItem(subscription);
  const paidInAdvance = items.data.filter((one) => !isMetered(one));
  const scheduledEnd = subscription.cancel_at_period_end ? item?.current_period_end : null;
  return {
    source: 'stripe',
    reference: subscription.id,
    status: subscription.status,
    startedAt: subscription.start_date * 1000,
    currentPeriodStart: instant(item?.current_period_start),
    currentPeriodEnd: instant(item?.current_period_end),
    trialEnd: instant(subscription.trial_end),
    cancelAt: instant(subscription.cancel_at ?? scheduledEnd),
    canceledAt: instant(subscription.canceled_at),
    endedAt: instant(subscription.ended_at),
    stripeCustomerId: subscription.customer,
    amountCents: paidInAdvance.reduce(
      (sum, { price, quantity }) => sum + (price.unit_amount ?? 0) * (quantity ?? 1),
      0,
    ),
    currency: subscription.currency,
    interval: item?.price.recurring?.interval ?? null,
    intervalCount: item?.price.recurring?.interval_count ?? 1,
    quantity: item?.quantity ?? 1,
    metadata: notesOf(subscription),
  };
}

/** A note of what is planned holds while there is a schedule that does it. */
function notesOf({ metadata, schedule }: StripeSubscription): Record<string, string> {
  const { [PENDING_CHANGE]: planned, ...notes } = metadata;
  return planned === undefined || schedule == null ? notes : { ...notes, [PENDING_CHANGE]: planned };
}

function invoiceOf(invoice: StripeInvoice): SourceInvoice {
  return {
    id: invoice.id,
    status: invoiceStatus(invoice.status),
    created: invoice.created * 1000,
    finalizedAt: instant(invoice.status_transitions?.finalized_at),
    attemptCount: invoice.attempt_count,
    nextAttemptAt: instant(invoice.next_payment_attempt),
    paysUntil: paysUntil(invoice),
    amountDueCents: invoice.amount_remaining,
    paidCents: invoice.amount_paid,
    currency: invoice.currency,
    payUrl: invoice.hosted_invoice_url ?? null,
  };
}

function invoiceStatus(status: string | null): InvoiceFacts['status'] {
  switch (status) {
    case 'open':
    case 'paid':
    case 'uncollectible':
    case 'void':
      return status;
    default:
      return 'draft';
  }
}
