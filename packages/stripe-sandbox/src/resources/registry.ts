import type { Json } from '../json.ts';
import { accounts } from './account.ts';
import { billingPortalConfigurations } from './billing-portal-configurations.ts';
import { billingPortalSessions } from './billing-portal-sessions.ts';
import { charges } from './charges.ts';
import { checkoutSessions } from './checkout-sessions.ts';
import { coupons } from './coupons.ts';
import { creditNotes } from './credit-notes.ts';
import { customerBalanceTransactions } from './customer-balance-transactions.ts';
import { customers } from './customers.ts';
import { discounts } from './discounts.ts';
import { disputes } from './disputes.ts';
import { events } from './events.ts';
import { invoiceItems } from './invoice-items.ts';
import { invoiceLines } from './invoice-lines.ts';
import { invoicePayments } from './invoice-payments.ts';
import { invoices } from './invoices.ts';
import { meterEvents } from './meter-events.ts';
import { meterEventsV2 } from './meter-events-v2.ts';
import { meters } from './meters.ts';
import { paymentIntents } from './payment-intents.ts';
import { paymentMethods } from './payment-methods.ts';
import { prices } from './prices.ts';
import { products } from './products.ts';
import { promotionCodes } from './promotion-codes.ts';
import { refunds } from './refunds.ts';
import type { Resource } from './resource.ts';
import { setupAttempts } from './setup-attempts.ts';
import { setupIntents } from './setup-intents.ts';
import { subscriptionItems } from './subscription-items.ts';
import { subscriptionSchedules } from './subscription-schedules.ts';
import { subscriptions } from './subscriptions.ts';
import { taxRates } from './tax-rates.ts';
import { testClocks } from './test-clocks.ts';
import { webhookEndpoints } from './webhook-endpoints.ts';

/** Everything the local Stripe serves under `/v1` and `/v2`. */
export const RESOURCES: readonly Resource[] = [
  accounts,
  billingPortalConfigurations,
  billingPortalSessions,
  charges,
  checkoutSessions,
  coupons,
  creditNotes,
  customerBalanceTransactions,
  customers,
  discounts,
  disputes,
  events,
  invoiceItems,
  invoiceLines,
  invoicePayments,
  invoices,
  meterEvents,
  meterEventsV2,
  meters,
  paymentIntents,
  paymentMethods,
  prices,
  products,
  promotionCodes,
  refunds,
  setupAttempts,
  setupIntents,
  subscriptionItems,
  subscriptionSchedules,
  subscriptions,
  taxRates,
  testClocks,
  webhookEndpoints,
];

const BY_OBJECT = new Map(RESOURCES.map((resource) => [resource.object, resource]));

/** The resource whose objects carry this `object` name. */
export function resourceOf(object: Json | undefined): Resource | undefined {
  return typeof object === 'string' ? BY_OBJECT.get(object) : undefined;
}
