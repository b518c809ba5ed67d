import { invalidRequest } from '../http/api-error.ts';
import { isObject } from '../json.ts';
import { type CheckoutLine, type CheckoutSession, saleOf } from '../objects/checkout-session.ts';
import type { Work } from '../work.ts';
import { discountAmounts } from './discount-amounts.ts';
import { isActiveCode, type Redeemable, type Redemption, redeemable, termsOfCoupon } from './discounts.ts';

type Priced = Pick<CheckoutSession, 'amount_subtotal' | 'amount_total' | 'total_details'>;

/** The lines with what the coupons take off each, and what the session then comes to. */
export function withDiscounts(
  work: Work,
  lines: readonly CheckoutLine[],
  redeemables: readonly Redeemable[],
): { lines: CheckoutLine[]; sums: Priced } {
  const priced = lines.map((line) => ({
    amount: line.amount_subtotal,
    discountable: true,
    product: line.price.product,
  }));
  const terms = redeemables.map(({ coupon }) => ({ id: coupon.id, terms: termsOfCoupon(work, coupon) }));
  const amounts = discountAmounts(priced, terms);
  const reduced = lines.map((line, index) => {
    const off = (amounts[index] ?? []).reduce((sum, one) => sum + one.amount, 0);
    return { ...line, amount_discount: off, amount_total: line.amount_subtotal - off };
  });
  const sum = (member: 'amount_discount' | 'amount_subtotal' | 'amount_total') =>
    reduced.reduce((total, line) => total + line[member], 0);
  return {
    lines: reduced,
    sums: {
      amount_subtotal: sum('amount_subtotal'),
      amount_total: sum('amount_total'),
      total_details: { amount_discount: sum('amount_discount'), amount_shipping: 0, amount_tax: 0 },
    },
  };
}

/** How a session shows what is redeemed with it. */
export function shownDiscounts(redeemables: readonly Redeemable[]): NonNullable<CheckoutSession['discounts']> {
  return redeemables.map(({ coupon, code }) => ({
    coupon: code === null ? coupon.id : null,
    promotion_code: code?.id ?? null,
  }));
}

/** What a session's discounts redeem, checked again at the moment of paying. */
export function redeemablesOf(work: Work, session: CheckoutSession): Redeemable[] {
  return (session.discounts ?? []).map((one) => {
    const wanted: Redemption =
      one.coupon === null ? { promotion_code: one.promotion_code ?? '' } : { coupon: one.coupon };
    return redeemable(work, wanted, purchaseOf(session), 'discounts[0]');
  });
}

function purchaseOf(session: CheckoutSession) {
  const { currency, subtotal } = saleOf(session);
  return { customer: session.customer, currency, subtotal };
}

/** Redeems what a person typed into the field for promotion codes; `''` takes the code off again. */
export function enterCode(work: Work, session: CheckoutSession, typed: string): CheckoutSession {
  if (session.allow_promotion_codes !== true) throw invalidRequest('This session takes no promotion codes.');
  const found = work
    .select('promotion_code', [])
    .find((one) => one.code.toLowerCase() === typed.toLowerCase() && isActiveCode(work, one));
  if (found === undefined && typed !== '') {
    throw invalidRequest('This code is invalid.', { code: 'resource_missing', param: 'promotion_code' });
  }
  const redeemables =
    found === undefined ? [] : [redeemable(work, { promotion_code: found.id }, purchaseOf(session), 'discounts[0]')];
  const hidden = work.hidden(session.id);
  if (!isObject(hidden)) throw new Error(`The state has no plan for ${session.id}`);
  const { lines, sums } = withDiscounts(work, hidden.lines as unknown as CheckoutLine[], redeemables);
  work.setHidden(session.id, { ...hidden, lines });
  return work.update(session, { ...sums, discounts: shownDiscounts(redeemables) }, null);
}
