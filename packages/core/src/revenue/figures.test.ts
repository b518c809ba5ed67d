import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  annualRunRateCents,
  averagePerCustomerCents,
  lifetimeValueCents,
  MOVEMENT_KINDS,
  type MonthOfMovements,
  rateOf,
  rollForward,
  together,
} from './figures.ts';
import type { MovementKind } from './movements.ts';

type Moves = Partial<Record<MovementKind, [count: number, cents: number]>>;

function month(name: string, moves: Moves): MonthOfMovements {
  const of = (place: 0 | 1) =>
    Object.fromEntries(MOVEMENT_KINDS.map((kind) => [kind, moves[kind]?.[place] ?? 0])) as Record<MovementKind, number>;
  return { month: name, count: of(0), deltaCents: of(1) };
}

const NOTHING = { mrrCents: 0, customers: 0 };

describe('months rolled forward', () => {
  const [january, february, march] = rollForward(NOTHING, [
    month('2026-01-01', { new: [10, 10_000] }),
    month('2026-02-01', { new: [2, 2_000], expansion: [1, 500], contraction: [1, -250], churn: [3, -3_000] }),
    month('2026-03-01', { reactivation: [1, 1_000] }),
  ]);

  it('each begin as the one before ended', () => {
    expect(january).toMatchObject({ start: NOTHING, end: { mrrCents: 10_000, customers: 10 } });
    expect(february).toMatchObject({ start: january?.end, end: { mrrCents: 9_250, customers: 9 } });
    expect(march).toMatchObject({ start: february?.end, end: { mrrCents: 10_250, customers: 10 } });
  });

  it('count who left among all who were there, and what was lost of what came in at first', () => {
    expect(january?.customerChurn).toEqual({ part: 0, of: 10 });
    expect(rateOf(january?.revenueChurn ?? { part: 1, of: 1 })).toBeNull();
    expect(february?.customerChurn).toEqual({ part: 3, of: 12 });
    expect(february?.revenueChurn).toEqual({ part: 3_250, of: 10_000 });
    expect(rateOf(together([february, march].flatMap((one) => (one === undefined ? [] : [one.customerChurn]))))).toBe(
      0.136364,
    );
  });

  it('end with what all movements come to, whatever they are', () => {
    const moves = fc.record(
      Object.fromEntries(
        MOVEMENT_KINDS.map((kind) => [kind, fc.tuple(fc.nat(50), fc.integer({ max: 1e6, min: -1e6 }))]),
      ),
    );
    fc.assert(
      fc.property(fc.array(moves, { minLength: 1, maxLength: 14 }), (all) => {
        const months = all.map((one, index) => month(String(index), one as Moves));
        const last = rollForward({ mrrCents: 700, customers: 900 }, months).at(-1);
        const cents = months.flatMap(({ deltaCents }) => MOVEMENT_KINDS.map((kind) => deltaCents[kind]));
        expect(last?.end.mrrCents).toBe(700 + cents.reduce((sum, one) => sum + one, 0));
      }),
    );
  });
});

describe('what a customer is worth', () => {
  it.each([
    ['100 customers of 25.00, 5 % leave', 250_000, 100, { part: 5, of: 100 }, 2_500, 50_000],
    ['rounded once, from the exact value', 1_000, 3, { part: 1, of: 7 }, 333, 2_333],
    ['all leave within the month', 5_000, 2, { part: 2, of: 2 }, 2_500, 2_500],
    ['nobody left: no number', 5_000, 2, { part: 0, of: 2 }, 2_500, null],
    ['nothing is known of leaving: no number', 5_000, 2, { part: 0, of: 0 }, 2_500, null],
    ['nobody is there', 0, 0, { part: 3, of: 3 }, null, null],
  ])('%s', (_name, mrrCents, customers, churn, average, lifetime) => {
    expect(averagePerCustomerCents({ mrrCents, customers })).toBe(average);
    expect(lifetimeValueCents({ mrrCents, customers }, churn)).toBe(lifetime);
  });

  it('is twelve months’ revenue where a twelfth leaves each month', () => {
    expect(lifetimeValueCents({ mrrCents: 9_900, customers: 1 }, { part: 1, of: 12 })).toBe(annualRunRateCents(9_900));
  });
});
