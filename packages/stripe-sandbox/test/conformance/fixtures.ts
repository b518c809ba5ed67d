import type Stripe from 'stripe';

// The compiler holds these against the SDK's types, so that the generated schemas can be held against these.

/** Decimals are objects in the SDK and strings on the wire. */
type OnTheWire<T extends { unit_amount_decimal: unknown }> = Omit<T, 'unit_amount_decimal'> & {
  unit_amount_decimal: string | null;
};

export const price: OnTheWire<Stripe.Price> = {
  id: 'price_1',
  object: 'price',
  active: true,
  billing_scheme: 'per_unit',
  created: 1_760_000_000,
  currency: 'usd',
  custom_unit_amount: null,
  livemode: false,
  lookup_key: null,
  metadata: { plan: 'license' },
  nickname: null,
  product: 'prod_1',
  recurring: { interval: 'month', interval_count: 1, meter: null, trial_period_days: null, usage_type: 'licensed' },
  tax_behavior: 'unspecified',
  tiers_mode: null,
  transform_quantity: null,
  type: 'recurring',
  unit_amount: 2_500,
  unit_amount_decimal: '2500',
};

export const customer: Stripe.Customer = {
  id: 'cus_1',
  object: 'customer',
  address: null,
  balance: 0,
  created: 1_760_000_000,
  currency: null,
  default_source: null,
  delinquent: false,
  description: null,
  discount: null,
  email: 'ada@example.com',
  invoice_prefix: 'ABCD1234',
  invoice_settings: { custom_fields: null, default_payment_method: null, footer: null, rendering_options: null },
  livemode: false,
  metadata: {},
  name: 'Ada',
  next_invoice_sequence: 1,
  phone: null,
  preferred_locales: [],
  shipping: null,
  tax_exempt: 'none',
  test_clock: null,
};

export const deletedCustomer: Stripe.DeletedCustomer = { id: 'cus_1', object: 'customer', deleted: true };

export const customerUpdated: Stripe.CustomerUpdatedEvent = {
  id: 'evt_1',
  object: 'event',
  api_version: '2026-10-28.endive',
  created: 1_760_000_000,
  data: {
    object: customer,
    previous_attributes: { name: null, metadata: {} },
  },
  livemode: false,
  pending_webhooks: 1,
  request: { id: 'req_1', idempotency_key: null },
  type: 'customer.updated',
};

export const createSubscription: Stripe.SubscriptionCreateParams = {
  customer: 'cus_1',
  items: [{ price: 'price_1', quantity: 1 }],
  expand: ['latest_invoice'],
  metadata: { plan: 'license' },
  payment_behavior: 'default_incomplete',
  trial_end: 'now',
};
