import type { List } from '../json.ts';
import type { DiscountAmount } from './discount.ts';
import type { PretaxCredit } from './invoice.ts';
import type { Metadata } from './parts.ts';

export type CreditNoteLine = {
  id: string;
  object: 'credit_note_line_item';
  amount: number;
  description: string | null;
  discount_amount: number;
  discount_amounts: DiscountAmount[];
  invoice_line_item?: string;
  livemode: false;
  metadata: Metadata;
  pretax_credit_amounts: PretaxCredit[];
  quantity: number | null;
  tax_rates: [];
  taxes: [];
  type: 'custom_line_item' | 'invoice_line_item';
  unit_amount: number | null;
  unit_amount_decimal: string | null;
};

export const CREDIT_NOTE_REASONS = ['duplicate', 'fraudulent', 'order_change', 'product_unsatisfactory'] as const;

export type CreditNote = {
  id: string;
  object: 'credit_note';
  amount: number;
  amount_shipping: 0;
  created: number;
  currency: string;
  customer: string;
  customer_account: null;
  customer_balance_transaction: string | null;
  discount_amount: number;
  discount_amounts: DiscountAmount[];
  effective_at: number | null;
  invoice: string;
  lines: List<CreditNoteLine>;
  livemode: false;
  memo: string | null;
  metadata: Metadata;
  number: string;
  out_of_band_amount: number | null;
  pdf: string;
  /** What was paid already and is given back: refunded, credited, or settled outside. */
  post_payment_amount: number;
  /** What is no longer owed. */
  pre_payment_amount: number;
  pretax_credit_amounts: PretaxCredit[];
  reason: (typeof CREDIT_NOTE_REASONS)[number] | null;
  refunds: { amount_refunded: number; payment_record_refund: null; refund: string; type: 'refund' }[];
  shipping_cost: null;
  status: 'issued' | 'void';
  subtotal: number;
  subtotal_excluding_tax: number;
  total: number;
  total_excluding_tax: number;
  total_taxes: [];
  type: 'mixed' | 'post_payment' | 'pre_payment';
  voided_at: number | null;
};
