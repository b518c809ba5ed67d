import { LatchkeyError, type Plan } from '@latchkey/core';

/** What is taken off: by a code that customers enter, or, as the vendor decides, by Stripe's id. */
export type Discount =
  | { by: 'code'; code: string }
  | { by: 'promotion_code'; id: string }
  | { by: 'coupon'; id: string };

/** The same as Stripe takes it. */
export type StripeDiscount = { coupon: string } | { promotionCode: string };

/** Null where nothing is taken off. A code is for anybody who knows it, where the plan takes codes; `invalid_request` where it does not. */
export async function discountOf(
  plan: Plan,
  wanted: Discount | undefined,
  findPromotionCode: (code: string) => Promise<string | null>,
): Promise<StripeDiscount | null> {
  switch (wanted?.by) {
    case undefined:
      return null;
    case 'coupon':
      return { coupon: wanted.id };
    case 'promotion_code':
      return { promotionCode: wanted.id };
    case 'code': {
      if (!plan.checkout.promotionCodes) throw notToBeHad(`The plan ${plan.id} takes no promotion codes.`, wanted);
      const promotionCode = await findPromotionCode(wanted.code);
      if (promotionCode !== null) return { promotionCode };
      throw notToBeHad('There is no such promotion code, or it cannot be used any more.', wanted);
    }
  }
}

/** Stripe's no to a session with a discount is about the discount, and nothing that is wrong with Stripe. */
export function explainRefusal(error: unknown, discount: Discount | undefined): never {
  const isRefusal =
    error instanceof LatchkeyError && (error.code === 'stripe_rejected' || error.code === 'resource_missing');
  if (discount === undefined || !isRefusal) throw error;
  throw notToBeHad(error.detail, discount, error);
}

function notToBeHad(detail: string, { by }: Discount, cause?: unknown): LatchkeyError {
  const path = by === 'coupon' ? 'coupon' : 'promotion_code';
  return new LatchkeyError('invalid_request', detail, { path, ...(cause === undefined ? {} : { cause }) });
}
