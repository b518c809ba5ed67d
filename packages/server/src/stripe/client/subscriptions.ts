import { LatchkeyError } from '@latchkey/core';
import type Stripe from 'stripe';
import type { FetchedObject } from '../project.ts';
import type { Calls } from './calls.ts';
import { plain } from './fetched.ts';

export interface NewSubscription {
  customerId: string;
  priceId: string;
  quantity?: number;
  /** Prices of what is counted and billed beside it. */
  meteredPriceIds?: readonly string[];
  /** Without one, and without a default of the customer's, the subscription waits for its first payment. */
  paymentMethodId?: string;
  trialDays?: number;
  discount?: { coupon: string } | { promotionCode: string };
  metadata: Record<string, string>;
}

/** Another price or quantity for the item that a subscription is of. */
export interface ItemChange {
  itemId: string;
  priceId: string;
  quantity: number;
  proration: 'always_invoice' | 'create_prorations' | 'none';
  /** As of when time is given back and charged; null where the proration is none. */
  prorationDate: number | null;
  /** What becomes of the metered items beside it. */
  metered?: { readonly adds: readonly string[]; readonly removes: readonly string[] };
}

/** The same at the end of the period. */
export interface ScheduledChange {
  priceId: string;
  quantity: number;
  /** Prices of what is counted and billed beside it from then on. */
  meteredPriceIds?: readonly string[];
  interval: 'day' | 'week' | 'month' | 'year';
  intervalCount: number;
}

export interface StripeSubscriptions {
  createSubscription(subscription: NewSubscription, idempotencyKey: string): Promise<FetchedObject>;
  updateSubscription(
    id: string,
    changes: { cancelAtPeriodEnd?: boolean; metadata?: Record<string, string> },
    idempotencyKey: string,
  ): Promise<FetchedObject>;
  /**
   * Changes it now. `stripe_declined` when what is due for that cannot be paid: then nothing has changed. Where the bank asks for the
   * customer, the change waits until they have answered, as the `pending_update` of what is answered.
   */
  changeSubscriptionItem(id: string, change: ItemChange, idempotencyKey: string): Promise<FetchedObject>;
  /** The invoice of exactly that change, of now or, where it makes none now, the next one; null when there is none to come. */
  previewItemChange(id: string, change: ItemChange): Promise<object | null>;
  /** Has it changed when its period ends, by a schedule that lets go of it then. Answers the schedule's id. */
  scheduleItemChange(id: string, change: ScheduledChange, idempotencyKey: string): Promise<string>;
  /** Lets go of a subscription, which stays as it is; nothing happens when the schedule has done so already. */
  releaseSchedule(scheduleId: string, idempotencyKey: string): Promise<void>;
  cancelSubscription(id: string, idempotencyKey: string): Promise<FetchedObject>;
  /** How an invoice stands with being paid; null when nothing is to be. */
  paymentOfInvoice(invoice: string): Promise<InvoicePaymentState | null>;
}

export interface InvoicePaymentState {
  /** Of the payment intent. */
  status: string;
  /** With which a page has the customer pay. */
  clientSecret: string | null;
  declined: { code: string | null; message: string | null } | null;
}

