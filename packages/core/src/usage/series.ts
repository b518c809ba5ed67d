/** Time in slots of one length, in UTC: a series has a value for each, those in which nothing happened too. */

import { hourMs } from '../time.ts';

/** How long a slot is. */
export type SlotLength = 'hour' | 'day' | 'month';

export const SLOT_LENGTHS: readonly SlotLength[] = ['hour', 'day', 'month'];

/** From its start to before its end. */
export interface Slot {
  readonly start: Date;
  readonly end: Date;
}

/** The beginning of the slot an instant is in. */
export function slotStart(instant: Date, length: SlotLength): Date {
  if (length === 'month') return new Date(Date.UTC(instant.getUTCFullYear(), instant.getUTCMonth(), 1));
  const span = length === 'hour' ? hourMs : 24 * hourMs;
  return new Date(Math.floor(instant.getTime() / span) * span);
}

/** The beginning of the slot after the one an instant is in. */
export function nextSlotStart(instant: Date, length: SlotLength): Date {
  const start = slotStart(instant, length);
  if (length === 'month') return new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + 1, 1));
  return new Date(start.getTime() + (length === 'hour' ? hourMs : 24 * hourMs));
}

/** How many slots a span touches, counted no further than `most` and one. */
export function countSlots(from: Date, to: Date, length: SlotLength, most: number): number {
  let count = 0;
  for (let start = slotStart(from, length); start < to && count <= most; start = nextSlotStart(start, length)) count++;
  return count;
}

/** The slots that a span touches, the oldest first; the first and the last no longer than the span. */
export function slotsBetween(from: Date, to: Date, length: SlotLength): Slot[] {
  const slots: Slot[] = [];
  for (let start = slotStart(from, length); start < to; ) {
    const end = nextSlotStart(start, length);
    slots.push({ start: start < from ? from : start, end: end > to ? to : end });
    start = end;
  }
  return slots;
}

/**
 * A value for each slot of a span: what was found for it, or what `empty` says of one in which nothing happened. What is found is
 * placed by the beginning of its slot. Nothing that was found is left out: a value of no slot is an error.
 */
export function fillSlots<Value>(
  { from, to, length }: { from: Date; to: Date; length: SlotLength },
  found: ReadonlyMap<number, Value>,
  empty: () => Value,
): { slot: Slot; value: Value }[] {
  const slots = slotsBetween(from, to, length);
  const filled = slots.map((slot) => ({
    slot,
    value: found.get(slotStart(slot.start, length).getTime()) ?? empty(),
  }));
  const known = new Set(slots.map(({ start }) => slotStart(start, length).getTime()));
  for (const start of found.keys()) {
    if (!known.has(start)) throw new RangeError(`${new Date(start).toISOString()} begins no slot of the series.`);
  }
  return filled;
}
