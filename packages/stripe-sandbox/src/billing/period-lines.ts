import type { InvoiceLine } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { proratedAmount } from './amounts.ts';
import { itemLine } from './lines.ts';
import { fullPeriodOf } from './subscription-start.ts';

/** The lines that bill every item of a subscription for its current period, in advance; at nothing during a trial. */
export function periodLines(work: Work, subscription: Subscription, invoice: string, trial: boolean): InvoiceLine[] {
  return subscription.items.data.map((item) => {
    const period = { start: item.current_period_start, end: item.current_period_end };
    return itemLine(invoice, subscription, item, work.get('product', item.price.product).name, period, trial);
  });
}

/** The lines of a first period that is shorter than the others, up to the billing cycle's anchor: prorated by the second. */
export function stubLines(work: Work, subscription: Subscription, invoice: string): InvoiceLine[] {
  const whole = fullPeriodOf(subscription);
  return periodLines(work, subscription, invoice, false).map((line, index) => {
    const item = subscription.items.data[index];
    const details = line.parent.subscription_item_details;
    if (item === undefined || details === null) return line;
    const part = line.period.end - line.period.start;
    const share = { part, whole: whole.end - whole.start, net: 1, gross: 1 };
    const amount = proratedAmount(item.price.unit_amount_decimal, item.quantity, share);
    const parent = {
      invoice_item_details: null,
      subscription_item_details: { ...details, proration: true },
      type: 'subscription_item_details' as const,
    };
    return { ...line, amount, parent, subtotal: amount };
  });
}

/** The items of a subscription, all moved into one period. */
export function withPeriod(subscription: Subscription, period: { start: number; end: number }): Subscription['items'] {
  const data = subscription.items.data.map((item) => {
    return { ...item, current_period_start: period.start, current_period_end: period.end };
  });
  return { ...subscription.items, data };
}
