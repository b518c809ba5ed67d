import {
  activeDiscounts,
  type Purchase,
  type Redeemable,
  type Redemption,
  redeem,
  redeemable,
} from '../billing/discounts.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { Subscription } from '../objects/subscription.ts';
import { array, emptyable, object, string } from '../parameters/schema.ts';
import type { Work } from '../work.ts';

/** `discounts` as most calls take it; `''` means none. */
export const DISCOUNTS = emptyable(
  array(object({ coupon: string(), discount: string(), promotion_code: string() }), { max: 20 }),
);

/** The coupons that are to be redeemed, each checked. */
export function toRedeemables(
  work: Work,
  wanted: readonly Redemption[] | '' | undefined,
  purchase: Purchase,
): Redeemable[] {
  return (wanted || []).map((one, index) => {
    if (one.discount !== undefined) {
      throw invalidRequest('There is no discount here yet that could be kept.', {
        param: `discounts[${index}][discount]`,
      });
    }
    return redeemable(work, one, purchase, `discounts[${index}]`);
  });
}

/** The discounts of a subscription after an update: those named are kept, coupons are redeemed, the rest is taken off. */
export function changedDiscounts(
  work: Work,
  subscription: Subscription,
  wanted: readonly Redemption[] | '' | undefined,
): string[] {
  if (wanted === undefined) return subscription.discounts;
  const purchase = { customer: subscription.customer, currency: subscription.currency, subtotal: null };
  const owner = {
    checkout_session: null,
    customer: subscription.customer,
    invoice: null,
    subscription: subscription.id,
  };
  const next = (wanted || []).map((one, index) => {
    const param = `discounts[${index}]`;
    if (one.discount === undefined) return redeem(work, redeemable(work, one, purchase, param), owner).id;
    if (subscription.discounts.includes(one.discount)) return one.discount;
    throw invalidRequest(`No such discount: '${one.discount}'`, {
      code: 'resource_missing',
      param: `${param}[discount]`,
    });
  });
  for (const { id } of activeDiscounts(work, subscription.discounts, work.now)) {
    if (!next.includes(id)) work.emit('customer.discount.deleted', work.get('discount', id));
  }
  return next;
}
