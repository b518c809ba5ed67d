import { planOf } from '../objects/price.ts';
import { isMetered, type Subscription, type SubscriptionItem } from '../objects/subscription.ts';
import type { PhaseDiscount, SchedulePhase, SubscriptionSchedule } from '../objects/subscription-schedule.ts';
import type { Work } from '../work.ts';
import {
  type ActiveDiscount,
  activeDiscounts,
  asIfRedeemed,
  type Purchase,
  type Redeemable,
  redeem,
  redeemable,
} from './discounts.ts';
import { scheduleOf } from './schedule-tasks.ts';
import { newItem, type Sold } from './subscription-start.ts';
import { periodOf } from './subscription-tasks.ts';

/** What the phases of a schedule say of the subscription they manage. */

/** The phase in which `at` lies. */
export function phaseAt(schedule: SubscriptionSchedule, at: number): SchedulePhase | undefined {
  return schedule.phases.find((phase) => phase.start_date <= at && at < phase.end_date);
}

/** What a phase sells. */
export function soldIn(work: Work, phase: SchedulePhase): Sold[] {
  return phase.items.map(({ metadata, price, quantity = 0 }) => ({
    metadata,
    price: work.get('price', price),
    quantity,
  }));
}

/** The subscription's items in a phase: one of the same price stays the same item, all others make way for new ones. */
export function itemsIn(work: Work, subscription: Subscription, phase: SchedulePhase): Subscription['items'] {
  const data = soldIn(work, phase).map((sold): SubscriptionItem => {
    const same = subscription.items.data.find((item) => item.price.id === sold.price.id);
    if (same === undefined) return newItem(work, subscription.id, sold, periodOf(subscription));
    const plan = sold.price.recurring === null ? same.plan : planOf(sold.price, sold.price.recurring);
    const quantity = isMetered(sold) ? {} : { quantity: sold.quantity };
    return { ...same, metadata: sold.metadata, plan, price: sold.price, ...quantity };
  });
  return { ...subscription.items, data };
}

function purchaseOf(subscription: Pick<Subscription, 'currency' | 'customer'>): Purchase {
  return { customer: subscription.customer, currency: subscription.currency, subtotal: null };
}

/** What a phase redeems, each coupon and code checked. */
export function redeemedIn(work: Work, phase: SchedulePhase, customer: string): Redeemable[] {
  const purchase = purchaseOf({ customer, currency: phase.currency });
  return phase.discounts.flatMap((one, index) => {
    if (one.discount !== null) return [];
    return [redeemable(work, entryOf(one), purchase, `discounts[${index}]`)];
  });
}

function entryOf({ coupon, promotion_code: code }: PhaseDiscount) {
  return { ...(coupon === null ? {} : { coupon }), ...(code === null ? {} : { promotion_code: code }) };
}

/** The subscription's discount that an entry of a phase means already, so that nothing is redeemed twice. */
function known(work: Work, subscription: Subscription, wanted: PhaseDiscount): string | undefined {
  if (wanted.discount !== null) return wanted.discount;
  return subscription.discounts.find((id) => {
    const discount = work.get('discount', id);
    const byCode = wanted.promotion_code !== null && discount.promotion_code === wanted.promotion_code;
    return byCode || (wanted.promotion_code === null && discount.source.coupon === wanted.coupon);
  });
}

function ownerOf({ customer, id }: Subscription) {
  return { checkout_session: null, customer, invoice: null, subscription: id };
}

/** The subscription's discounts in a phase. A phase that names none has none: nothing is inherited. */
function discountsIn(work: Work, subscription: Subscription, phase: SchedulePhase): string[] {
  const kept = phase.discounts.map((one, index) => {
    const there = known(work, subscription, one);
    if (there !== undefined) return there;
    const wanted = redeemable(work, entryOf(one), purchaseOf(subscription), `discounts[${index}]`);
    return redeem(work, wanted, ownerOf(subscription)).id;
  });
  for (const { id } of activeDiscounts(work, subscription.discounts, work.now)) {
    if (!kept.includes(id)) work.emit('customer.discount.deleted', work.get('discount', id));
  }
  return kept;
}

/** The same for a preview, which redeems nothing. */
export function previewedDiscountsIn(work: Work, subscription: Subscription, phase: SchedulePhase): ActiveDiscount[] {
  return phase.discounts.flatMap((one, index) => {
    const there = known(work, subscription, one);
    if (there !== undefined) return activeDiscounts(work, [there], phase.start_date);
    const wanted = redeemable(work, entryOf(one), purchaseOf(subscription), `discounts[${index}]`);
    return [asIfRedeemed(work, wanted, ownerOf(subscription))];
  });
}

/** What a phase makes of its subscription. */
export function changesIn(work: Work, subscription: Subscription, phase: SchedulePhase): Partial<Subscription> {
  const { default_payment_method: method, description } = phase;
  return {
    discounts: discountsIn(work, subscription, phase),
    items: itemsIn(work, subscription, phase),
    metadata: { ...subscription.metadata, ...phase.metadata },
    ...(method === null ? {} : { default_payment_method: method }),
    ...(description === null ? {} : { description }),
  };
}

/** The one phase of a schedule that takes a subscription over as it is. */
export function phaseOf(subscription: Subscription): SchedulePhase {
  const { start, end } = periodOf(subscription);
  return {
    add_invoice_items: [],
    application_fee_percent: null,
    billing_cycle_anchor: null,
    billing_thresholds: null,
    collection_method: null,
    currency: subscription.currency,
    default_payment_method: null,
    default_tax_rates: [],
    description: null,
    discounts: subscription.discounts.map((discount) => ({ coupon: null, discount, promotion_code: null })),
    end_date: subscription.cancel_at ?? end,
    invoice_settings: null,
    items: subscription.items.data.map(({ metadata, price, quantity }) => ({
      billing_thresholds: null,
      discounts: [],
      metadata,
      plan: price.id,
      price: price.id,
      ...(quantity === undefined ? {} : { quantity }),
      tax_rates: [],
    })),
    metadata: subscription.metadata,
    on_behalf_of: null,
    proration_behavior: 'create_prorations',
    start_date: start,
    transfer_data: null,
    trial_end: subscription.status === 'trialing' ? subscription.trial_end : null,
  };
}

/** A subscription that was changed directly changes its current phase; the phases to come stay what they are. */
export function followSubscription(work: Work, subscription: Subscription): void {
  const schedule = scheduleOf(work, subscription);
  if (schedule === undefined) return;
  const { items } = phaseOf(subscription);
  const phases = schedule.phases.map((phase) =>
    phase.start_date === schedule.current_phase?.start_date ? { ...phase, items } : phase,
  );
  work.update(schedule, { phases }, 'subscription_schedule.updated');
}
