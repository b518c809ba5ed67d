import type { Product } from '@latchkey/core';
import type { Audit } from '../../modules/audit/index.ts';
import type { CustomerService, CustomersAtStripe } from '../../modules/customers/index.ts';
import type { EntitlementService } from '../../modules/entitlements/index.ts';
import type { LicenseReader, LicenseService, ReactivationDesk } from '../../modules/licenses/index.ts';
import type { NewSubscriptions } from '../../modules/subscriptions/index.ts';

/** A path at which Stripe may deliver, and what it answers there. */
interface StripeDeliveries {
  path: string;
  answers: { contentType: string; stored: string; invalidSignature: string; invalidPayload: string };
  signatureHeaders: readonly string[];
  summary: string;
}

/** The little of the house that this dialect needs. */
export interface House {
  product: Product;
  config: { stripe: { publishableKey: string | null } };
  audit: Pick<Audit, 'record'>;
  customers: CustomerService;
  customersAtStripe: Pick<CustomersAtStripe, 'ensure'>;
  licenses: Pick<LicenseService, 'issue' | 'issueOnce' | 'activate'>;
  licenseReader: LicenseReader;
  entitlements: Pick<EntitlementService, 'read'>;
  reactivationDesk: Pick<ReactivationDesk, 'approve'>;
  newSubscriptions: NewSubscriptions;
  webhook(route: StripeDeliveries): void;
}
