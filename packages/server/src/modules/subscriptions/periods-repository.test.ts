import type { PeriodAnchor } from '@latchkey/core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../../../test/support/database.ts';
import { currentPeriods } from './periods-repository.ts';
import { insertSubscription, type NewSubscription } from './repository.ts';

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.close());

const NOVEMBER = new Date('2026-11-01T10:30:00.123Z');
const DECEMBER = new Date('2026-12-01T10:30:00.123Z');

type Facts = Partial<Omit<NewSubscription, 'metadata'>>;

let written = 0;
async function subscription(more: Facts): Promise<string> {
  written += 1;
  const id = `sub_${written}`;
  await insertSubscription(test.database.connection, {
    ...{ id, source: 'stripe', reference: `stripe_${written}`, customer_id: null, product: 'shop', plan: 'pro' },
    ...{ status: 'active', standing: 'active', current_period_start: NOVEMBER, current_period_end: DECEMBER },
    ...{ trial_end: null, cancel_at: null, canceled_at: null, ended_at: null, paid_through: null, grace_until: null },
    ...{ amount_cents: 900, recurring_interval: 'month', mrr_cents: 900, metadata: '{}', due_at: null },
    ...{ created_at: NOVEMBER, updated_at: NOVEMBER },
    ...more,
  });
  return id;
}

async function periodOf(more: Facts): Promise<PeriodAnchor | undefined> {
  const id = await subscription(more);
  return (await currentPeriods(test.database.connection, [id])).get(id);
}

const NOVEMBER_TO_DECEMBER = { startsAt: NOVEMBER.getTime(), endsAt: DECEMBER.getTime() };

describe('the current period of a subscription', () => {
  it.each<[string, Facts, Pick<PeriodAnchor, 'unit' | 'count'>]>([
    ['in days', { recurring_interval: 'day', recurring_interval_count: 10 }, { unit: 'day', count: 10 }],
    ['in weeks', { recurring_interval: 'week', recurring_interval_count: 2 }, { unit: 'week', count: 2 }],
    ['in months', { recurring_interval: 'month', recurring_interval_count: 3 }, { unit: 'month', count: 3 }],
    ['in years', { recurring_interval: 'year' }, { unit: 'year', count: 1 }],
    ['in months where its price has no step', { recurring_interval: null }, { unit: 'month', count: 1 }],
    ['in months where its step is unknown', { recurring_interval: 'quarter' }, { unit: 'month', count: 1 }],
    ['one step at a time where none are told', { recurring_interval_count: 0 }, { unit: 'month', count: 1 }],
    [
      'one step at a time where they are no number of steps',
      { recurring_interval_count: -6 },
      { unit: 'month', count: 1 },
    ],
  ])('is told to the millisecond and goes on %s', async (_, row, steps) => {
    expect(await periodOf(row)).toEqual({ ...NOVEMBER_TO_DECEMBER, ...steps });
  });

  it.each<[string, Facts]>([
    ['no start', { current_period_start: null }],
    ['no end', { current_period_end: null }],
    ['neither', { current_period_start: null, current_period_end: null }],
    ['an end at its start', { current_period_end: NOVEMBER }],
    ['an end before its start', { current_period_start: DECEMBER, current_period_end: NOVEMBER }],
  ])('is none where it has %s', async (_, row) => {
    expect(await periodOf(row)).toBeUndefined();
  });

  it.each(['active', 'past_due', 'canceled', 'ended'])(
    'is told of one that is %s: the licence decides',
    async (standing) => {
      const source = 'manual';
      expect(await periodOf({ source, standing, status: standing })).toEqual({
        ...NOVEMBER_TO_DECEMBER,
        ...{ unit: 'month', count: 1 },
      });
    },
  );

  it('is told of those that are asked for, once each, and of no others', async () => {
    const first = await subscription({ recurring_interval: 'year' });
    const second = await subscription({});
    await subscription({});
    const without = await subscription({ current_period_end: null });
    const periods = await currentPeriods(test.database.connection, [second, first, first, without, 'sub_unknown']);
    expect([...periods.keys()].toSorted()).toEqual([first, second].toSorted());
    expect(periods.get(first)?.unit).toBe('year');
    expect(periods.get(second)?.unit).toBe('month');
  });

  it('is told of none where none is asked for', async () => {
    expect(await currentPeriods(test.database.connection, [])).toEqual(new Map());
  });
});
