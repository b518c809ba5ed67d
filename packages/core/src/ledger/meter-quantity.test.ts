import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatMeterQuantity, parseMeterQuantity } from './meter-quantity.ts';

const hours = { kind: 'time', unit: 'hour', scale: 0 } as const;
const minutes = { kind: 'time', unit: 'Minutes', scale: 0 } as const;
const seconds = { kind: 'time', unit: 'second', scale: 0 } as const;
const thousandths = { kind: 'quantity', unit: 'credit', scale: 3 } as const;
const whole = { kind: 'quantity', unit: 'call', scale: 0 } as const;

describe('a quantity of a meter', () => {
  it.each([
    ['0.2', hours, 720_000_000],
    ['0.000001', hours, 3_600],
    ['1.5', minutes, 90_000_000],
    ['0.000001', seconds, 1],
    ['2.5', thousandths, 2_500],
    ['7', whole, 7],
    ['-7', whole, -7],
  ])('%s is whole steps', (text, meter, steps) => {
    expect(parseMeterQuantity(text, meter)).toBe(steps);
    expect(formatMeterQuantity(steps, meter)).toBe(text);
  });

  it.each([
    ['0.0000001', hours],
    ['1.5', whole],
    ['1.0001', thousandths],
    ['NaN', whole],
    ['1e3', whole],
    ['1e+308', hours],
    ['9007199254740993', whole],
    ['3000000000', hours],
    ['', whole],
    ['１', whole],
  ])('%s is none', (text, meter) => {
    expect(parseMeterQuantity(text, meter)).toBeNull();
  });

  it('is read back from what is written', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), (steps) => {
        expect(parseMeterQuantity(formatMeterQuantity(steps, thousandths), thousandths)).toBe(steps);
        expect(parseMeterQuantity(formatMeterQuantity(steps * 3_600, hours), hours)).toBe(steps * 3_600);
      }),
    );
  });
});
