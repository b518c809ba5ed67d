import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addUnits, earliest, fromUnixSeconds, latest, toUnixSeconds } from './time.ts';

const at = (text: string) => new Date(text);

describe('adding months to an anchor', () => {
  it.each([
    ['2026-01-31T10:00:00Z', 1, '2026-02-28T10:00:00Z'],
    ['2028-01-31T10:00:00Z', 1, '2028-02-29T10:00:00Z'],
    ['2026-01-31T10:00:00Z', 2, '2026-03-31T10:00:00Z'],
    ['2026-03-31T10:00:00Z', -1, '2026-02-28T10:00:00Z'],
    ['2026-11-15T23:59:59Z', 3, '2027-02-15T23:59:59Z'],
  ])('%s plus %i months is %s', (anchor, months, expected) => {
    expect(addUnits(at(anchor), 'month', months)).toEqual(at(expected));
  });

  it('takes February 28th for a leap day a year on', () => {
    expect(addUnits(at('2028-02-29T00:00:00Z'), 'year', 1)).toEqual(at('2029-02-28T00:00:00Z'));
    expect(addUnits(at('2028-02-29T00:00:00Z'), 'year', 4)).toEqual(at('2032-02-29T00:00:00Z'));
  });

  it('is never later than the anchor day and keeps the time of day', () => {
    fc.assert(
      fc.property(
        fc.date({ min: at('2000-01-01T00:00:00Z'), max: at('2100-01-01T00:00:00Z'), noInvalidDate: true }),
        fc.integer({ min: -240, max: 240 }),
        (anchor, months) => {
          const result = addUnits(anchor, 'month', months);
          const expectedMonth = anchor.getUTCFullYear() * 12 + anchor.getUTCMonth() + months;
          expect(result.getUTCFullYear() * 12 + result.getUTCMonth()).toBe(expectedMonth);
          expect(result.getUTCDate()).toBeLessThanOrEqual(anchor.getUTCDate());
          expect(result.getTime() % 86_400_000).toBe(anchor.getTime() % 86_400_000);
        },
      ),
    );
  });
});

describe('other spans', () => {
  it('are fixed lengths of time', () => {
    expect(addUnits(at('2026-01-01T00:00:00Z'), 'week', 2)).toEqual(at('2026-01-15T00:00:00Z'));
    expect(addUnits(at('2026-01-01T00:00:00Z'), 'hour', -1)).toEqual(at('2025-12-31T23:00:00Z'));
  });
});

describe('choosing among instants', () => {
  it('leaves out what is null', () => {
    const [early, late] = [at('2026-01-01T00:00:00Z'), at('2026-02-01T00:00:00Z')];
    expect(earliest(null, late, early)).toBe(early);
    expect(latest(late, null, early)).toBe(late);
    expect(earliest(null)).toBeNull();
    expect(latest()).toBeNull();
  });
});

it("Stripe's seconds round down and come back", () => {
  expect(toUnixSeconds(at('2026-01-01T00:00:00.999Z'))).toBe(1_767_225_600);
  expect(fromUnixSeconds(1_767_225_600)).toEqual(at('2026-01-01T00:00:00Z'));
});
