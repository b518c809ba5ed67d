/** Pieces that several of Stripe's objects share. */

export type Metadata = { [key: string]: string };

export type Address = {
  city: string | null;
  country: string | null;
  line1: string | null;
  line2: string | null;
  postal_code: string | null;
  state: string | null;
};

export type Shipping = { address: Address; name: string; phone: string | null };

export type PaymentShipping = Shipping & { carrier: string | null; tracking_number: string | null };

export type BillingDetails = {
  address: Address | null;
  email: string | null;
  name: string | null;
  phone: string | null;
  tax_id: string | null;
};

const NO_ADDRESS: Address = {
  city: null,
  country: null,
  line1: null,
  line2: null,
  postal_code: null,
  state: null,
};

export const NO_BILLING_DETAILS: BillingDetails = {
  address: NO_ADDRESS,
  email: null,
  name: null,
  phone: null,
  tax_id: null,
};

export type DeletedObject<Name extends string> = { id: string; object: Name; deleted: true };

export type Interval = 'day' | 'week' | 'month' | 'year';
export const INTERVALS = ['day', 'week', 'month', 'year'] as const;

/** What Stripe calls "self": nobody but the one account is liable or issues. */
export type Self = { type: 'self' };
