import { newId } from '../ids.ts';
import { isObject } from '../json.ts';
import type { Customer } from '../objects/customer.ts';
import type { PaymentMethod } from '../objects/payment-method.ts';
import {
  CANCELLATION_OPTIONS,
  type PortalConfiguration,
  type PortalFeatures,
  type PortalProduct,
  type PortalSession,
} from '../objects/portal.ts';
import { isEnded, type Subscription } from '../objects/subscription.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';

const SESSION_MS = 3_600_000;

/** A configuration that allows nothing but what is said of it. */
export const NO_FEATURES: PortalFeatures = {
  customer_update: { allowed_updates: [], enabled: false },
  invoice_history: { enabled: false },
  payment_method_update: { enabled: false, payment_method_configuration: null },
  subscription_cancel: {
    cancellation_reason: { enabled: false, feedback_options: null, options: [...CANCELLATION_OPTIONS] },
    enabled: false,
    mode: 'at_period_end',
    proration_behavior: 'none',
  },
  subscription_pause: { duration: { interval_options: [], type: 'indefinite' }, enabled: false },
  subscription_update: {
    billing_cycle_anchor: null,
    default_allowed_updates: [],
    enabled: false,
    proration_behavior: 'none',
    schedule_at_period_end: { conditions: [] },
    trial_update_behavior: 'end_trial',
  },
};

/** What an account has that never configured its portal: all but changes of plan, for which it would have to name products. */
const DEFAULT_FEATURES: PortalFeatures = {
  ...NO_FEATURES,
  customer_update: { allowed_updates: ['email', 'name', 'phone'], enabled: true },
  invoice_history: { enabled: true },
  payment_method_update: { enabled: true, payment_method_configuration: null },
  subscription_cancel: { ...NO_FEATURES.subscription_cancel, enabled: true },
};

export function newConfiguration(work: Work, members: Partial<PortalConfiguration>): PortalConfiguration {
  return {
    id: newId('bpc_'),
    object: 'billing_portal.configuration',
    active: true,
    application: null,
    business_profile: { headline: null, privacy_policy_url: null, terms_of_service_url: null },
    created: work.now,
    default_return_url: null,
    features: NO_FEATURES,
    is_default: false,
    livemode: false,
    login_page: { enabled: false, url: null },
    metadata: {},
    name: null,
    updated: work.now,
    ...members,
  };
}

/** The configuration of sessions that name none; made when it is first needed. */
export function defaultConfiguration(work: Work): PortalConfiguration {
  const [known] = work.select('billing_portal.configuration', [equals('$.is_default', true)]);
  if (known !== undefined) return known;
  const made = newConfiguration(work, { features: DEFAULT_FEATURES, is_default: true });
  return work.insert(made, 'billing_portal.configuration.created', { products: [] });
}

/** The products whose prices a configuration lets customers change to. */
export function portalProducts(work: Work, configuration: string): PortalProduct[] {
  const hidden = work.hidden(configuration);
  return isObject(hidden) ? (hidden.products as PortalProduct[]) : [];
}

/** A session's hour is an hour of the sandbox clock, also for customers on a test clock: nobody waits there. */
export function sessionEnd(work: Work): { expiresAtMs: number } {
  return { expiresAtMs: work.sandboxMs + SESSION_MS };
}

export function isExpired(work: Work, session: PortalSession): boolean {
  const hidden = work.hidden(session.id);
  return !isObject(hidden) || work.sandboxMs >= Number(hidden.expiresAtMs);
}

/** What of the customer's still runs, the latest first. */
export function runningSubscriptions(work: Work, customer: string): Subscription[] {
  const all = work.select('subscription', [equals('$.customer', customer)]);
  return all.filter((subscription) => !isEnded(subscription)).reverse();
}

/** From now on everything of the customer's is paid with it. */
export function makeDefault(work: Work, customer: Customer, paymentMethod: PaymentMethod): void {
  const settings = { ...customer.invoice_settings, default_payment_method: paymentMethod.id };
  work.update(customer, { invoice_settings: settings }, 'customer.updated');
  for (const subscription of runningSubscriptions(work, customer.id)) {
    if (subscription.default_payment_method === null) continue;
    work.update(subscription, { default_payment_method: paymentMethod.id }, 'customer.subscription.updated');
  }
}
