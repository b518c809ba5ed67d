import type { Metadata } from './parts.ts';

export type PortalProration = 'always_invoice' | 'create_prorations' | 'none';

export type PortalFeatures = {
  customer_update: { allowed_updates: ('email' | 'name' | 'phone')[]; enabled: boolean };
  invoice_history: { enabled: boolean };
  payment_method_update: { enabled: boolean; payment_method_configuration: null };
  subscription_cancel: {
    cancellation_reason: { enabled: boolean; feedback_options: null; options: CancellationOption[] };
    enabled: boolean;
    mode: 'at_period_end' | 'immediately';
    proration_behavior: PortalProration;
  };
  subscription_pause: { duration: { interval_options: []; type: 'indefinite' }; enabled: false };
  subscription_update: {
    billing_cycle_anchor: 'now' | 'unchanged' | null;
    default_allowed_updates: 'price'[];
    enabled: boolean;
    proration_behavior: PortalProration;
    schedule_at_period_end: { conditions: [] };
    trial_update_behavior: 'continue_trial' | 'end_trial';
  };
};

export const CANCELLATION_OPTIONS = [
  'customer_service',
  'low_quality',
  'missing_features',
  'other',
  'switched_service',
  'too_complex',
  'too_expensive',
  'unused',
] as const;

export type CancellationOption = (typeof CANCELLATION_OPTIONS)[number];

/** A product whose prices customers may change to; Stripe shows these only when they are expanded. */
export type PortalProduct = {
  adjustable_quantity: { enabled: false; maximum: null; minimum: 1 };
  prices: string[];
  product: string;
};

/** What customers may do on the portal. */
export type PortalConfiguration = {
  id: string;
  object: 'billing_portal.configuration';
  active: boolean;
  application: null;
  business_profile: {
    headline: string | null;
    privacy_policy_url: string | null;
    terms_of_service_url: string | null;
  };
  created: number;
  default_return_url: string | null;
  features: PortalFeatures;
  is_default: boolean;
  livemode: false;
  login_page: { enabled: false; url: null };
  metadata: Metadata;
  name: string | null;
  updated: number;
};

type PortalFlowType =
  | 'customer_update'
  | 'payment_method_update'
  | 'subscription_cancel'
  | 'subscription_update'
  | 'subscription_update_confirm';

/** The one thing a session was opened for. */
export type PortalFlow = {
  after_completion: {
    hosted_confirmation: { custom_message: string | null } | null;
    redirect: { return_url: string } | null;
    type: 'hosted_confirmation' | 'portal_homepage' | 'redirect';
  };
  customer_update: { [none: string]: never } | null;
  subscription_cancel: { retention: null; subscription: string } | null;
  subscription_pause: null;
  subscription_update: { subscription: string } | null;
  subscription_update_confirm: {
    discounts: null;
    items: { id: string; price: string; quantity?: number }[];
    subscription: string;
  } | null;
  type: PortalFlowType;
};

/** A customer's way into the portal, for an hour. */
export type PortalSession = {
  id: string;
  object: 'billing_portal.session';
  configuration: string;
  created: number;
  customer: string;
  customer_account: null;
  flow: PortalFlow | null;
  livemode: false;
  locale: string | null;
  on_behalf_of: null;
  return_url: string | null;
  url: string;
};
