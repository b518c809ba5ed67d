import type { List } from '../json.ts';
import type { DiscountAmount } from './discount.ts';
import type { CreditedLines, InvoiceItem } from './invoice-item.ts';
import type { Address, Metadata, Self, Shipping } from './parts.ts';
import type { TaxAmount, TaxRate } from './tax-rate.ts';

/** What is taken off before tax; discounts are all there is. */
export type PretaxCredit = DiscountAmount & { type: 'discount' };

export type InvoiceLine = {
  id: string;
  object: 'line_item';
  amount: number;
  currency: string;
  description: string | null;
  discount_amounts: DiscountAmount[];
  discountable: boolean;
  discounts: string[];
  invoice: string;
  livemode: false;
  metadata: Metadata;
  parent:
    | {
        invoice_item_details: null;
        subscription_item_details: {
          invoice_item: string | null;
          proration: boolean;
          proration_details: { credited_items: CreditedLines | null };
          subscription: string;
          subscription_item: string;
        };
        type: 'subscription_item_details';
      }
    | {
        invoice_item_details: {
          invoice_item: string;
          proration: boolean;
          proration_details: { credited_items: CreditedLines | null };
          subscription: string | null;
        };
        subscription_item_details: null;
        type: 'invoice_item_details';
      };
  period: { end: number; start: number };
  pretax_credit_amounts: PretaxCredit[];
  pricing: InvoiceItem['pricing'];
  quantity: number;
  quantity_decimal: string;
  subscription: string | null;
  subtotal: number;
  taxes: TaxAmount[];
};

export type BillingReason = 'manual' | 'subscription_create' | 'subscription_cycle' | 'subscription_update';

type InvoiceStatus = 'draft' | 'open' | 'paid' | 'uncollectible' | 'void';

export type Invoice = {
  id: string;
  object: 'invoice';
  account_country: string;
  account_name: string;
  account_tax_ids: null;
  amount_due: number;
  amount_overpaid: number;
  amount_paid: number;
  amount_remaining: number;
  amount_shipping: number;
  application: null;
  attempt_count: number;
  attempted: boolean;
  auto_advance: boolean;
  automatic_tax: {
    disabled_reason: null;
    enabled: boolean;
    liability: Self | null;
    provider: 'stripe' | null;
    status: 'complete' | null;
  };
  automatically_finalizes_at: number | null;
  billing_reason: BillingReason;
  collection_method: 'charge_automatically' | 'send_invoice';
  created: number;
  currency: string;
  custom_fields: null;
  customer: string;
  customer_account: null;
  customer_address: Address | null;
  customer_email: string | null;
  customer_name: string | null;
  customer_phone: string | null;
  customer_shipping: Shipping | null;
  customer_tax_exempt: 'exempt' | 'none' | 'reverse';
  customer_tax_ids: [];
  default_payment_method: string | null;
  default_source: null;
  default_tax_rates: TaxRate[];
  description: string | null;
  discounts: string[];
  due_date: number | null;
  effective_at: number | null;
  ending_balance: number | null;
  footer: string | null;
  from_invoice: null;
  hosted_invoice_url: string | null;
  invoice_pdf: string | null;
  issuer: Self;
  last_finalization_error: null;
  latest_revision: null;
  lines: List<InvoiceLine>;
  livemode: false;
  metadata: Metadata;
  next_payment_attempt: number | null;
  number: string | null;
  on_behalf_of: null;
  parent: {
    quote_details: null;
    subscription_details: { metadata: Metadata; subscription: string };
    type: 'subscription_details';
  } | null;
  payment_settings: { default_mandate: null; payment_method_options: null; payment_method_types: 'card'[] | null };
  period_end: number;
  period_start: number;
  post_payment_credit_notes_amount: number;
  pre_payment_credit_notes_amount: number;
  receipt_number: null;
  rendering: null;
  shipping_cost: null;
  shipping_details: null;
  starting_balance: number;
  statement_descriptor: null;
  status: InvoiceStatus;
  status_transitions: {
    finalized_at: number | null;
    marked_uncollectible_at: number | null;
    paid_at: number | null;
    voided_at: number | null;
  };
  subtotal: number;
  subtotal_excluding_tax: number;
  test_clock: string | null;
  total: number;
  total_discount_amounts: DiscountAmount[];
  total_excluding_tax: number;
  total_pretax_credit_amounts: PretaxCredit[];
  total_taxes: TaxAmount[];
  webhooks_delivered_at: number | null;
};

/** The payment of an invoice: its default payment intent, tried as often as it takes. */
export type InvoicePayment = {
  id: string;
  object: 'invoice_payment';
  amount_paid: number | null;
  amount_requested: number;
  created: number;
  currency: string;
  invoice: string;
  is_default: boolean;
  livemode: false;
  payment: { payment_intent: string; type: 'payment_intent' };
  status: 'canceled' | 'open' | 'paid';
  status_transitions: { canceled_at: number | null; paid_at: number | null };
};

export function subscriptionOf(invoice: Invoice): string | null {
  return invoice.parent?.subscription_details.subscription ?? null;
}
