/** Quantities as people write them, and the steps that a meter counts. */

import type { Meter } from '../catalog/types.ts';
import { roundHalfAwayFromZero, toSafeInteger } from '../fraction.ts';
import { formatQuantity, MICROSECONDS_PER_HOUR, MICROSECONDS_PER_SECOND, parseQuantity } from '../quantity.ts';

type Counted = Pick<Meter, 'kind' | 'scale' | 'unit'>;

/** Decimal places in which time is given and answered, whatever its unit. */
const TIME_DECIMALS = 6;

/** Microseconds in a millionth of a time meter's unit: seconds, minutes, or else hours. */
function microsecondsPerMillionth({ unit }: Counted): number {
  const name = unit.toLowerCase().replace(/s$/, '');
  if (name === 'second') return MICROSECONDS_PER_SECOND / 10 ** TIME_DECIMALS;
  if (name === 'minute') return (60 * MICROSECONDS_PER_SECOND) / 10 ** TIME_DECIMALS;
  return MICROSECONDS_PER_HOUR / 10 ** TIME_DECIMALS;
}

/**
 * The steps of a meter that a decimal of its unit is: 2.5 hours are 9,000,000,000 microseconds. Null for anything that is not a
 * plain decimal, has more places than the meter counts, or is beyond 2^53 steps.
 */
export function parseMeterQuantity(text: string, meter: Counted): number | null {
  if (meter.kind !== 'time') return parseQuantity(text, meter.scale);
  const millionths = parseQuantity(text, TIME_DECIMALS);
  if (millionths === null) return null;
  const microseconds = millionths * microsecondsPerMillionth(meter);
  return Number.isSafeInteger(microseconds) ? microseconds : null;
}

/** Steps as the shortest decimal of the meter's unit; time to its nearest millionth. For people and answers, never for sums. */
export function formatMeterQuantity(steps: number, meter: Counted): string {
  if (meter.kind !== 'time') return formatQuantity(steps, meter.scale);
  const millionths = roundHalfAwayFromZero(BigInt(steps), BigInt(microsecondsPerMillionth(meter)));
  return formatQuantity(toSafeInteger(millionths), TIME_DECIMALS);
}

/** The largest number of decimal places in which a meter's quantities are given. */
export function decimalsOfMeter({ kind, scale }: Counted): number {
  return kind === 'time' ? TIME_DECIMALS : scale;
}
