import type { InvoiceItem } from '../objects/invoice-item.ts';
import { isMetered, quantityOf, type Subscription, type SubscriptionItem } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { proratedAmount } from './amounts.ts';
import { type Billed, billedOf } from './billed.ts';
import { discountAmounts } from './discount-amounts.ts';
import type { ActiveDiscount } from './discounts.ts';
import { newInvoiceItem } from './invoice-items.ts';
import { amountFor, exactAmount } from './tiers.ts';

type Period = { start: number; end: number };
type Prices = { [item: string]: Billed };

/** An item that is billed no more, or from now on, within a period. */
export type Change = { kind: 'credit' | 'debit'; item: SubscriptionItem };

/** What each item costs for a full period, and what the subscription's lasting discounts leave of it. */
export function netPrices(
  work: Work,
  items: readonly SubscriptionItem[],
  discounts: readonly ActiveDiscount[],
): { [item: string]: Billed } {
  const lines = items.map((item) => ({
    amount: isMetered(item) ? 0 : amountFor(work, item.price, quantityOf(item)),
    discountable: true,
    product: item.price.product,
  }));
  // A discount that works once is for an invoice of a whole period, not for a part of one.
  const lasting = discounts.filter(({ terms }) => !terms.once);
  const off = discountAmounts(lines, lasting);
  const entries = items.map((item, index): [string, Billed] => {
    const gross = lines[index]?.amount ?? 0;
    const taken = (off[index] ?? []).reduce((sum, one) => sum + one.amount, 0);
    return [item.id, { gross, net: gross - taken, line: null }];
  });
  return Object.fromEntries(entries);
}

function sameBilling(a: SubscriptionItem, b: SubscriptionItem): boolean {
  return a.price.id === b.price.id && a.quantity === b.quantity;
}

/** What changes between the two states of a subscription's items, credits first for each. */
export function itemChanges(before: readonly SubscriptionItem[], after: readonly SubscriptionItem[]): Change[] {
  const changes: Change[] = [];
  for (const item of before) {
    const next = after.find((one) => one.id === item.id);
    if (next !== undefined && sameBilling(item, next)) continue;
    changes.push({ kind: 'credit', item });
    if (next !== undefined) changes.push({ kind: 'debit', item: next });
  }
  for (const item of after) {
    if (!before.some((one) => one.id === item.id)) changes.push({ kind: 'debit', item });
  }
  return changes;
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

function dayOf(at: number): string {
  const date = new Date(at * 1000);
  return `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`;
}

const UNPRICED: Billed = { gross: 1, net: 1, line: null };

/** What the item costs: as it was billed last while it stays the same, else its new price. */
function priceOf(work: Work, subscription: Subscription, item: SubscriptionItem, prices: Prices): Billed {
  const known = subscription.items.data.some((one) => one.id === item.id && sameBilling(one, item));
  const given = prices[item.id];
  return known ? billedOf(work, subscription.id, item.id) : (given ?? UNPRICED);
}

/** Everything there is, given back. */
export function allGivenBack(subscription: Subscription): Change[] {
  return subscription.items.data.map((item) => ({ kind: 'credit', item }));
}

/**
 * The invoice items of a change within a period: unused time is given back, remaining time is charged, each by the second
 * and rounded half up by itself (https://docs.stripe.com/billing/subscriptions/prorations). Amounts are net of discounts,
 * as `billing_mode.flexible.proration_discounts: included` says, so invoices do not discount them again. What is metered
 * has nothing that could be given back.
 */
export function prorationItems(
  work: Work,
  subscription: Subscription,
  changes: readonly Change[],
  how: {
    at: number;
    /** Until when, where that is not the end of the period. */
    until?: number;
    period: Period;
    /** What changed and new items cost; those that stay the same cost what was paid for them. */
    prices: Prices;
  },
): InvoiceItem[] {
  const { at, period, until = period.end } = how;
  const licensed = changes.filter(({ item }) => !isMetered(item));
  return licensed.map(({ kind, item }) => {
    const quantity = quantityOf(item);
    const credit = kind === 'credit';
    const price = priceOf(work, subscription, item, how.prices);
    const share = { part: until - at, whole: period.end - period.start, net: price.net, gross: price.gross };
    const amount = proratedAmount(exactAmount(work, item.price, quantity), share);
    const what = `${quantity === 1 ? '' : `${quantity} × `}${work.get('product', item.price.product).name}`;
    return newInvoiceItem(work, {
      amount: credit && amount !== 0 ? -amount : amount,
      currency: subscription.currency,
      customer: subscription.customer,
      description: `${credit ? 'Unused' : 'Remaining'} time on ${what} after ${dayOf(at)}`,
      discountable: false,
      metadata: subscription.metadata,
      parent: {
        subscription_details: { subscription: subscription.id, subscription_item: item.id },
        type: 'subscription_details',
      },
      period: { start: at, end: until },
      pricing: {
        price_details: { price: item.price.id, product: item.price.product },
        type: 'price_details',
        unit_amount_decimal: item.price.unit_amount_decimal,
      },
      proration: true,
      proration_details: {
        credited_items:
          credit && price.line !== null ? { invoice_line_item_details: price.line, type: 'invoice_line_items' } : null,
        discount_amounts: [],
      },
      quantity,
    });
  });
}
