import type { InvoiceLine } from '../objects/invoice.ts';
import type { Subscription } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { itemLine } from './lines.ts';

/** The lines that bill every item of a subscription for its current period, in advance; at nothing during a trial. */
export function periodLines(work: Work, subscription: Subscription, invoice: string, trial: boolean): InvoiceLine[] {
  return subscription.items.data.map((item) => {
    const period = { start: item.current_period_start, end: item.current_period_end };
    return itemLine(invoice, subscription, item, work.get('product', item.price.product).name, period, trial);
  });
}

/** The items of a subscription, all moved into one period. */
export function withPeriod(subscription: Subscription, period: { start: number; end: number }): Subscription['items'] {
  const data = subscription.items.data.map((item) => {
    return { ...item, current_period_start: period.start, current_period_end: period.end };
  });
  return { ...subscription.items, data };
}
