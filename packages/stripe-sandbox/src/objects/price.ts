import type { Interval, Metadata } from './parts.ts';

export type Recurring = {
  interval: Interval;
  interval_count: number;
  /** The meter that counts what is used; null where nothing is counted. */
  meter: string | null;
  trial_period_days: number | null;
  usage_type: 'licensed' | 'metered';
};

/** Before it is priced, a quantity is divided by this: sold by the dozen, by the started hour. */
export type TransformQuantity = { divide_by: number; round: 'down' | 'up' };

/** A step of a tiered price; the last one, without an end, has null. */
export type Tier = {
  flat_amount: number | null;
  flat_amount_decimal: string | null;
  unit_amount: number | null;
  unit_amount_decimal: string | null;
  up_to: number | null;
};

export type Price = {
  id: string;
  object: 'price';
  active: boolean;
  billing_scheme: 'per_unit' | 'tiered';
  created: number;
  currency: string;
  custom_unit_amount: null;
  livemode: false;
  lookup_key: string | null;
  metadata: Metadata;
  nickname: string | null;
  product: string;
  recurring: Recurring | null;
  tax_behavior: 'exclusive' | 'inclusive' | 'unspecified';
  tiers_mode: 'graduated' | 'volume' | null;
  transform_quantity: TransformQuantity | null;
  type: 'one_time' | 'recurring';
  /** Null when the amount is not whole cents, which the decimal then holds, and where the tiers have the amounts. */
  unit_amount: number | null;
  unit_amount_decimal: string | null;
};

/** The older form of a recurring price, still shown on subscription items. */
export type Plan = {
  id: string;
  object: 'plan';
  active: boolean;
  amount: number | null;
  amount_decimal: string | null;
  billing_scheme: Price['billing_scheme'];
  created: number;
  currency: string;
  interval: Interval;
  interval_count: number;
  livemode: false;
  metadata: Metadata;
  meter: string | null;
  nickname: string | null;
  product: string;
  tiers_mode: Price['tiers_mode'];
  transform_usage: TransformQuantity | null;
  trial_period_days: number | null;
  usage_type: Recurring['usage_type'];
};

export function planOf(price: Price, recurring: Recurring): Plan {
  return {
    id: price.id,
    object: 'plan',
    active: price.active,
    amount: price.unit_amount,
    amount_decimal: price.unit_amount_decimal,
    billing_scheme: price.billing_scheme,
    created: price.created,
    currency: price.currency,
    interval: recurring.interval,
    interval_count: recurring.interval_count,
    livemode: false,
    metadata: price.metadata,
    meter: recurring.meter,
    nickname: price.nickname,
    product: price.product,
    tiers_mode: price.tiers_mode,
    transform_usage: price.transform_quantity,
    trial_period_days: recurring.trial_period_days,
    usage_type: recurring.usage_type,
  };
}
