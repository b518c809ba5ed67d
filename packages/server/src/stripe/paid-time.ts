import type { StripeInvoice, UnixSeconds } from './shapes.ts';

/** The latest end among the lines that pay for time of a subscription; a one-off line says nothing about time. */
export function paysUntil(invoice: StripeInvoice): number | null {
  let end: number | null = null;
  for (const line of invoice.lines.data) {
    if (line.parent !== null && line.parent.type !== 'subscription_item_details') continue;
    if (end === null || line.period.end > end) end = line.period.end;
  }
  return instant(end);
}

/** In milliseconds. */
export function instant(seconds: UnixSeconds | null | undefined): number | null {
  return seconds == null ? null : seconds * 1000;
}
