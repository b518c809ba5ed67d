import type { Price } from '../objects/price.ts';

/** ` per month`, ` every 3 months`, or nothing for a one-time price. */
export function cadenceText(price: Price): string {
  const { recurring } = price;
  if (recurring === null) return '';
  if (recurring.interval_count === 1) return ` per ${recurring.interval}`;
  return ` every ${recurring.interval_count} ${recurring.interval}s`;
}
