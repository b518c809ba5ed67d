import type { Product } from '@latchkey/core';
import type { CustomerService } from '../../modules/customers/index.ts';
import type { LicenseReader } from '../../modules/licenses/index.ts';
import type { PaymentMethodService, Portal } from '../../modules/payments/index.ts';
import type {
  NewSubscriptions,
  PlanChanges,
  RevenueReader,
  SubscriptionService,
} from '../../modules/subscriptions/index.ts';
import type { Usage } from '../../modules/usage/index.ts';
import type { Clock } from '../../ports.ts';

/** What was charged beyond the tiers in a month, which is named by its first day. */
export interface OverageMonth {
  month: string;
  currency: string;
  cents: number;
}

interface StripeDeliveries {
  path: string;
  answers: { contentType: string; stored: string; invalidSignature: string; invalidPayload: string };
  summary: string;
}

/** The little of the house that this dialect needs. */
export interface Context {
  product: Product;
  config: { stripe: { publishableKey: string | null } };
  customers: Pick<CustomerService, 'several'>;
  subscriptions: Pick<SubscriptionService, 'list' | 'cancel' | 'statistics'>;
  newSubscriptions: NewSubscriptions;
  planChanges: PlanChanges;
  paymentMethods: Pick<PaymentMethodService, 'list'>;
  portal: Portal;
  revenue: RevenueReader;
  licenseReader: Pick<LicenseReader, 'list'>;
  /** What final invoices since then charge beyond the tiers, by month. */
  overage: { revenue(since: Date, of: { product: string }): Promise<OverageMonth[]> };
  clock: Pick<Clock, 'now'>;
  usage: Pick<Usage, 'find' | 'limits'>;
  /** Mounts a path at which Stripe may deliver, unless another dialect did. */
  webhook(route: StripeDeliveries): void;
}
