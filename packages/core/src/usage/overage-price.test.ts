import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Meter } from '../catalog/types.ts';
import { overageCents, stepsPerUnit, unitAmountDecimal } from './overage-price.ts';

const usd = (amountCents: number, perUnits: number) => ({ amountCents, perUnits, currency: 'usd' });
const meter = (changes: Partial<Meter>) => ({ kind: 'quantity', scale: 0, unit: 'call', ...changes }) as Meter;

describe('the price of use beyond a plan', () => {
  it.each([
    [usd(3, 1), '3'],
    [usd(1, 2), '0.5'],
    [usd(5, 1000), '0.005'],
    [usd(12_345, 1_000_000), '0.012345'],
    [usd(1, 3), null],
    [usd(0, 1), '0'],
  ])('%j is %s a unit at Stripe', (rate, decimal) => {
    expect(unitAmountDecimal(rate)).toBe(decimal);
  });

  it.each([
    [usd(3, 1), 40, 1, 120],
    [usd(1, 3), 1, 1, 0],
    [usd(1, 2), 1, 1, 1],
    [usd(1, 1000), 1499, 1, 1],
    [usd(1, 1000), 1500, 1, 2],
    // Half a unit, counted in thousandths.
    [usd(300, 1), 500, 1000, 150],
    [usd(3, 1), -40, 1, -120],
  ])('at %j, %i steps of %i a unit cost %i', (rate, steps, stepsOfUnit, cents) => {
    expect(overageCents(rate, steps, stepsOfUnit)).toBe(cents);
  });

  it('knows how many steps a unit is', () => {
    expect(stepsPerUnit(meter({}))).toBe(1);
    expect(stepsPerUnit(meter({ scale: 3 }))).toBe(1000);
    expect(stepsPerUnit(meter({ kind: 'time', unit: 'hour' }))).toBe(3_600_000_000);
  });

  it('comes to the same told at once or bit by bit, when each bit is what the whole grew by', () => {
    const rate = fc.record({ amountCents: fc.nat(100_000), perUnits: fc.integer({ min: 1, max: 10_000 }) });
    fc.assert(
      fc.property(rate, fc.array(fc.nat(10_000), { maxLength: 20 }), (of, bits) => {
        const price = { ...of, currency: 'usd' };
        let told = 0;
        let steps = 0;
        for (const bit of bits) {
          told += overageCents(price, steps + bit, 1) - overageCents(price, steps, 1);
          steps += bit;
        }
        expect(told).toBe(overageCents(price, steps, 1));
      }),
    );
  });
});
