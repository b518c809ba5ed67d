/** Latchkey as a library: run it inside your own program, or use its classes alone. */

export { LatchkeyError } from '@latchkey/core';
export { createLatchkey, type Latchkey } from './library/latchkey.ts';
export { type LicenseData, LicenseManager, type LicenseManagerOptions } from './library/license-manager.ts';
export type { LatchkeyOptions } from './library/options.ts';
export {
  StripePaymentSystem,
  type StripePaymentSystemOptions,
  type VerifiedEvent,
} from './library/stripe-payment-system.ts';
export {
  type SubscriptionData,
  SubscriptionManager,
  type SubscriptionManagerOptions,
} from './library/subscription-manager.ts';
