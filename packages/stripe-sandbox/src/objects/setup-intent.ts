import type { ThreeDSecureResult } from './charge.ts';
import type { Metadata } from './parts.ts';
import type { NextAction, PaymentError } from './payment-intent.ts';
import type { PaymentMethod } from './payment-method.ts';

export type SetupUsage = 'off_session' | 'on_session';

export type SetupCancellationReason = 'abandoned' | 'duplicate' | 'requested_by_customer';

/** Taking down a card for later, without a payment. */
export type SetupIntent = {
  id: string;
  object: 'setup_intent';
  allowed_payment_method_types: string[] | null;
  application: null;
  automatic_payment_methods: { allow_redirects: 'always' | 'never'; enabled: boolean } | null;
  cancellation_reason: SetupCancellationReason | null;
  client_secret: string;
  created: number;
  customer: string | null;
  customer_account: null;
  description: string | null;
  excluded_payment_method_types: null;
  flow_directions: null;
  last_setup_error: PaymentError | null;
  latest_attempt: string | null;
  livemode: false;
  managed_payments: null;
  mandate: null;
  metadata: Metadata;
  next_action: NextAction | null;
  on_behalf_of: null;
  payment_method: string | null;
  payment_method_configuration_details: null;
  payment_method_options: { card: { mandate_options: null; network: null; request_three_d_secure: 'automatic' } };
  payment_method_types: 'card'[];
  single_use_mandate: null;
  status: 'canceled' | 'requires_action' | 'requires_confirmation' | 'requires_payment_method' | 'succeeded';
  usage: SetupUsage;
};

type AttemptedCard = Pick<
  PaymentMethod['card'],
  'brand' | 'checks' | 'country' | 'exp_month' | 'exp_year' | 'fingerprint' | 'funding' | 'last4'
> & { network: string; three_d_secure: Omit<ThreeDSecureResult, 'exemption_indicator'> | null; wallet: null };

/** One confirmation of a {@link SetupIntent}, as the bank answered it. */
export type SetupAttempt = {
  id: string;
  object: 'setup_attempt';
  application: null;
  created: number;
  customer: string | null;
  customer_account: null;
  flow_directions: null;
  livemode: false;
  on_behalf_of: null;
  payment_method: string;
  payment_method_details: { card: AttemptedCard; type: 'card' };
  setup_error: PaymentError | null;
  setup_intent: string;
  status: 'abandoned' | 'failed' | 'requires_action' | 'succeeded';
  usage: SetupUsage;
};
