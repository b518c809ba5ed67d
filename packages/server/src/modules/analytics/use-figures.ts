/** What is answered of use, from the sums of its hours: figures in the meter's unit, latencies, trend and projection. */

import {
  type DurationHistogram,
  durationCount,
  fillSlots,
  type Meter,
  nextSlotStart,
  percentile,
  type SlotLength,
  slotStart,
  type Trend,
  trendOf,
} from '@latchkey/core';
import { quantityOf } from '../ledger/index.ts';
import type { GroupedUse, UseSpan, UseSums } from './use-repository.ts';

/** Use in the meter's unit. */
export interface UseFigures {
  events: number;
  failed: number;
  /** As the meter counts: added up, their number, the greatest or the last. */
  quantity: number;
  covered: number;
  overage: number;
  uncovered: number;
}

export interface SlotOfUse extends UseFigures {
  start: string;
  end: string;
}

/** How long the events took that say so. */
export interface Latencies {
  timed: number;
  mean_ms: number;
  p50_ms: number;
  p95_ms: number;
  p99_ms: number;
}

const NOTHING: UseSums = {
  events: 0,
  failed: 0,
  quantity: 0,
  covered: 0,
  overage: 0,
  uncovered: 0,
  peak: 0,
  last: 0,
  durationMs: 0,
};

/** Which of the sums is what a meter counts. */
export function countedBy({ aggregation }: Pick<Meter, 'aggregation'>): 'quantity' | 'peak' | 'last' {
  if (aggregation === 'max') return 'peak';
  return aggregation === 'last' ? 'last' : 'quantity';
}

export function figuresOf(sums: UseSums | undefined, meter: Meter): UseFigures {
  const { events, failed, ...steps } = sums ?? NOTHING;
  const of = (amount: number) => quantityOf(amount, meter);
  return {
    events,
    failed,
    quantity: of(steps[countedBy(meter)]),
    covered: of(steps.covered),
    overage: of(steps.overage),
    uncovered: of(steps.uncovered),
  };
}

/** A figure for each slot, those in which nothing was used too. */
export function slotsOf(rows: readonly GroupedUse[], meter: Meter, span: UseSpan & { by: SlotLength }): SlotOfUse[] {
  const found = new Map(rows.map((row) => [row.slot?.getTime() ?? 0, row as UseSums]));
  return fillSlots({ ...span, length: span.by }, found, () => NOTHING).map(({ slot, value }) => ({
    start: slot.start.toISOString(),
    end: slot.end.toISOString(),
    ...figuresOf(value, meter),
  }));
}

/** Where the use of slots is going: of those that are whole and over. */
export function trendOfSlots(slots: readonly SlotOfUse[], by: SlotLength, now: Date): Trend | null {
  const whole = slots.filter(({ start, end }) => {
    const from = new Date(start);
    const isWhole = slotStart(from, by).getTime() === from.getTime() && nextSlotStart(from, by).toISOString() === end;
    return isWhole && new Date(end) <= now;
  });
  return trendOf(whole.map(({ quantity }) => quantity));
}

/** Null where no event says how long it took. */
export function latenciesOf(durations: DurationHistogram | undefined, totalMs: number): Latencies | null {
  const timed = durations === undefined ? 0 : durationCount(durations);
  if (durations === undefined || timed === 0) return null;
  const at = (percent: number) => percentile(durations, percent) ?? 0;
  return { timed, mean_ms: Math.round(totalMs / timed), p50_ms: at(50), p95_ms: at(95), p99_ms: at(99) };
}

/** A share for answers, to six decimals. */
export function rounded(value: number): number {
  return Math.round(value * 1_000_000) / 1_000_000;
}
