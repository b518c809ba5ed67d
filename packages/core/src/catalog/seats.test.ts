import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DEFAULT_LICENSE_POLICY } from './defaults.ts';
import { MOST_MACHINES, MOST_QUANTITY, machinesFor, quantityRefusal } from './seats.ts';
import type { QuantityPolicy } from './types.ts';

const planOf = (maxMachines: number, quantity: QuantityPolicy | null) => ({
  id: 'team',
  license: { ...DEFAULT_LICENSE_POLICY, maxMachines },
  quantity,
});
const each = { maximum: 50, multipliesMachines: true };

describe('several of a plan', () => {
  it.each([
    [2, each, 3, 6],
    [2, each, 0, 0],
    [-1, each, 3, -1],
    [0, each, 3, 0],
    [2, { ...each, multipliesMachines: false }, 3, 2],
    [2, null, 3, 2],
    // More than Stripe was asked for here, by somebody else.
    [MOST_MACHINES, each, 3, MOST_MACHINES],
  ])('%i machines by %j, %i times, are %i', (machines, policy, quantity, expected) => {
    expect(machinesFor(planOf(machines, policy), quantity)).toBe(expected);
  });

  it('are whole, one at least, and no more than there may be', () => {
    fc.assert(
      fc.property(fc.option(fc.integer({ min: 1, max: MOST_QUANTITY })), fc.double(), (maximum, quantity) => {
        const plan = planOf(1, maximum === null ? null : { maximum, multipliesMachines: true });
        const fits = Number.isInteger(quantity) && quantity >= 1 && quantity <= (maximum ?? MOST_QUANTITY);
        expect(quantityRefusal(plan, quantity) === null).toBe(fits);
      }),
      {
        examples: [
          [5, 5],
          [5, 6],
          [null, MOST_QUANTITY],
          [null, MOST_QUANTITY + 1],
          [1, 1],
        ],
      },
    );
  });
});
