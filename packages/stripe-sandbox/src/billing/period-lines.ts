import type { InvoiceLine } from '../objects/invoice.ts';
import { isMetered, quantityOf, type Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { proratedAmount } from './amounts.ts';
import { itemLines } from './lines.ts';
import { fullPeriodOf } from './subscription-start.ts';
import { exactAmount, unitsOf } from './tiers.ts';

/**
 * The lines that bill the items of a subscription for its current period, in advance; at nothing during a trial. What is
 * metered is billed when it has been used.
 */
export function periodLines(work: Work, subscription: Subscription, invoice: string, trial: boolean): InvoiceLine[] {
  return subscription.items.data.flatMap((item) => {
    if (isMetered(item)) return [];
    const period = { start: item.current_period_start, end: item.current_period_end };
    return itemLines(work, invoice, subscription, item, { quantity: unitsOf(quantityOf(item)), period, trial });
  });
}

/** The lines of a first period that is shorter than the others, up to the billing cycle's anchor: prorated by the second. */
export function stubLines(work: Work, subscription: Subscription, invoice: string): InvoiceLine[] {
  const whole = fullPeriodOf(subscription);
  const lines = periodLines(work, subscription, invoice, false);
  return subscription.items.data.flatMap((item) => {
    const line = lines.find((one) => one.parent.subscription_item_details?.subscription_item === item.id);
    const details = line?.parent.subscription_item_details ?? null;
    if (line === undefined || details === null) return [];
    const part = line.period.end - line.period.start;
    const share = { part, whole: whole.end - whole.start, net: 1, gross: 1 };
    const amount = proratedAmount(exactAmount(work, item.price, quantityOf(item)), share);
    const parent = {
      invoice_item_details: null,
      subscription_item_details: { ...details, proration: true },
      type: 'subscription_item_details' as const,
    };
    const quantity = quantityOf(item);
    return { ...line, amount, parent, quantity, quantity_decimal: String(quantity), subtotal: amount };
  });
}

/** The items of a subscription, all moved into one period. */
export function withPeriod(subscription: Subscription, period: { start: number; end: number }): Subscription['items'] {
  const data = subscription.items.data.map((item) => {
    return { ...item, current_period_start: period.start, current_period_end: period.end };
  });
  return { ...subscription.items, data };
}
