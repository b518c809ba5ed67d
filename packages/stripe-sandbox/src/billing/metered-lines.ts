import { isObject } from '../json.ts';
import type { Invoice, InvoiceLine } from '../objects/invoice.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import { isMetered, type Subscription, type SubscriptionItem } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { rememberOf } from './billed.ts';
import { withLines } from './draft-lines.ts';
import { newInvoiceItem } from './invoice-items.ts';
import { itemLines } from './lines.ts';
import { usageIn } from './metered-usage.ts';

/**
 * Billing of what was used: metered items are billed in arrears
 * (https://docs.stripe.com/billing/subscriptions/usage-based/manage-billing-setup).
 */

type Period = { start: number; end: number };
type Measured = Pick<SubscriptionItem, 'id' | 'price'>;

/** Statuses in which use is billed; while a trial runs it is free, and shown as such. */
const MEASURED: readonly Subscription['status'][] = ['active', 'past_due', 'trialing', 'unpaid'];

function startsOf(work: Work, subscription: string): { [item: string]: number } {
  const hidden = work.hidden(subscription);
  const starts = isObject(hidden) ? hidden.metered_from : null;
  return isObject(starts) ? (starts as { [item: string]: number }) : {};
}

/** The item as it was before, where it has the same price still. */
function sameIn(before: Subscription, item: SubscriptionItem): SubscriptionItem | undefined {
  return before.items.data.find((one) => one.id === item.id && one.price.id === item.price.id);
}

/** From when on use is billed at the item's price: the beginning of the period, or when the price was taken up. */
function startOf(work: Work, before: Subscription, item: SubscriptionItem): number {
  const same = sameIn(before, item);
  if (same === undefined) return work.now;
  return Math.max(startsOf(work, before.id)[item.id] ?? 0, same.current_period_start);
}

/** Remembers from when on the prices are in force that a change has brought. */
export function rememberStarts(work: Work, before: Subscription, after: Subscription): void {
  const begun = after.items.data.filter((item) => isMetered(item) && sameIn(before, item) === undefined);
  if (begun.length === 0) return;
  const starts = Object.fromEntries(begun.map((item) => [item.id, work.now]));
  rememberOf(work, after.id, { metered_from: { ...startsOf(work, after.id), ...starts } });
}

function usageOf(work: Work, customer: string, { price }: Measured, period: Period): bigint {
  return usageIn(work, price.recurring?.meter ?? '', customer, period);
}

/**
 * The lines that bill what was used until then. `before` is the subscription as it is, where a change of it is only shown.
 * There is a line for an item even where nothing was used: what is reported until the invoice is finalised still counts.
 */
export function usageLines(
  work: Work,
  subscription: Subscription,
  invoice: string,
  until: number,
  before: Subscription = subscription,
): InvoiceLine[] {
  if (!MEASURED.includes(before.status)) return [];
  const trial = before.status === 'trialing';
  return subscription.items.data.filter(isMetered).flatMap((item) => {
    const period = { start: Math.min(startOf(work, before, item), until), end: until };
    const quantity = trial ? 0n : usageOf(work, subscription.customer, item, period);
    return itemLines(work, invoice, subscription, item, { quantity, period, trial });
  });
}

/** What was used of items whose price ends now, within a period, to be billed with the next invoice. */
export function usageItems(work: Work, subscription: Subscription, ended: readonly SubscriptionItem[]): InvoiceItem[] {
  return ended.filter(isMetered).flatMap((item) => {
    const period = { start: startOf(work, subscription, item), end: work.now };
    const quantity = usageOf(work, subscription.customer, item, period);
    const lines = itemLines(work, '', subscription, item, { quantity, period, trial: false });
    const used = lines.filter((line) => line.amount !== 0);
    return used.map((line) =>
      newInvoiceItem(work, {
        amount: line.amount,
        currency: line.currency,
        customer: subscription.customer,
        description: line.description,
        metadata: line.metadata,
        parent: {
          subscription_details: { subscription: subscription.id, subscription_item: item.id },
          type: 'subscription_details',
        },
        period,
        pricing: line.pricing,
        quantity: line.quantity,
        quantity_decimal: line.quantity_decimal,
      }),
    );
  });
}

/** The metered price of a line that bills what was used in a period; undefined for all other lines. */
function measuredBy(work: Work, line: InvoiceLine): Measured | undefined {
  const details = line.parent.subscription_item_details;
  if (details === null || details.invoice_item !== null) return undefined;
  const price = work.find('price', line.pricing?.price_details?.price ?? '');
  return price === undefined || !isMetered({ price }) ? undefined : { id: details.subscription_item, price };
}

/** A draft that bills what was used, counted once more: what was reported late is on it. */
export function remeasured(work: Work, draft: Invoice): Invoice {
  const id = draft.parent?.subscription_details.subscription;
  const subscription = id === undefined ? undefined : work.find('subscription', id);
  if (subscription === undefined) return draft;
  const counted = new Set<string>();
  const lines = draft.lines.data.flatMap((line) => {
    const item = measuredBy(work, line);
    if (item === undefined || line.period.end <= (subscription.trial_end ?? 0)) return [line];
    if (counted.has(item.id)) return [];
    counted.add(item.id);
    const { period } = line;
    const quantity = usageOf(work, draft.customer, item, period);
    const before = draft.lines.data.filter((one) => measuredBy(work, one)?.id === item.id);
    const now = itemLines(work, draft.id, subscription, item, { quantity, period, trial: false });
    return now.map((one, index) => ({ ...one, ...before[index], ...amountsOf(one) }));
  });
  return counted.size === 0 ? draft : withLines(work, draft, lines);
}

/** What of a line follows from how much was used; all else stays as it was. */
function amountsOf(line: InvoiceLine) {
  const { amount, description, pricing, quantity, quantity_decimal, subtotal } = line;
  return { amount, description, pricing, quantity, quantity_decimal, subtotal };
}
