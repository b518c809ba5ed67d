import type { Json } from '../json.ts';
import type { Address, Metadata, Self } from './parts.ts';
import type { Price } from './price.ts';

export type CustomerDetails = {
  address: Address | null;
  business_name: null;
  email: string | null;
  individual_name: null;
  name: string | null;
  phone: string | null;
  tax_exempt: 'exempt' | 'none' | 'reverse';
  tax_ids: [];
};

export type CheckoutLine = {
  id: string;
  object: 'item';
  adjustable_quantity: null;
  amount_discount: number;
  amount_subtotal: number;
  amount_tax: number;
  amount_total: number;
  currency: string;
  description: string;
  metadata: Metadata;
  price: Price;
  /** Null where it is metered. */
  quantity: number | null;
};

type InvoiceCreation = {
  enabled: false;
  invoice_data: {
    account_tax_ids: null;
    custom_fields: null;
    description: null;
    footer: null;
    issuer: null;
    metadata: Metadata;
    rendering_options: null;
  };
};

export type CheckoutSession = {
  id: string;
  object: 'checkout.session';
  adaptive_pricing: { enabled: boolean } | null;
  after_expiration: null;
  allow_promotion_codes: boolean | null;
  allowed_payment_method_types: string[] | null;
  /** Null, as is the total, where a card is saved and nothing sold. */
  amount_subtotal: number | null;
  amount_total: number | null;
  automatic_tax: {
    enabled: boolean;
    liability: Self | null;
    provider: 'stripe' | null;
    status: 'complete' | 'requires_location_inputs' | null;
  };
  billing_address_collection: 'auto' | 'required' | null;
  cancel_url: string | null;
  client_reference_id: string | null;
  client_secret: null;
  collected_information: {
    business_name: null;
    individual_name: null;
    shipping_details: null;
  } | null;
  consent: null;
  consent_collection: null;
  created: number;
  currency: string | null;
  currency_conversion: null;
  custom_fields: [];
  custom_text: { after_submit: null; shipping_address: null; submit: null; terms_of_service_acceptance: null };
  customer: string | null;
  customer_account: null;
  customer_creation: 'always' | 'if_required' | null;
  customer_details: CustomerDetails | null;
  customer_email: string | null;
  discounts: { coupon: string | null; promotion_code: string | null }[] | null;
  expires_at: number;
  integration_identifier: string | null;
  invoice: string | null;
  invoice_creation: InvoiceCreation | null;
  livemode: false;
  locale: string | null;
  managed_payments: { enabled: false } | null;
  metadata: Metadata;
  mode: 'payment' | 'setup' | 'subscription';
  origin_context: null;
  payment_intent: string | null;
  payment_link: null;
  payment_method_collection: 'always' | 'if_required' | null;
  payment_method_configuration_details: null;
  payment_method_options: { card: { request_three_d_secure: 'automatic' } };
  payment_method_types: 'card'[];
  payment_status: 'no_payment_required' | 'paid' | 'unpaid';
  permissions: null;
  phone_number_collection: { enabled: boolean };
  recovered_from: null;
  saved_payment_method_options: Json;
  setup_intent: string | null;
  shipping_address_collection: null;
  shipping_cost: null;
  shipping_options: [];
  status: 'complete' | 'expired' | 'open';
  submit_type: 'auto' | 'book' | 'donate' | 'pay' | 'subscribe' | null;
  subscription: string | null;
  success_url: string;
  total_details: { amount_discount: number; amount_shipping: number; amount_tax: number } | null;
  ui_mode: 'hosted_page';
  url: string | null;
  wallet_options: null;
};

/** The money of a session that sells something. */
export function saleOf(session: CheckoutSession): { currency: string; subtotal: number; total: number; off: number } {
  const { amount_subtotal: subtotal, amount_total: total, currency, total_details: details } = session;
  if (currency === null || subtotal === null || total === null) throw new Error(`${session.id} sells nothing`);
  return { currency, subtotal, total, off: details?.amount_discount ?? 0 };
}
