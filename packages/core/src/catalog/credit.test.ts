import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fraction } from '../fraction.ts';
import { type CreditOrder, creditCost, creditOffer } from './credit.ts';
import {
  DEFAULT_CANCELLATION_POLICY,
  DEFAULT_DUNNING_POLICY,
  DEFAULT_PLAN_CHANGE_POLICY,
  DEFAULT_WITHDRAWAL_POLICY,
} from './defaults.ts';
import type { CreditRate, Meter, Product } from './types.ts';

const rate = (unitsPerMajor: CreditRate['unitsPerMajor'], currency = 'usd'): CreditRate => ({
  meter: 'hours',
  currency,
  unitsPerMajor,
  custom: { minimum: 1, maximum: 1_000 },
});

const meter = (id: string, kind: Meter['kind']): Meter => ({
  id,
  name: id,
  unit: id.replace(/s$/, ''),
  kind,
  scale: 0,
  aggregation: 'sum',
  endpointCosts: [],
});

const product = (more: Partial<Product> = {}): Product => ({
  id: 'prepaid',
  name: 'Prepaid',
  description: null,
  vendor: { name: 'Prepaid', supportEmail: null, url: null },
  keyScheme: { name: 'random', prefix: null, secret: null },
  plans: [],
  meters: [meter('hours', 'time'), meter('credits', 'quantity')],
  packs: [{ id: 'medium', name: '10 hours', meter: 'hours', quantity: 10, amountCents: 4_500, currency: 'usd' }],
  creditRates: [rate(fraction(1, 5))],
  timedUse: null,
  dunning: DEFAULT_DUNNING_POLICY,
  cancellation: DEFAULT_CANCELLATION_POLICY,
  planChange: DEFAULT_PLAN_CHANGE_POLICY,
  withdrawal: DEFAULT_WITHDRAWAL_POLICY,
  demo: null,
  dialect: null,
  overage: 'meter_events',
  ...more,
});

describe('creditCost', () => {
  it.each([
    ['10 hours at 0.2 hours a dollar are 50 dollars', rate(fraction(1, 5)), 10, 5_000],
    ['1 unit at 3 a dollar is 33 cents', rate(fraction(3, 1)), 1, 33],
    ['2 units at 3 a dollar are 67 cents', rate(fraction(3, 1)), 2, 67],
    ['10 hours at 0.2 hours a yen are 50 yen', rate(fraction(1, 5), 'jpy'), 10, 50],
    ['2.5 hours at 0.2 hours a dollar are 12.50', rate(fraction(1, 5)), fraction(5, 2), 1_250],
    ['a millionth of an hour rounds once', rate(fraction(1, 5)), fraction(1, 1_000_000), 0],
  ])('%s', (_, of, units, amountCents) => {
    expect(creditCost(of, units)).toEqual({ amountCents, currency: of.currency });
  });

  it('is exact where its parts are beyond what a number holds', () => {
    const tiny = rate(fraction(1, 10 ** 12));
    expect(creditCost(tiny, fraction(1_234_567, 1_000_000))).toEqual({
      amountCents: 123_456_700_000_000,
      currency: 'usd',
    });
  });
});

