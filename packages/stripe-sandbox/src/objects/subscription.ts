import type { List } from '../json.ts';
import type { Metadata, Self } from './parts.ts';
import type { Plan, Price } from './price.ts';
import type { TaxRate } from './tax-rate.ts';

type SubscriptionStatus =
  | 'active'
  | 'canceled'
  | 'incomplete'
  | 'incomplete_expired'
  | 'past_due'
  | 'paused'
  | 'trialing'
  | 'unpaid';

export type SubscriptionItem = {
  id: string;
  object: 'subscription_item';
  billing_thresholds: null;
  created: number;
  current_period_end: number;
  current_period_start: number;
  current_trial: null;
  discounts: string[];
  metadata: Metadata;
  plan: Plan;
  price: Price;
  /** Not there on a metered item: what is used is counted. */
  quantity?: number;
  subscription: string;
  tax_rates: [];
};

/** Whether what is used of the item is counted and billed afterwards. */
export function isMetered({ price }: Pick<SubscriptionItem, 'price'>): boolean {
  return price.recurring?.usage_type === 'metered';
}

/** The quantity of an item; none of a metered one. */
export function quantityOf(item: SubscriptionItem): number {
  return item.quantity ?? 0;
}

type CancellationFeedback =
  | 'customer_service'
  | 'low_quality'
  | 'missing_features'
  | 'other'
  | 'switched_service'
  | 'too_complex'
  | 'too_expensive'
  | 'unused';

export type CancellationDetails = {
  comment: string | null;
  feedback: CancellationFeedback | null;
  feedback_option: null;
  reason: 'canceled_by_retention_policy' | 'cancellation_requested' | 'payment_disputed' | 'payment_failed' | null;
};

export type TrialEndBehavior = 'cancel' | 'create_invoice' | 'pause';

type PauseReason = 'trial_end_without_payment_method';

/** A change that happens once its invoice is paid. */
type PendingUpdate = {
  billing_cycle_anchor: number | null;
  cancel_at_period_end: null;
  discount: null;
  discounts: null;
  expires_at: number;
  metadata: null;
  subscription_items: SubscriptionItem[];
  trial_end: null;
  trial_from_plan: null;
};

export type Subscription = {
  id: string;
  object: 'subscription';
  application: null;
  application_fee_percent: null;
  automatic_tax: { disabled_reason: null; enabled: boolean; liability: Self | null };
  billing_cycle_anchor: number;
  billing_cycle_anchor_config: null;
  billing_mode: { flexible: { proration_discounts: 'included' } | null; type: 'classic' | 'flexible' };
  billing_schedules: [];
  billing_thresholds: null;
  cancel_at: number | null;
  cancel_at_period_end: boolean;
  canceled_at: number | null;
  cancellation_details: CancellationDetails;
  collection_method: 'charge_automatically' | 'send_invoice';
  created: number;
  currency: string;
  customer: string;
  customer_account: null;
  days_until_due: number | null;
  default_payment_method: string | null;
  default_source: null;
  default_tax_rates: TaxRate[];
  description: string | null;
  discounts: string[];
  ended_at: number | null;
  invoice_settings: {
    account_tax_ids: null;
    custom_fields: null;
    description: null;
    footer: null;
    issuer: Self;
  };
  items: List<SubscriptionItem>;
  latest_invoice: string | null;
  livemode: false;
  managed_payments: { enabled: false };
  metadata: Metadata;
  next_pending_invoice_item_invoice: null;
  on_behalf_of: null;
  pause_collection: { behavior: 'keep_as_draft' | 'mark_uncollectible' | 'void'; resumes_at: number | null } | null;
  payment_settings: {
    payment_method_options: null;
    payment_method_types: 'card'[] | null;
    save_default_payment_method: 'off' | 'on_subscription';
  };
  pending_invoice_item_interval: null;
  pending_setup_intent: string | null;
  pending_update: PendingUpdate | null;
  schedule: string | null;
  start_date: number;
  status: SubscriptionStatus;
  status_details?: {
    paused: { subscription: { type: PauseReason }; transitioned_at: number; type: 'subscription' };
  };
  test_clock: string | null;
  transfer_data: null;
  trial_end: number | null;
  trial_settings: { end_behavior: { billing_cycle_anchor: null; missing_payment_method: TrialEndBehavior } };
  trial_start: number | null;
};

export function isEnded(subscription: Subscription): boolean {
  return subscription.status === 'canceled' || subscription.status === 'incomplete_expired';
}
