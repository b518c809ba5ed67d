/** The little that pushing a catalog needs of Stripe. The Stripe client implements it; every call may be repeated. */

import type { Interval } from '@latchkey/core';

export interface StripeCatalogApi {
  /**
   * The product with exactly this id, created when there is none. When it exists (also when another process created it
   * a moment ago: `resource_already_exists`) it is answered as it is, with its name and description as Stripe has them.
   */
  findOrCreateProduct(product: NewStripeProduct): Promise<StripeProductSummary>;
  /** Writes name, description and `active: true`. */
  updateProduct(id: string, changes: { name: string; description: string | null }): Promise<void>;
  /**
   * The price with this lookup key, created when there is none: looks first, active or not, then creates; when Stripe
   * refuses because the lookup key is taken, looks again.
   */
  findOrCreatePrice(price: NewStripePrice): Promise<StripePriceSummary>;
  /** The active meter that counts events of this name, created when there is none; answers its id. Its name stays as it is. */
  findOrCreateMeter(meter: { eventName: string; name: string; idempotencyKey: string }): Promise<string>;
  /** As `findOrCreatePrice`, for what a meter counts. */
  findOrCreateMeteredPrice(price: NewMeteredPrice): Promise<StripePriceSummary>;
  /** Puts a price that was archived on sale again. */
  activatePrice(id: string): Promise<void>;
  /** Null when Stripe does not know it. */
  retrievePrice(id: string): Promise<StripePriceSummary | null>;
}

export interface NewStripeProduct {
  id: string;
  name: string;
  description: string | null;
  metadata: Record<string, string>;
  idempotencyKey: string;
}

export interface StripeProductSummary {
  id: string;
  name: string;
  description: string | null;
  active: boolean;
}

export interface NewStripePrice {
  productId: string;
  lookupKey: string;
  nickname: string;
  amountCents: number;
  currency: string;
  interval: Interval | null;
  intervalCount: number;
  metadata: Record<string, string>;
  idempotencyKey: string;
}

export interface NewMeteredPrice extends Omit<NewStripePrice, 'amountCents' | 'interval'> {
  meterId: string;
  /** Of one unit, in the currency's smallest unit: a decimal with at most 12 places. */
  unitAmount: string;
  interval: Interval;
}

export interface StripePriceSummary {
  id: string;
  productId: string;
  active: boolean;
  lookupKey: string | null;
  /** Null where the price has no single amount (tiers) or one of fractions of the smallest unit. */
  amountCents: number | null;
  currency: string;
  interval: Interval | null;
  intervalCount: number;
}
