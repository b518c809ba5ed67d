import { newId } from '../ids.ts';
import type { InvoiceLine } from '../objects/invoice.ts';
import type { Metadata } from '../objects/parts.ts';
import type { Price } from '../objects/price.ts';
import type { Subscription, SubscriptionItem } from '../objects/subscription.ts';
import type { Work } from '../work.ts';
import { formatAmount, lineAmount, roundedAmount, unscaled } from './amounts.ts';
import { type Charge, chargesOf, unitOf, unitsOf } from './tiers.ts';

type Period = { start: number; end: number };

function every(price: Price): string {
  const recurring = price.recurring;
  if (recurring === null) return '';
  return recurring.interval_count === 1
    ? ` / ${recurring.interval}`
    : ` / every ${recurring.interval_count} ${recurring.interval}s`;
}

function unitText(price: Price, unitDecimal: string): string {
  const per = price.transform_quantity === null ? '' : ` per ${price.transform_quantity.divide_by}`;
  return `${formatAmount(Math.round(Number(unitDecimal)), price.currency)}${per}${every(price)}`;
}

/** What Stripe writes on the line of a subscription item: `1 × Pro (at $25.00 / month)`. */
function describe(productName: string, price: Price, { quantity, tier, unitDecimal, exact }: Charge): string {
  const at = unitDecimal === null ? '' : `at ${unitText(price, unitDecimal)}`;
  if (tier === null) return `${unscaled(quantity)} × ${productName} (${at})`;
  if (!tier.flat) return `${unscaled(quantity)} × ${productName} (Tier ${tier.number} ${at})`;
  return `${productName} (Tier ${tier.number} flat fee of ${formatAmount(roundedAmount(exact), price.currency)}${every(price)})`;
}

function line(
  invoice: string,
  price: Price,
  charge: Pick<Charge, 'quantity' | 'unitDecimal'>,
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
      unit_amount_decimal: charge.unitDecimal,
    },
    quantity: Math.trunc(Number(unscaled(charge.quantity))),
    quantity_decimal: unscaled(charge.quantity),
    subtotal: rest.amount,
    taxes: [],
    ...rest,
  };
}

/**
 * The lines that bill a quantity of one item for one period: one, or one for each tier that is reached. During a trial there
 * is one, at nothing.
 */
export function itemLines(
  work: Work,
  invoice: string,
  subscription: Subscription,
  item: Pick<SubscriptionItem, 'id' | 'price'>,
  what: { quantity: bigint; period: Period; trial: boolean },
): InvoiceLine[] {
  const productName = work.get('product', item.price.product).name;
  const free = { quantity: what.quantity, unitDecimal: item.price.unit_amount_decimal, tier: null, exact: 0n };
  const charges = what.trial ? [free] : chargesOf(work, item.price, what.quantity);
  return charges.map((charge) => {
    const description = what.trial ? `Trial period for ${productName}` : describe(productName, item.price, charge);
    return chargeLine(invoice, subscription, item, { charge, description, period: what.period });
  });
}

function chargeLine(
  invoice: string,
  subscription: Subscription,
  item: Pick<SubscriptionItem, 'id' | 'price'>,
  what: { charge: Charge; description: string; period: Period },
): InvoiceLine {
  return line(invoice, item.price, what.charge, {
    amount: roundedAmount(what.charge.exact),
    description: what.description,
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
    period: what.period,
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
  const unitDecimal = unitOf(sold.price);
  return line(
    invoice,
    sold.price,
    { quantity: unitsOf(sold.quantity), unitDecimal },
    {
      amount: lineAmount(unitDecimal, sold.quantity),
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
    },
  );
}
