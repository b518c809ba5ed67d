import type { MirroredType, StripeObject } from './shapes.ts';

/** Stripe's `object` field, and the name under which the mirror keeps objects of that kind. */
const typesByObjectName = {
  customer: 'customer',
  subscription: 'subscription',
  invoice: 'invoice',
  'checkout.session': 'checkout_session',
  product: 'product',
  price: 'price',
  payment_intent: 'payment_intent',
  charge: 'charge',
  refund: 'refund',
  dispute: 'dispute',
  invoice_payment: 'invoice_payment',
} as const satisfies Record<string, MirroredType>;

/** The mirror's type for Stripe's `object` field; null for what is not mirrored. */
export function mirroredTypeOf(objectName: unknown): MirroredType | null {
  if (typeof objectName !== 'string' || !Object.hasOwn(typesByObjectName, objectName)) return null;
  return typesByObjectName[objectName as keyof typeof typesByObjectName];
}

/** An object of the mirror by type and id. */
export interface ObjectKey {
  readonly type: MirroredType;
  readonly id: string;
}

/** The key as one text, for maps and locks. */
export function keyText({ type, id }: ObjectKey): string {
  return `${type}:${id}`;
}

/** Whether nothing can follow this state: Stripe took the object away, or the subscription has ended for good. */
export function isFinal(type: MirroredType, object: StripeObject): boolean {
  if (object.deleted === true) return true;
  return type === 'subscription' && (object.status === 'canceled' || object.status === 'incomplete_expired');
}

/**
 * What the object hangs on in the mirror: an invoice on its subscription, what pays an invoice on the invoice, and whatever becomes of
 * a payment on the payment.
 */
export function parentOf(type: MirroredType, object: StripeObject): string | null {
  switch (type) {
    case 'invoice':
      return textOf(recordOf(recordOf(object.parent)?.subscription_details)?.subscription);
    case 'invoice_payment':
      return textOf(object.invoice);
    case 'charge':
    case 'refund':
    case 'dispute':
      return paymentOf(type, object);
    default:
      return null;
  }
}

/** The payment an object is about: Stripe's payment intent, or the charge where there is none; null for what is about no payment. */
export function paymentOf(type: MirroredType, object: StripeObject): string | null {
  switch (type) {
    case 'charge':
      return textOf(object.payment_intent) ?? object.id;
    case 'refund':
    case 'dispute':
      return textOf(object.payment_intent) ?? textOf(object.charge);
    case 'invoice_payment': {
      const payment = recordOf(object.payment);
      return textOf(payment?.payment_intent) ?? textOf(payment?.charge);
    }
    case 'checkout_session':
      return textOf(object.payment_intent);
    default:
      return null;
  }
}

/** Stripe's customer behind an object, if it has one. */
export function customerOf({ type, id }: ObjectKey, object: StripeObject): string | null {
  return type === 'customer' ? id : textOf(object.customer);
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : null;
}

function textOf(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}
