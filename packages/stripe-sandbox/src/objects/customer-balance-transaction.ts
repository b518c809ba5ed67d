import type { Metadata } from './parts.ts';

export type CustomerBalanceTransaction = {
  id: string;
  object: 'customer_balance_transaction';
  /** Negative is credit for the customer. */
  amount: number;
  checkout_session: null;
  created: number;
  credit_note: string | null;
  currency: string;
  customer: string;
  customer_account: null;
  description: string | null;
  ending_balance: number;
  invoice: string | null;
  livemode: false;
  metadata: Metadata;
  type: 'adjustment' | 'applied_to_invoice' | 'credit_note' | 'unapplied_from_invoice';
};
