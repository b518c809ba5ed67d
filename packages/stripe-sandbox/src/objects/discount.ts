/** A coupon at work: on a subscription, an invoice or a Checkout Session. */
export type Discount = {
  id: string;
  object: 'discount';
  checkout_session: string | null;
  customer: string | null;
  customer_account: null;
  /** When a repeating coupon stops; null for the others. */
  end: number | null;
  invoice: string | null;
  invoice_item: string | null;
  promotion_code: string | null;
  source: { coupon: string; type: 'coupon' };
  start: number;
  subscription: string | null;
  subscription_item: null;
};

/** What a discount took off an invoice or one of its lines. */
export type DiscountAmount = { amount: number; discount: string };
