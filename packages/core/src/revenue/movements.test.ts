import { describe, expect, it } from 'vitest';
import { monthlyRevenueCents, movementKind } from './movements.ts';

describe('what a subscription brings in a month', () => {
  it.each([
    ['active', 2_500, 'month', 1, 2_500],
    ['past_due', 2_500, 'month', 1, 2_500],
    ['active', 30_000, 'year', 1, 2_500],
    ['active', 7_500, 'month', 3, 2_500],
    ['active', 1_200, 'week', 1, 5_200],
    ['trialing', 2_500, 'month', 1, 0],
    ['unpaid', 2_500, 'month', 1, 0],
    ['canceled', 2_500, 'month', 1, 0],
    ['incomplete', 2_500, 'month', 1, 0],
    ['active', 149_900, null, 1, 0],
    ['active', 2_500, 'fortnight', 1, 0],
  ])('%s, %i every %s × %i: %i', (status, amountCents, interval, intervalCount, expected) => {
    expect(monthlyRevenueCents({ status, amountCents, interval, intervalCount })).toBe(expected);
  });
});

describe('a change of what a customer brings', () => {
  it.each([
    [0, 0, false, null],
    [2_500, 2_500, true, null],
    [0, 2_500, false, 'new'],
    [0, 2_500, true, 'reactivation'],
    [2_500, 5_000, true, 'expansion'],
    [5_000, 2_500, true, 'contraction'],
    [2_500, 0, true, 'churn'],
  ])('from %i to %i, returning %s: %s', (before, after, returning, kind) => {
    expect(movementKind(before, after, returning)).toBe(kind);
  });
});
