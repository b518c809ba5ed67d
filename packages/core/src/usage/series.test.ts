import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countSlots, fillSlots, nextSlotStart, SLOT_LENGTHS, slotStart, slotsBetween } from './series.ts';

const at = (text: string) => new Date(text);
const instant = fc.date({ min: at('2020-01-01'), max: at('2035-01-01'), noInvalidDate: true });
const length = fc.constantFrom(...SLOT_LENGTHS);

describe('the slots of a span', () => {
  it('are one after another, begin and end with it, and miss no moment', () => {
    const days = fc.integer({ min: 0, max: 60 * 24 * 3_600_000 });
    fc.assert(
      fc.property(instant, days, length, (from, span, by) => {
        const to = new Date(from.getTime() + span + 1);
        const slots = slotsBetween(from, to, by);
        expect(slots[0]?.start).toEqual(from);
        expect(slots.at(-1)?.end).toEqual(to);
        for (const [index, slot] of slots.slice(1).entries()) expect(slot.start).toEqual(slots[index]?.end);
        expect(countSlots(from, to, by, 5_000)).toBe(slots.length);
      }),
    );
  });

  it('follow the calendar in UTC', () => {
    const slots = slotsBetween(at('2028-01-31T23:30:00Z'), at('2028-03-01T00:00:00Z'), 'month');
    expect(slots).toEqual([
      { start: at('2028-01-31T23:30:00Z'), end: at('2028-02-01T00:00:00Z') },
      { start: at('2028-02-01T00:00:00Z'), end: at('2028-03-01T00:00:00Z') },
    ]);
    expect(slotStart(at('2026-05-04T13:59:59.999Z'), 'hour')).toEqual(at('2026-05-04T13:00:00Z'));
    expect(slotStart(at('2026-05-04T13:59:59.999Z'), 'day')).toEqual(at('2026-05-04T00:00:00Z'));
    expect(nextSlotStart(at('2026-12-31T23:59:59Z'), 'month')).toEqual(at('2027-01-01T00:00:00Z'));
  });

  it('are counted no further than is asked', () => {
    expect(countSlots(at('2000-01-01'), at('2026-01-01'), 'hour', 1_000)).toBe(1_001);
    expect(countSlots(at('2026-01-01'), at('2026-01-01'), 'hour', 1_000)).toBe(0);
  });
});

describe('a series', () => {
  const span = { from: at('2026-05-01T06:00:00Z'), to: at('2026-05-04T00:00:00Z'), length: 'day' as const };

  it('has a value for the slots in which nothing happened', () => {
    const found = new Map([
      [at('2026-05-01').getTime(), 3],
      [at('2026-05-03').getTime(), 5],
    ]);
    const filled = fillSlots(span, found, () => 0);
    expect(filled.map(({ slot, value }) => [slot.start.toISOString(), value])).toEqual([
      ['2026-05-01T06:00:00.000Z', 3],
      ['2026-05-02T00:00:00.000Z', 0],
      ['2026-05-03T00:00:00.000Z', 5],
    ]);
  });

  it('loses nothing of what was found', () => {
    expect(() => fillSlots(span, new Map([[at('2026-05-04').getTime(), 1]]), () => 0)).toThrow(RangeError);
  });
});