export function subscriptionCalls({ sdk, call, timed }: Calls): StripeSubscriptions {
  return {
    createSubscription: (subscription, idempotencyKey) =>
      timed('subscriptions.create', () => sdk.subscriptions.create(creationOf(subscription), { idempotencyKey })),

    updateSubscription: (id, { cancelAtPeriodEnd, metadata }, idempotencyKey) =>
      timed('subscriptions.update', () =>
        sdk.subscriptions.update(
          id,
          {
            ...(cancelAtPeriodEnd === undefined ? {} : { cancel_at_period_end: cancelAtPeriodEnd }),
            ...(metadata === undefined ? {} : { metadata }),
          },
          { idempotencyKey },
        ),
      ),

    async changeSubscriptionItem(id, change, idempotencyKey) {
      const update = (behavior: 'error_if_incomplete' | 'pending_if_incomplete', key: string) =>
        timed('subscriptions.change', () =>
          sdk.subscriptions.update(id, { ...changeOf(change), payment_behavior: behavior }, { idempotencyKey: key }),
        );
      try {
        return await update('error_if_incomplete', idempotencyKey);
      } catch (error) {
        if (!asksForCustomer(error)) throw error;
        return update('pending_if_incomplete', `${idempotencyKey}:pending`);
      }
    },

    async previewItemChange(id, change) {
      const preview = await call('invoices.create_preview', () =>
        sdk.invoices
          .createPreview({ subscription: id, subscription_details: changeOf(change) })
          .catch(noneIfNothingIsToCome),
      );
      return preview === null ? null : plain(preview);
    },

    async scheduleItemChange(id, { priceId, quantity, meteredPriceIds = [], interval, intervalCount }, idempotencyKey) {
      const schedule = await call('subscription_schedules.create', () =>
        sdk.subscriptionSchedules.create({ from_subscription: id }, { idempotencyKey }),
      );
      const [current] = schedule.phases;
      if (current === undefined) return schedule.id;
      const discounts = discountsOf(current);
      const phases: Stripe.SubscriptionScheduleUpdateParams.Phase[] = [
        {
          items: current.items.map((item) => ({
            price: idOf(item.price),
            ...(item.quantity === undefined ? {} : { quantity: item.quantity }),
          })),
          start_date: current.start_date,
          end_date: current.end_date,
          discounts,
        },
        {
          items: [{ price: priceId, quantity }, ...meteredPriceIds.map((price) => ({ price }))],
          duration: { interval, interval_count: intervalCount },
          proration_behavior: 'none',
          discounts,
        },
      ];
      await call('subscription_schedules.update', () =>
        sdk.subscriptionSchedules.update(
          schedule.id,
          { end_behavior: 'release', proration_behavior: 'none', phases },
          { idempotencyKey: `${idempotencyKey}:phases` },
        ),
      );
      return schedule.id;
    },

    async releaseSchedule(scheduleId, idempotencyKey) {
      const { status } = await call('subscription_schedules.retrieve', () =>
        sdk.subscriptionSchedules.retrieve(scheduleId),
      );
      if (status !== 'active' && status !== 'not_started') return;
      await call('subscription_schedules.release', () =>
        sdk.subscriptionSchedules.release(scheduleId, {}, { idempotencyKey }),
      );
    },

    cancelSubscription: (id, idempotencyKey) =>
      timed('subscriptions.cancel', () => sdk.subscriptions.cancel(id, {}, { idempotencyKey })),

    async paymentOfInvoice(invoice) {
      const { data } = await call('invoice_payments.list', () =>
        sdk.invoicePayments.list({ invoice, expand: ['data.payment.payment_intent'] }),
      );
      const intents = data.map(({ payment }) => payment.payment_intent);
      const intent = intents.find((one): one is Stripe.PaymentIntent => typeof one === 'object');
      if (intent === undefined) return null;
      const { status, client_secret: clientSecret, last_payment_error: error } = intent;
      const declined =
        error === null ? null : { code: error.decline_code ?? error.code ?? null, message: error.message ?? null };
      return { status, clientSecret, declined };
    },
  };
}

function creationOf(subscription: NewSubscription): Stripe.SubscriptionCreateParams {
  const { customerId, priceId, quantity, paymentMethodId, trialDays, discount, metadata } = subscription;
  const { meteredPriceIds = [] } = subscription;
  return {
    customer: customerId,
    items: [
      { price: priceId, ...(quantity === undefined ? {} : { quantity }) },
      ...meteredPriceIds.map((price) => ({ price })),
    ],
    metadata,
    payment_behavior: paymentMethodId === undefined ? 'default_incomplete' : 'allow_incomplete',
    ...(paymentMethodId === undefined ? {} : { default_payment_method: paymentMethodId }),
    ...(trialDays === undefined || trialDays === 0 ? {} : { trial_period_days: trialDays }),
    ...(discount === undefined
      ? {}
      : {
          discounts: ['coupon' in discount ? { coupon: discount.coupon } : { promotion_code: discount.promotionCode }],
        }),
  };
}

/** What is sent to change a subscription, and to be shown what that would cost: the same. */
function changeOf({ itemId, priceId, quantity, proration, prorationDate, metered }: ItemChange) {
  return {
    items: [
      { id: itemId, price: priceId, quantity },
      ...(metered?.adds ?? []).map((price) => ({ price })),
      ...(metered?.removes ?? []).map((id) => ({ id, deleted: true })),
    ],
    proration_behavior: proration,
    ...(prorationDate === null ? {} : { proration_date: prorationDate }),
  };
}

function discountsOf({
  discounts,
}: Stripe.SubscriptionSchedule.Phase): Stripe.SubscriptionScheduleUpdateParams.Phase.Discount[] {
  return discounts.flatMap(
    ({ discount, coupon, promotion_code: promotionCode }): Stripe.SubscriptionScheduleUpdateParams.Phase.Discount[] => {
      if (discount !== null) return [{ discount: idOf(discount) }];
      if (promotionCode !== null) return [{ promotion_code: idOf(promotionCode) }];
      return coupon === null ? [] : [{ coupon: idOf(coupon) }];
    },
  );
}

function idOf(reference: string | { id: string }): string {
  return typeof reference === 'string' ? reference : reference.id;
}

/** The bank said neither yes nor no: it wants to hear from the customer. */
function asksForCustomer(error: unknown): boolean {
  if (!(error instanceof LatchkeyError) || error.code !== 'stripe_declined') return false;
  const code = error.meta?.decline_code;
  return code === 'authentication_required' || code === 'subscription_payment_intent_requires_action';
}

/** A subscription that is about to end has no next invoice: an answer, null. */
function noneIfNothingIsToCome(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'invoice_upcoming_none') return null;
  throw error;
}
