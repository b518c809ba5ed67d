import type { Metadata, Self } from './parts.ts';

/** A discount that a phase names: one that is there already, or a coupon or a code that the phase redeems. */
export type PhaseDiscount = { coupon: string | null; discount: string | null; promotion_code: string | null };

export type PhaseItem = {
  billing_thresholds: null;
  discounts: [];
  metadata: Metadata;
  plan: string;
  price: string;
  quantity?: number;
  tax_rates: [];
};

export type SchedulePhase = {
  add_invoice_items: [];
  application_fee_percent: null;
  billing_cycle_anchor: 'automatic' | 'phase_start' | null;
  billing_thresholds: null;
  collection_method: null;
  currency: string;
  default_payment_method: string | null;
  default_tax_rates: [];
  description: string | null;
  discounts: PhaseDiscount[];
  end_date: number;
  invoice_settings: null;
  items: PhaseItem[];
  metadata: Metadata;
  on_behalf_of: null;
  proration_behavior: 'always_invoice' | 'create_prorations' | 'none';
  start_date: number;
  transfer_data: null;
  trial_end: number | null;
};

export type ScheduleStatus = 'active' | 'canceled' | 'completed' | 'not_started' | 'released';

export type DefaultSettings = {
  application_fee_percent: null;
  automatic_tax: { disabled_reason: null; enabled: boolean; liability: Self | null };
  billing_cycle_anchor: 'automatic' | 'phase_start';
  billing_thresholds: null;
  collection_method: 'charge_automatically' | 'send_invoice';
  default_payment_method: string | null;
  description: string | null;
  invoice_settings: {
    account_tax_ids: null;
    custom_fields: null;
    days_until_due: number | null;
    description: null;
    footer: null;
    issuer: Self;
  };
  on_behalf_of: null;
  transfer_data: null;
};

/** What a subscription is to become, phase by phase. */
export type SubscriptionSchedule = {
  id: string;
  object: 'subscription_schedule';
  application: null;
  billing_mode: { flexible: { proration_discounts: 'included' } | null; type: 'classic' | 'flexible' };
  canceled_at: number | null;
  completed_at: number | null;
  created: number;
  current_phase: { end_date: number; start_date: number } | null;
  customer: string;
  customer_account: null;
  default_settings: DefaultSettings;
  end_behavior: 'cancel' | 'release';
  livemode: false;
  metadata: Metadata;
  pause_schedules: [];
  phases: SchedulePhase[];
  released_at: number | null;
  released_subscription: string | null;
  status: ScheduleStatus;
  subscription: string | null;
  test_clock: string | null;
};

/** Whether the schedule still has something to do. */
export function isUnderWay(schedule: SubscriptionSchedule): boolean {
  return schedule.status === 'active' || schedule.status === 'not_started';
}
