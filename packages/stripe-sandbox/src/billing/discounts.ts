import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import { isObject } from '../json.ts';
import type { Coupon } from '../objects/coupon.ts';
import type { Discount } from '../objects/discount.ts';
import type { Invoice } from '../objects/invoice.ts';
import type { PromotionCode } from '../objects/promotion-code.ts';
import type { Subscription } from '../objects/subscription.ts';
import { equals } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import type { Terms } from './discount-amounts.ts';
import { addPeriods } from './periods.ts';

/** One entry of a `discounts` parameter. */
export type Redemption = { coupon?: string; promotion_code?: string; discount?: string };

/** A coupon that may be redeemed, by itself or by a code. */
export type Redeemable = { coupon: Coupon; code: PromotionCode | null };

/** What is bought with it, for the restrictions of coupons and codes. */
export type Purchase = { customer: string | null; currency: string; subtotal: number | null };

export function isRedeemable(coupon: Coupon, now: number): boolean {
  if (coupon.redeem_by !== null && coupon.redeem_by <= now) return false;
  return coupon.max_redemptions === null || coupon.times_redeemed < coupon.max_redemptions;
}

/** Whether a code can still be used, its coupon included. */
export function isActiveCode(work: Work, code: PromotionCode): boolean {
  if (!code.active || (code.expires_at !== null && code.expires_at <= work.now)) return false;
  if (code.max_redemptions !== null && code.times_redeemed >= code.max_redemptions) return false;
  const coupon = work.find('coupon', code.promotion.coupon);
  return coupon !== undefined && isRedeemable(coupon, work.now);
}

function refused(message: string, param: string): Error {
  return invalidRequest(message, { code: 'coupon_expired', param });
}

function checkCode(work: Work, code: PromotionCode, purchase: Purchase, param: string): void {
  if (!isActiveCode(work, code)) throw refused('This promotion code is inactive, expired or used up.', param);
  if (code.customer !== null && code.customer !== purchase.customer) {
    throw invalidRequest('This promotion code cannot be redeemed: it belongs to another customer.', { param });
  }
  const {
    first_time_transaction: first,
    minimum_amount: minimum,
    minimum_amount_currency: currency,
  } = code.restrictions;
  if (minimum !== null && purchase.subtotal !== null) {
    if (currency !== purchase.currency || purchase.subtotal < minimum) {
      throw invalidRequest('This promotion code cannot be redeemed: the order is below its minimum amount.', { param });
    }
  }
  if (first && purchase.customer !== null) {
    const paid = work.select('invoice', [equals('$.customer', purchase.customer), equals('$.status', 'paid')]);
    if (paid.some((invoice) => invoice.amount_paid > 0)) {
      throw invalidRequest('This promotion code cannot be redeemed: it is for first purchases only.', { param });
    }
  }
}

/** The coupon an entry names, checked against what is bought. Throws what Stripe answers when it cannot be redeemed. */
export function redeemable(work: Work, wanted: Redemption, purchase: Purchase, param: string): Redeemable {
  if ((wanted.coupon === undefined) === (wanted.promotion_code === undefined)) {
    throw invalidRequest(
      `You must specify exactly one of these parameters: ${param}[coupon], ${param}[promotion_code].`,
      {
        param,
      },
    );
  }
  const codeParam = `${param}[promotion_code]`;
  const code =
    wanted.promotion_code === undefined ? null : work.require('promotion_code', wanted.promotion_code, codeParam);
  if (code !== null) checkCode(work, code, purchase, codeParam);
  const where = code === null ? `${param}[coupon]` : codeParam;
  const coupon = work.require('coupon', code?.promotion.coupon ?? wanted.coupon ?? '', where);
  if (!isRedeemable(coupon, work.now)) throw refused(`Coupon expired: ${coupon.id}`, where);
  if (coupon.amount_off !== null && coupon.currency !== purchase.currency) {
    throw invalidRequest(
      `The coupon's currency (${coupon.currency}) is not that of the purchase (${purchase.currency}).`,
      {
        param: where,
      },
    );
  }
  return { coupon, code };
}

/** What the coupon takes off, by itself: its limits and its duration are looked at elsewhere. */
export function termsOfCoupon(work: Work, coupon: Coupon): Terms {
  return {
    percentOff: coupon.percent_off,
    amountOff: coupon.amount_off,
    products: productsOf(work, coupon.id),
    once: coupon.duration === 'once',
  };
}

/** The products a coupon is for; null for all. */
export function productsOf(work: Work, coupon: string): string[] | null {
  const hidden = work.hidden(coupon);
  return isObject(hidden) && Array.isArray(hidden.products) ? hidden.products.map(String) : null;
}

export type Owner = Pick<Discount, 'checkout_session' | 'customer' | 'invoice' | 'subscription'>;

/** Redeems: counts it, and makes the discount. The event is for customers that have one. */
export function redeem(work: Work, { coupon, code }: Redeemable, owner: Owner): Discount {
  work.update(coupon, { times_redeemed: coupon.times_redeemed + 1 }, 'coupon.updated');
  if (code !== null) work.update(code, { times_redeemed: code.times_redeemed + 1 }, 'promotion_code.updated');
  const discount = newDiscount(work, { coupon, code }, owner);
  return work.insert(discount, 'customer.discount.created', termsOfCoupon(work, coupon));
}

function newDiscount(work: Work, { coupon, code }: Redeemable, owner: Owner): Discount {
  const months = coupon.duration === 'repeating' ? coupon.duration_in_months : null;
  return {
    id: newId('di_'),
    object: 'discount',
    customer_account: null,
    end: months === null ? null : addPeriods(work.now, { interval: 'month', count: 1 }, months),
    invoice_item: null,
    promotion_code: code?.id ?? null,
    source: { coupon: coupon.id, type: 'coupon' },
    start: work.now,
    subscription_item: null,
    ...owner,
  };
}

/** A discount that works now, with what it takes off. */
export type ActiveDiscount = { id: string; terms: Terms; end: number | null };

/** Those of the discounts that have not come to their end at `at`. */
export function activeDiscounts(work: Work, ids: readonly string[], at: number): ActiveDiscount[] {
  return ids.flatMap((id) => {
    const discount = work.get('discount', id);
    if (discount.end !== null && discount.end <= at) return [];
    return [{ id, terms: work.hidden(id) as unknown as Terms, end: discount.end }];
  });
}

/** What a coupon would take off from now on, were it redeemed: for previews. */
export function asIfRedeemed(work: Work, wanted: Redeemable, owner: Owner): ActiveDiscount {
  const { id, end } = newDiscount(work, wanted, owner);
  return { id, terms: termsOfCoupon(work, wanted.coupon), end };
}

/** Takes off a subscription what an invoice has used up, and what has come to its end. */
export function spendDiscounts(work: Work, subscription: Subscription, invoice: Invoice): Subscription {
  const spent = (id: string) => invoice.total_discount_amounts.some((one) => one.discount === id && one.amount > 0);
  const active = activeDiscounts(work, subscription.discounts, work.now);
  const kept = active.filter(({ id, terms }) => !(terms.once && spent(id))).map(({ id }) => id);
  const gone = subscription.discounts.filter((id) => !kept.includes(id));
  if (gone.length === 0) return subscription;
  for (const id of gone) work.emit('customer.discount.deleted', work.get('discount', id));
  return work.update(subscription, { discounts: kept }, 'customer.subscription.updated');
}
