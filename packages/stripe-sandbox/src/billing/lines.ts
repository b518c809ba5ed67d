import { newId } from '../ids.ts';
import type { InvoiceLine } from '../objects/invoice.ts';
import type { Metadata } from '../objects/parts.ts';
import type { Price } from '../objects/price.ts';
import type { Subscription, SubscriptionItem } from '../objects/subscription.ts';
import { formatAmount, lineAmount } from './amounts.ts';

type Period = { start: number; end: number };

function every(price: Price): string {
  const recurring = price.recurring;
  if (recurring === null) return '';
  return recurring.interval_count === 1
    ? ` / ${recurring.interval}`
    : ` / every ${recurring.interval_count} ${recurring.interval}s`;
}

/** What Stripe writes on the line of a subscription item: `1 × Pro (at $25.00 / month)`. */
export function describe(productName: string, price: Price, quantity: number): string {
  const unit = price.unit_amount ?? Math.round(Number(price.unit_amount_decimal));
  return `${quantity} × ${productName} (at ${formatAmount(unit, price.currency)}${every(price)})`;
}

function line(
  invoice: string,
  price: Price,
  quantity: number,
  rest: Pick<InvoiceLine, 'amount' | 'description' | 'metadata' | 'parent' | 'period' | 'subscription'>,
): InvoiceLine {
  return {
    id: newId('il_'),
    object: 'line_item',
    currency: price.currency,
    discount_amounts: [],
    discountable: true,
    discounts: [],
    invoice,
    livemode: false,
    pretax_credit_amounts: [],
    pricing: {
      price_details: { price: price.id, product: price.product },
      type: 'price_details',
      unit_amount_decimal: price.unit_amount_decimal,
    },
    quantity,
    quantity_decimal: String(quantity),
    subtotal: rest.amount,
    taxes: [],
    ...rest,
  };
}

/** The line that bills one item for one period in advance; during a trial the same line at nothing. */
export function itemLine(
  invoice: string,
  subscription: Subscription,
  item: SubscriptionItem,
  productName: string,
  period: Period,
  trial: boolean,
): InvoiceLine {
  return line(invoice, item.price, item.quantity, {
    amount: trial ? 0 : lineAmount(item.price.unit_amount_decimal, item.quantity),
    description: trial ? `Trial period for ${productName}` : describe(productName, item.price, item.quantity),
    metadata: subscription.metadata,
    parent: {
      invoice_item_details: null,
      subscription_item_details: {
        invoice_item: null,
        proration: false,
        proration_details: { credited_items: null },
        subscription: subscription.id,
        subscription_item: item.id,
      },
      type: 'subscription_item_details',
    },
    period,
    subscription: subscription.id,
  });
}

/** The line of something bought once together with the subscription. */
export function oneTimeLine(
  invoice: string,
  subscription: string,
  sold: { price: Price; quantity: number; productName: string; metadata: Metadata },
  at: number,
): InvoiceLine {
  return line(invoice, sold.price, sold.quantity, {
    amount: lineAmount(sold.price.unit_amount_decimal, sold.quantity),
    description: sold.productName,
    metadata: sold.metadata,
    parent: {
      invoice_item_details: {
        invoice_item: newId('ii_'),
        proration: false,
        proration_details: { credited_items: null },
        subscription,
      },
      subscription_item_details: null,
      type: 'invoice_item_details',
    },
    period: { start: at, end: at },
    subscription,
  });
}
