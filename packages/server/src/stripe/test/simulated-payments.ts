import type { StripeObject } from '../shapes.ts';
import type { SimulatedEvent, SimulatedStripe } from './simulated-stripe.ts';
import { subscription } from './simulated-stripe.ts';

const PLAN = { latchkey_product: 'infinite-server26', latchkey_plan: 'license' };
const MONTH_SECONDS = 30 * 86_400;
const START_SECONDS = 1_767_225_600;

/** How Stripe names what pays an invoice: as an object of its own, or, before 2025-03-31, in the invoice. */
export type InvoiceShape = 'today' | 'older';

/** A subscription at a simulated Stripe, and the events of what becomes of its money, in the order in which they happen. */
export function createSimulatedPayments(stripe: SimulatedStripe, name: string, shape: InvoiceShape = 'today') {
  const events: SimulatedEvent[] = [];
  const reference = `sub_${name}`;
  const customer = `cus_of_${reference}`;
  const change = (type: string, object: StripeObject) => void events.push(stripe.change(type, object));
  /** What an object is now, with something changed. */
  const changed = (id: string, more: object): StripeObject => {
    const object = stripe.truth(id);
    if (object === undefined) throw new Error(`There is no ${id}.`);
    return { ...object, ...more };
  };

  function subscribe(): void {
    change('customer.created', { id: customer, object: 'customer', email: `${name}@example.com`, name: 'Ada' });
    change('customer.subscription.created', theSubscription(1));
  }

  function theSubscription(term: number): StripeObject {
    const price = { id: 'price_1', unit_amount: 2_500, recurring: { interval: 'month', interval_count: 1 } };
    const period = {
      current_period_start: START_SECONDS + (term - 1) * MONTH_SECONDS,
      current_period_end: START_SECONDS + term * MONTH_SECONDS,
    };
    return subscription(reference, 'active', {
      items: { data: [{ id: `si_${name}`, price, quantity: 1, ...period }] },
      metadata: PLAN,
      start_date: START_SECONDS,
      cancel_at_period_end: false,
    });
  }

  function charge(id: string, more: object = {}): StripeObject {
    return {
      id: `ch_${id}`,
      object: 'charge',
      status: 'succeeded',
      amount: 2_500,
      amount_refunded: 0,
      refunded: false,
      currency: 'usd',
      customer,
      payment_intent: `pi_${id}`,
      ...more,
    };
  }

  /** Pays for the first month, the second, …; answers the payment's name. */
  function pay(term: number): string {
    const id = `${name}_${term}`;
    const period = { start: START_SECONDS + (term - 1) * MONTH_SECONDS, end: START_SECONDS + term * MONTH_SECONDS };
    const origin = shape === 'older' ? { subscription: reference, payment_intent: `pi_${id}`, paid: true } : {};
    change('charge.succeeded', charge(id));
    if (shape === 'today') {
      change('invoice_payment.paid', {
        id: `inpay_${id}`,
        object: 'invoice_payment',
        invoice: `in_${id}`,
        status: 'paid',
        payment: { type: 'payment_intent', payment_intent: `pi_${id}` },
      });
    }
    change('invoice.paid', {
      id: `in_${id}`,
      object: 'invoice',
      status: 'paid',
      customer,
      currency: 'usd',
      created: period.start,
      attempt_count: 1,
      amount_paid: 2_500,
      amount_remaining: 0,
      lines: { data: [{ id: `il_${id}`, amount: 2_500, period, parent: null }] },
      ...(shape === 'today'
        ? {
            parent: { type: 'subscription_details', subscription_details: { subscription: reference, metadata: null } },
          }
        : origin),
    });
    if (term > 1) change('customer.subscription.updated', theSubscription(term));
    return id;
  }

  function refund(id: string, cents: number, status = 'succeeded'): string {
    const earlier = Number(stripe.truth(`ch_${id}`)?.amount_refunded ?? 0);
    const refundId = `re_${id}_${earlier}`;
    change('refund.created', {
      id: refundId,
      object: 'refund',
      status,
      amount: cents,
      currency: 'usd',
      charge: `ch_${id}`,
      payment_intent: `pi_${id}`,
      customer,
      reason: null,
    });
    const amount_refunded = earlier + cents;
    change('charge.refunded', changed(`ch_${id}`, { amount_refunded, refunded: amount_refunded === 2_500 }));
    return refundId;
  }

  return {
    reference,
    events,
    subscribe,
    pay,
    refund,
    /** Makes time pass at Stripe. */
    wait: (seconds: number) => {
      stripe.nowMs += seconds * 1_000;
    },
    /** The bank sends it back; the charge counts it no more, of which there need not be an event. */
    refundFails(refundId: string, chargeEvent: 'charge.updated' | null = null): void {
      const counted = changed(String(stripe.truth(refundId)?.charge), { amount_refunded: 0, refunded: false });
      if (chargeEvent === null) stripe.change('(no event)', counted);
      else change(chargeEvent, counted);
      change('refund.failed', changed(refundId, { status: 'failed' }));
    },
    refundSucceeds: (refundId: string) => change('refund.updated', changed(refundId, { status: 'succeeded' })),
    dispute(id: string, status = 'needs_response'): string {
      const disputeId = `du_${id}`;
      change('charge.dispute.created', {
        id: disputeId,
        object: 'dispute',
        status,
        amount: 2_500,
        currency: 'usd',
        charge: `ch_${id}`,
        payment_intent: `pi_${id}`,
        reason: 'fraudulent',
      });
      if (!status.startsWith('warning')) change('charge.dispute.funds_withdrawn', changed(disputeId, {}));
      return disputeId;
    },
    disputeTurns: (disputeId: string, status: string, type = 'updated') =>
      change(`charge.dispute.${type}`, changed(disputeId, { status })),
    disputeCloses(disputeId: string, status: 'won' | 'lost' | 'warning_closed'): void {
      change('charge.dispute.closed', changed(disputeId, { status }));
      if (status === 'won') change('charge.dispute.funds_reinstated', changed(disputeId, {}));
    },
  };
}

export type SimulatedPayments = ReturnType<typeof createSimulatedPayments>;
