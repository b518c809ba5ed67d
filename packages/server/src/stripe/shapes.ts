/**
 * Stripe's objects as the house reads them: today's shape (2026-10-28.endive), only the fields something here relies on,
 * references as ids and never expanded. What arrives is brought to this shape at the edge (see `normalise/`); the rest of
 * an object is kept in the mirror untouched. Enums are open: always have a default branch.
 */

/** A Unix time in whole seconds. */
export type UnixSeconds = number;

export type StripeMetadata = Readonly<Record<string, string>>;

export interface StripeRecurrence {
  readonly interval: string;
  readonly interval_count: number;
  /** `metered`: what is used is counted by a meter and billed afterwards. */
  readonly usage_type?: string;
}

export interface StripePrice {
  readonly id: string;
  readonly object: 'price';
  readonly product: string;
  readonly currency: string;
  readonly unit_amount: number | null;
  readonly recurring: StripeRecurrence | null;
  readonly lookup_key: string | null;
  readonly active: boolean;
  readonly metadata: StripeMetadata;
}

export interface StripeProduct {
  readonly id: string;
  readonly object: 'product';
  readonly name: string;
  readonly active: boolean;
  readonly metadata: StripeMetadata;
}

export interface StripeCustomer {
  readonly id: string;
  readonly object: 'customer';
  readonly email: string | null;
  readonly name: string | null;
  readonly metadata: StripeMetadata;
  readonly created: UnixSeconds;
}

export interface StripeSubscriptionItem {
  readonly id: string;
  readonly price: StripePrice;
  readonly quantity?: number;
  readonly current_period_start: UnixSeconds;
  readonly current_period_end: UnixSeconds;
}

export interface StripeSubscription {
  readonly id: string;
  readonly object: 'subscription';
  readonly status: string;
  readonly customer: string;
  readonly currency: string;
  readonly items: { readonly data: readonly StripeSubscriptionItem[] };
  readonly metadata: StripeMetadata;
  readonly created: UnixSeconds;
  readonly start_date: UnixSeconds;
  readonly trial_start: UnixSeconds | null;
  readonly trial_end: UnixSeconds | null;
  readonly cancel_at: UnixSeconds | null;
  readonly cancel_at_period_end: boolean;
  readonly canceled_at: UnixSeconds | null;
  readonly ended_at: UnixSeconds | null;
  readonly cancellation_details: { readonly reason: string | null } | null;
  readonly latest_invoice: string | null;
  readonly default_payment_method: string | null;
  /** A change that waits for its invoice to be paid. */
  readonly pending_update?: object | null;
  /** What is to become of it by a plan made beforehand. */
  readonly schedule?: string | null;
}

export interface StripeInvoice {
  readonly id: string;
  readonly object: 'invoice';
  readonly status: string | null;
  readonly customer: string | null;
  readonly customer_email: string | null;
  readonly currency: string;
  readonly amount_due: number;
  readonly amount_paid: number;
  readonly amount_remaining: number;
  readonly total: number;
  readonly attempt_count: number;
  readonly next_payment_attempt: UnixSeconds | null;
  readonly billing_reason: string | null;
  readonly parent: {
    readonly type: string;
    readonly subscription_details: {
      readonly subscription: string;
      readonly metadata: StripeMetadata | null;
    } | null;
  } | null;
  readonly lines: { readonly data: readonly StripeInvoiceLine[] };
  readonly period_start: UnixSeconds;
  readonly period_end: UnixSeconds;
  readonly number?: string | null;
  readonly subtotal?: number;
  readonly total_discount_amounts?: readonly { readonly amount: number }[] | null;
  readonly total_taxes?: readonly { readonly amount: number }[] | null;
  readonly due_date?: UnixSeconds | null;
  readonly hosted_invoice_url?: string | null;
  readonly invoice_pdf?: string | null;
  readonly status_transitions: { readonly finalized_at: UnixSeconds | null; readonly paid_at: UnixSeconds | null };
  readonly metadata: StripeMetadata | null;
  readonly created: UnixSeconds;
}

