import { type Fields, hasAny, orElse, without } from './fields.ts';
import type { ShapeChange } from './shape-change.ts';

/** The coupon of a discount went below `source`, that of a promotion code below `promotion`. */
const couponBelow =
  (name: 'source' | 'promotion') =>
  (body: Fields): Fields => {
    if (!hasAny(body, ['coupon'])) return body;
    const { coupon } = body;
    return { ...without(body, ['coupon']), [name]: orElse(body, name, () => ({ type: 'coupon', coupon })) };
  };

export const clover: ShapeChange = {
  version: '2025-09-30.clover',
  newer: { discount: couponBelow('source'), promotion_code: couponBelow('promotion') },
};
