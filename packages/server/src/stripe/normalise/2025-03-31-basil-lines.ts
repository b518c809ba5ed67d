import { type Fields, hasAny, idOf, isFields, orElse, without } from './fields.ts';

const lineFields = [
  'amount_excluding_tax',
  'invoice_item',
  'plan',
  'price',
  'proration',
  'proration_details',
  'subscription_item',
  'tax_amounts',
  'tax_rates',
  'type',
  'unit_amount_excluding_tax',
];

/** A line of an invoice: what it is for went below `parent`, its price below `pricing`, taxes got other names. */
export function invoiceLine(body: Fields): Fields {
  if (!hasAny(body, lineFields)) return body;
  return {
    ...without(body, lineFields),
    parent: orElse(body, 'parent', () => lineParent(body)),
    pricing: orElse(body, 'pricing', () => pricing(body.price ?? body.plan)),
    subtotal: orElse(body, 'subtotal', () => body.amount),
    taxes: orElse(body, 'taxes', () => taxes(body.tax_amounts)),
  };
}

function lineParent(body: Fields): Fields {
  const origin = {
    proration: body.proration === true,
    proration_details: body.proration_details ?? null,
    subscription: idOf(body.subscription),
  };
  const invoiceItem = idOf(body.invoice_item);
  const isSubscriptions = body.type === undefined ? invoiceItem === null : body.type === 'subscription';
  return isSubscriptions
    ? {
        type: 'subscription_item_details',
        invoice_item_details: null,
        subscription_item_details: {
          invoice_item: invoiceItem,
          ...origin,
          subscription_item: idOf(body.subscription_item),
        },
      }
    : {
        type: 'invoice_item_details',
        invoice_item_details: { invoice_item: invoiceItem ?? body.id ?? null, ...origin },
        subscription_item_details: null,
      };
}

function pricing(price: unknown): Fields | null {
  const id = idOf(price);
  if (id === null) return null;
  const { product, unit_amount, unit_amount_decimal } = isFields(price) ? price : {};
  const decimal = unit_amount_decimal ?? (typeof unit_amount === 'number' ? String(unit_amount) : null);
  return {
    type: 'price_details',
    price_details: { price: id, product: idOf(product) },
    unit_amount_decimal: decimal,
  };
}

/** `tax_amounts` as `taxes`. */
export function taxes(amounts: unknown): Fields[] | null {
  if (!Array.isArray(amounts)) return null;
  return amounts.filter(isFields).map(({ amount, inclusive, tax_rate, taxability_reason, taxable_amount }) => {
    const rate = idOf(tax_rate);
    return {
      amount,
      tax_behavior: inclusive === true ? 'inclusive' : 'exclusive',
      tax_rate_details: rate === null ? null : { tax_rate: rate },
      taxability_reason: taxability_reason ?? 'not_available',
      taxable_amount: taxable_amount ?? null,
      type: 'tax_rate_details',
    };
  });
}