export interface StripeInvoiceLine {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly description?: string | null;
  readonly quantity?: number | null;
  readonly period: { readonly start: UnixSeconds; readonly end: UnixSeconds };
  readonly parent: {
    readonly type: string;
    readonly subscription_item_details: {
      readonly subscription: string | null;
      readonly subscription_item: string;
      readonly proration: boolean;
    } | null;
  } | null;
  readonly pricing: {
    readonly type: string;
    readonly price_details?: { readonly price: string; readonly product: string };
  } | null;
}

export interface StripeCheckoutSession {
  readonly id: string;
  readonly object: 'checkout.session';
  readonly mode: string;
  readonly status: string | null;
  readonly payment_status: string;
  readonly url: string | null;
  readonly customer: string | null;
  readonly customer_details: { readonly email: string | null; readonly name: string | null } | null;
  readonly customer_email: string | null;
  readonly subscription: string | null;
  readonly invoice: string | null;
  readonly payment_intent: string | null;
  readonly client_reference_id: string | null;
  readonly metadata: StripeMetadata | null;
  readonly created: UnixSeconds;
  readonly expires_at: UnixSeconds;
}

export interface StripePaymentIntent {
  readonly id: string;
  readonly object: 'payment_intent';
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
  readonly customer: string | null;
  readonly metadata: StripeMetadata;
  readonly created: UnixSeconds;
}

export interface StripeCharge {
  readonly id: string;
  readonly object: 'charge';
  readonly status: string;
  readonly amount: number;
  readonly amount_refunded: number;
  readonly refunded: boolean;
  readonly disputed: boolean;
  readonly currency: string;
  readonly customer: string | null;
  readonly payment_intent: string | null;
  readonly description?: string | null;
  readonly failure_message?: string | null;
  readonly receipt_url?: string | null;
  readonly payment_method_details?: {
    readonly type: string;
    readonly card?: { readonly brand: string | null; readonly last4: string | null } | null;
  } | null;
  readonly metadata: StripeMetadata;
  readonly created: UnixSeconds;
}

export interface StripeRefund {
  readonly id: string;
  readonly object: 'refund';
  /** `pending`, `requires_action`, `succeeded`, `failed` or `canceled`. */
  readonly status: string | null;
  readonly amount: number;
  readonly currency: string;
  readonly charge: string | null;
  readonly payment_intent: string | null;
  readonly customer?: string | null;
  readonly reason: string | null;
  readonly created: UnixSeconds;
}

export interface StripeDispute {
  readonly id: string;
  readonly object: 'dispute';
  readonly status: string;
  readonly amount: number;
  readonly currency: string;
  readonly charge: string;
  readonly payment_intent: string | null;
  readonly reason: string;
  readonly created: UnixSeconds;
}

/** What ties an invoice to what pays it: only one of the two ids is there. */
export interface StripeInvoicePayment {
  readonly id: string;
  readonly object: 'invoice_payment';
  readonly invoice: string;
  readonly status: string;
  readonly payment: { readonly type: string; readonly payment_intent?: string; readonly charge?: string };
}

/** What is mirrored, by the name it has in `stripe_objects.type`. */
export interface MirroredObjects {
  customer: StripeCustomer;
  subscription: StripeSubscription;
  invoice: StripeInvoice;
  checkout_session: StripeCheckoutSession;
  product: StripeProduct;
  price: StripePrice;
  payment_intent: StripePaymentIntent;
  charge: StripeCharge;
  refund: StripeRefund;
  dispute: StripeDispute;
  invoice_payment: StripeInvoicePayment;
}

export type MirroredType = keyof MirroredObjects;

/** An object of a mirrored type that is not yet known to be of a certain one. */
export interface StripeObject {
  readonly id: string;
  readonly object: string;
  readonly [field: string]: unknown;
}
