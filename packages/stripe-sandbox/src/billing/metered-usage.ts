import type { Meter } from '../objects/meter.ts';
import type { UsageRecord } from '../store/meter-events.ts';
import type { Work } from '../work.ts';
import { SCALE, scaled } from './amounts.ts';

/** What the records of a meter come to, by its formula: an integer of 10^-12. */
export function aggregated(meter: Meter, records: readonly UsageRecord[]): bigint {
  switch (meter.default_aggregation.formula) {
    case 'count':
      return BigInt(records.length) * SCALE;
    case 'last':
      return scaled(records.at(-1)?.value ?? '0');
    case 'sum':
      return records.reduce((sum, { value }) => sum + scaled(value), 0n);
  }
}

/** What is billed of a customer's use in a time: nobody is paid for having used less than nothing. */
export function usageIn(work: Work, meterId: string, customer: string, period: { start: number; end: number }): bigint {
  const meter = work.get('billing.meter', meterId);
  const sum = aggregated(meter, work.meterEvents.between(meter.id, customer, period.start, period.end));
  return sum < 0n ? 0n : sum;
}
