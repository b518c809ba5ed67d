import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TaxRate } from '../objects/tax-rate.ts';
import { taxesOn } from './taxes.ts';

function rate(percentage: number, inclusive: boolean): TaxRate {
  return {
    id: `txr_${percentage}_${inclusive}`,
    object: 'tax_rate',
    active: true,
    country: null,
    created: 0,
    description: null,
    display_name: 'VAT',
    effective_percentage: null,
    flat_amount: null,
    inclusive,
    jurisdiction: null,
    jurisdiction_level: null,
    livemode: false,
    metadata: {},
    percentage,
    rate_type: 'percentage',
    state: null,
    tax_type: null,
  };
}

const amounts = (amount: number, ...rates: TaxRate[]) => taxesOn(amount, rates, 'none').map((tax) => tax.amount);

describe('a tax', () => {
  it.each([
    ['exclusive: 25 % on $5.00 is $1.25 more', 500, rate(25, false), 125],
    ['inclusive: 25 % in $5.00 is $1.00 of it', 500, rate(25, true), 100],
    ['rounded half up', 1050, rate(5, false), 53],
    ['of four decimal places', 10_000, rate(8.8751, false), 888],
    ['of nothing', 1000, rate(0, false), 0],
    ['on what is given back, as it was charged', -1050, rate(5, false), -53],
  ])('%s', (_name, amount, one, expected) => {
    expect(amounts(amount, one)).toEqual([expected]);
  });

  it('beside others is counted from what is not tax', () => {
    expect(amounts(1200, rate(10, true), rate(10, true))).toEqual([100, 100]);
    expect(amounts(1100, rate(10, true), rate(5, false))).toEqual([100, 50]);
  });

  it('is not paid by who is exempt or pays it elsewhere', () => {
    expect(taxesOn(1000, [rate(20, false)], 'exempt')).toMatchObject([
      { amount: 0, taxability_reason: 'customer_exempt' },
    ]);
    expect(taxesOn(1000, [rate(20, false)], 'reverse')).toMatchObject([
      { amount: 0, taxability_reason: 'reverse_charge' },
    ]);
  });

  it('in a price and what it is counted from are together the price, and giving back mirrors charging', () => {
    const percentage = fc.integer({ min: 0, max: 300_000 }).map((value) => value / 10_000);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000_000 }), percentage, (amount, percent) => {
        const [tax] = taxesOn(amount, [rate(percent, true)], 'none');
        expect((tax?.amount ?? 0) + (tax?.taxable_amount ?? 0)).toBe(amount);
        const [back] = taxesOn(-amount, [rate(percent, true)], 'none');
        expect((back?.amount ?? 0) + (tax?.amount ?? 0)).toBe(0);
      }),
    );
  });
});
