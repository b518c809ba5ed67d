import { describe, expect, it } from 'vitest';
import { discountAmounts, type Terms } from './discount-amounts.ts';

describe('the sums of discounts', () => {
  const terms = (more: Partial<Terms>): Terms => ({
    percentOff: null,
    amountOff: null,
    products: null,
    once: false,
    ...more,
  });
  const line = (amount: number) => ({ amount, discountable: true, product: null });

  it('divide an amount among the lines without losing a cent, and never take more than there is', () => {
    const of = (amountOff: number) =>
      discountAmounts([line(333), line(333), line(334)], [{ id: 'd', terms: terms({ amountOff }) }])
        .flat()
        .map((one) => one.amount);
    expect(of(100)).toEqual([33, 34, 33]);
    expect(of(5000)).toEqual([333, 333, 334]);
  });

  it('leave credits and what is not discountable alone', () => {
    const lines = [line(-500), { ...line(1000), discountable: false }, line(1000)];
    const amounts = discountAmounts(lines, [{ id: 'd', terms: terms({ percentOff: 10 }) }]);
    expect(amounts).toEqual([[], [], [{ amount: 100, discount: 'd' }]]);
  });
});
