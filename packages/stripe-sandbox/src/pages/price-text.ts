import { formatAmount } from '../billing/amounts.ts';
import type { Price } from '../objects/price.ts';

/** `$25.00 per month`, `$25.00` for a one-time price, and of what is metered `$0.04 for each used, billed per month`. */
export function priceText(price: Price): string {
  const cadence = cadenceText(price);
  // Tiers, and amounts below a cent, have none that stands for all.
  const amount = price.unit_amount === null ? null : formatAmount(price.unit_amount, price.currency);
  if (price.recurring?.usage_type !== 'metered') return `${amount ?? 'By use'}${cadence}`;
  return `${amount === null ? 'By use' : `${amount} for each used`}, billed${cadence}`;
}

/** ` per month`, ` every 3 months`, or nothing for a one-time price. */
function cadenceText({ recurring }: Price): string {
  if (recurring === null) return '';
  if (recurring.interval_count === 1) return ` per ${recurring.interval}`;
  return ` every ${recurring.interval_count} ${recurring.interval}s`;
}
