import type { MirroredType } from './shapes.ts';

/** The events of Stripe that bring an object we mirror, by its type. What else Stripe sends is kept as ignored. */
const BY_TYPE: Readonly<Record<MirroredType, readonly string[]>> = {
  customer: ['customer.created', 'customer.updated', 'customer.deleted'],
  subscription: [
    'customer.subscription.created',
    'customer.subscription.updated',
    'customer.subscription.deleted',
    'customer.subscription.paused',
    'customer.subscription.resumed',
    'customer.subscription.trial_will_end',
    'customer.subscription.pending_update_applied',
    'customer.subscription.pending_update_expired',
  ],
  invoice: [
    'invoice.created',
    'invoice.updated',
    'invoice.finalized',
    'invoice.finalization_failed',
    'invoice.paid',
    'invoice.payment_succeeded',
    'invoice.payment_failed',
    'invoice.payment_action_required',
    'invoice.marked_uncollectible',
    'invoice.voided',
    'invoice.overdue',
    'invoice.sent',
    'invoice.deleted',
  ],
  invoice_payment: ['invoice_payment.paid'],
  checkout_session: [
    'checkout.session.completed',
    'checkout.session.expired',
    'checkout.session.async_payment_succeeded',
    'checkout.session.async_payment_failed',
  ],
  product: ['product.created', 'product.updated', 'product.deleted'],
  price: ['price.created', 'price.updated', 'price.deleted'],
  payment_intent: [
    'payment_intent.created',
    'payment_intent.processing',
    'payment_intent.requires_action',
    'payment_intent.succeeded',
    'payment_intent.payment_failed',
    'payment_intent.canceled',
  ],
  charge: [
    'charge.succeeded',
    'charge.pending',
    'charge.failed',
    'charge.updated',
    'charge.captured',
    'charge.expired',
    'charge.refunded',
  ],
  refund: ['refund.created', 'refund.updated', 'refund.failed'],
  dispute: [
    'charge.dispute.created',
    'charge.dispute.updated',
    'charge.dispute.closed',
    'charge.dispute.funds_withdrawn',
    'charge.dispute.funds_reinstated',
  ],
};

/** Every event the house does something with: what its webhook endpoint listens to. */
export const HANDLED_EVENTS: readonly string[] = Object.values(BY_TYPE).flat();
