import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dayMs } from '../time.ts';
import { CALENDAR_MONTHS, monthsFrom, type PeriodAnchor, periodAt, windowAt } from './window.ts';

const at = (text: string) => Date.parse(text);
const named = ({ startsAt, endsAt }: { startsAt: number; endsAt: number }) =>
  [startsAt, endsAt].map((one) => new Date(one).toISOString().slice(0, 10)).join(' ');

describe('the period of an instant', () => {
  it.each([
    ['2026-11-21', '2026-11-01 2026-12-01'],
    ['2026-11-01', '2026-11-01 2026-12-01'],
    ['2024-02-29', '2024-02-01 2024-03-01'],
    ['1969-12-31', '1969-12-01 1970-01-01'],
  ])('%s is the calendar month %s', (day, period) => {
    expect(named(periodAt(at(`${day}T00:00:00Z`), CALENDAR_MONTHS))).toBe(period);
  });

  it.each([
    ['2026-01-31', '2026-01-31 2026-02-28'],
    ['2026-02-28', '2026-02-28 2026-03-31'],
    ['2026-03-31', '2026-03-31 2026-04-30'],
    ['2026-01-30', '2025-12-31 2026-01-31'],
  ])('%s is %s, counted from January 31st', (day, period) => {
    expect(named(periodAt(at(`${day}T00:00:00Z`), monthsFrom(at('2026-01-31T00:00:00Z'))))).toBe(period);
  });

  it('is one, of which the next begins where it ends', () => {
    const anchors = fc.record({
      startsAt: fc.integer({ min: 0, max: at('2030-01-01T00:00:00Z') }),
      days: fc.integer({ min: 1, max: 400 }),
      unit: fc.constantFrom('day' as const, 'week' as const, 'month' as const, 'year' as const),
      count: fc.integer({ min: 1, max: 6 }),
    });
    fc.assert(
      fc.property(anchors, fc.integer({ min: -4_000, max: 4_000 }), ({ startsAt, days, unit, count }, away) => {
        const anchor: PeriodAnchor = { startsAt, endsAt: startsAt + days * dayMs, unit, count };
        const instant = startsAt + away * dayMs;
        const period = periodAt(instant, anchor);
        expect(period.startsAt).toBeLessThanOrEqual(instant);
        expect(period.endsAt).toBeGreaterThan(instant);
        expect(periodAt(period.endsAt, anchor).startsAt).toBe(period.endsAt);
        expect(periodAt(period.startsAt - 1, anchor).endsAt).toBe(period.startsAt);
      }),
    );
  });
});

describe('where other periods were in use before', () => {
  const anchor: PeriodAnchor = {
    startsAt: at('2026-11-15T00:00:00Z'),
    endsAt: at('2026-12-15T00:00:00Z'),
    unit: 'month',
    count: 1,
  };
  const used = [{ startsAt: at('2026-10-20T00:00:00Z'), endsAt: at('2026-11-15T00:00:00Z') }];

  it.each([
    ['2026-11-16', 'what is known today goes before', '2026-11-15 2026-12-15'],
    ['2026-11-14', 'what was a period stays one', '2026-10-20 2026-11-15'],
    ['2026-10-19', 'no other reaches into it', '2026-10-15 2026-10-20'],
    ['2026-10-14', 'and before it they go on', '2026-09-15 2026-10-15'],
  ])('on %s %s', (day, _, period) => {
    expect(named(windowAt(at(`${day}T00:00:00Z`), anchor, used))).toBe(period);
  });
});