describe('what is sold in advance', () => {
  const offer = (order: CreditOrder, of = product()) => creditOffer(of, order);
  const refused = (code: string, path: string) => expect.objectContaining({ code, path });

  it('is a pack at its own price, or a quantity at the rate, exact to the meter’s step', () => {
    expect(offer({ pack: 'medium' })).toMatchObject({
      steps: 36_000_000_000,
      price: { amountCents: 4_500, currency: 'usd' },
      pack: 'medium',
      name: '10 hours',
    });
    expect(offer({ quantity: '2.500001' })).toMatchObject({
      steps: 9_000_003_600,
      price: { amountCents: 1_250 },
      pack: null,
      name: '2.500001 hours',
    });
    expect(offer({ quantity: '1', meter: 'hours' })).toMatchObject({ name: '1 hour', price: { amountCents: 500 } });
  });

  it.each([
    [{ pack: 'huge' }, 'invalid_request', 'pack'],
    [{ pack: 'medium', quantity: '10' }, 'invalid_request', 'quantity'],
    [{ pack: 'medium', meter: 'credits' }, 'invalid_request', 'meter'],
    [{ quantity: '5', meter: 'miles' }, 'meter_unknown', 'meter'],
    [{ quantity: '5', meter: 'credits' }, 'invalid_request', 'quantity'],
    [{}, 'quantity_invalid', 'quantity'],
    [{ quantity: '0.999999' }, 'quantity_invalid', 'quantity'],
    [{ quantity: '1000.000001' }, 'quantity_invalid', 'quantity'],
    [{ quantity: '1.0000001' }, 'quantity_invalid', 'quantity'],
    [{ quantity: '-1' }, 'quantity_invalid', 'quantity'],
    [{ quantity: '0' }, 'quantity_invalid', 'quantity'],
    [{ quantity: 'NaN' }, 'quantity_invalid', 'quantity'],
    [{ quantity: '1e308' }, 'quantity_invalid', 'quantity'],
  ])('is nothing for %j', (order, code, path) => {
    expect(offer(order)).toEqual(refused(code, path));
  });

  it('has bounds that are themselves sold', () => {
    expect([offer({ quantity: '1' }), offer({ quantity: '1000' })]).toEqual([
      expect.objectContaining({ pack: null }),
      expect.objectContaining({ price: { amountCents: 500_000, currency: 'usd' } }),
    ]);
  });

  it('is never free, and never more than can be paid at once', () => {
    const cheap = product({ creditRates: [rate(fraction(10_000, 1))] });
    expect(offer({ quantity: '1' }, cheap)).toEqual(refused('quantity_invalid', 'quantity'));
    const dear = product({ creditRates: [rate(fraction(1, 1_000_000))] });
    expect(offer({ quantity: '1' }, dear)).toEqual(refused('quantity_invalid', 'quantity'));
  });

  it.each([
    ['usd', fraction(100, 1), '50', 50],
    ['gbp', fraction(10, 1), '3', 30],
    ['jpy', fraction(1, 1), '50', 50],
    ['huf', fraction(1, 1), '175', 17_500],
    ['kwd', fraction(1_000, 1), '1', 1],
  ])('is in %s no less than can be charged at once', (currency, unitsPerMajor, least, amountCents) => {
    const of = product({ creditRates: [{ ...rate(unitsPerMajor, currency), meter: 'credits' }] });
    expect(offer({ quantity: least }, of)).toMatchObject({ price: { amountCents, currency } });
    if (amountCents > 1) {
      expect(offer({ quantity: String(Number(least) - 1) }, of)).toMatchObject({
        ...{
          code: 'quantity_invalid',
          path: 'quantity',
          detail: expect.stringContaining(' the least that can be paid'),
        },
      });
    }
  });

  it('names the meter where several are sold by the unit', () => {
    const both = product({ creditRates: [rate(fraction(1, 5)), { ...rate(fraction(1, 1)), meter: 'credits' }] });
    expect(offer({ quantity: '5' }, both)).toEqual(refused('invalid_request', 'meter'));
    expect(offer({ quantity: '5', meter: 'credits' }, both)).toMatchObject({ steps: 5, price: { amountCents: 500 } });
  });

  it('costs the same for as much, however it is written, and never less for more', () => {
    const millionths = fc.integer({ min: 1_000_000, max: 999_000_000 });
    fc.assert(
      fc.property(millionths, fc.nat(1_000_000), (count, more) => {
        const costs = [count, count + more].map((each) => {
          const sold = offer({ quantity: String(each / 1_000_000) });
          return 'price' in sold ? sold.price.amountCents : Number.NaN;
        });
        expect(costs[1]).toBeGreaterThanOrEqual(costs[0] ?? Number.NaN);
        expect(offer({ quantity: `${(count / 1_000_000).toFixed(6)}` })).toMatchObject({
          price: { amountCents: costs[0] },
        });
      }),
    );
  });
});
