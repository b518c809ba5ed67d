import type { Metadata } from './parts.ts';

/** The lines that were billed before and are given back. */
export type CreditedLines = { invoice: string; invoice_line_items: string[] };

export type InvoiceItem = {
  id: string;
  object: 'invoiceitem';
  amount: number;
  currency: string;
  customer: string;
  customer_account: null;
  date: number;
  description: string | null;
  discountable: boolean;
  discounts: [];
  /** Null while it is pending: the next invoice takes it up. */
  invoice: string | null;
  livemode: false;
  metadata: Metadata;
  net_amount: number;
  parent: {
    subscription_details: { subscription: string; subscription_item?: string };
    type: 'subscription_details';
  } | null;
  period: { end: number; start: number };
  pricing: {
    price_details?: { price: string; product: string };
    type: 'price_details';
    /** Null where a tiered price has no single amount. */
    unit_amount_decimal: string | null;
  } | null;
  proration: boolean;
  proration_details?: {
    credited_items: { invoice_line_item_details: CreditedLines; type: 'invoice_line_items' } | null;
    discount_amounts: [];
  };
  quantity: number;
  quantity_decimal: string;
  tax_rates: [];
  test_clock: string | null;
};
