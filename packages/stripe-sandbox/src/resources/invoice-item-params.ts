import { lineAmount } from '../billing/amounts.ts';
import { unitOf } from '../billing/tiers.ts';
import { invalidRequest } from '../http/api-error.ts';
import type { InvoiceItem } from '../objects/invoice-item.ts';
import type { Price } from '../objects/price.ts';
import { given } from '../parameters/given.ts';
import {
  array,
  boolean,
  type Infer,
  integer,
  metadata,
  object,
  required,
  string,
  timestamp,
} from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { mergeMetadata } from './metadata.ts';
import { currency } from './parameters.ts';
import { AMOUNT_FIELDS, inlinePrice, TAX_BEHAVIOR } from './price-data.ts';

/** What an invoice item is made of, whether it is made for itself or as a line of a draft. */

const PRICE_DATA_FIELDS = { ...AMOUNT_FIELDS, currency: required(currency()), tax_behavior: TAX_BEHAVIOR };

/** `price_data` of an item: of a product that exists. */
export const ITEM_PRICE_DATA = object({ ...PRICE_DATA_FIELDS, product: required(string()) });

/** `price_data` of a line: the product may be made in passing. */
export const LINE_PRICE_DATA = object({
  ...PRICE_DATA_FIELDS,
  product: string(),
  product_data: object(
    {
      name: required(string()),
      description: string(),
      images: array(string(), { max: 8 }),
      metadata: metadata(),
      tax_code: string(),
      unit_label: string({ maxLength: 12 }),
    },
    ['tax_details'],
  ),
});

/** What items and lines have in common. */
export const ITEM_FIELDS = {
  amount: integer(),
  description: string(),
  discountable: boolean(),
  metadata: metadata(),
  period: object({ end: required(timestamp()), start: required(timestamp()) }),
  pricing: object({ price: string() }),
  quantity: integer({ min: 0 }),
};

type PriceData = Infer<(typeof LINE_PRICE_DATA)['fields']>;
export type ItemParams = Infer<typeof ITEM_FIELDS> & {
  price_data?: PriceData | Infer<(typeof ITEM_PRICE_DATA)['fields']>;
  unit_amount_decimal?: string;
};

type Priced = Pick<InvoiceItem, 'amount' | 'pricing' | 'quantity' | 'quantity_decimal'> & {
  currency: string | null;
  /** What Stripe writes on the line when nothing else is said. */
  description: string | null;
};

function priced(unitDecimal: string, quantity: number, price: Price | null, description: string | null): Priced {
  const details = price === null ? {} : { price_details: { price: price.id, product: price.product } };
  return {
    amount: lineAmount(unitDecimal, quantity),
    currency: price?.currency ?? null,
    description,
    pricing: { ...details, type: 'price_details', unit_amount_decimal: unitDecimal },
    quantity,
    quantity_decimal: String(quantity),
  };
}

function ofPrice(work: Work, price: Price, quantity: number, param: string): Priced {
  if (price.recurring !== null) {
    throw invalidRequest(
      `The price specified is set to \`type=recurring\` but this field only accepts prices with \`type=one_time\`.`,
      { param },
    );
  }
  return priced(unitOf(price), quantity, price, work.get('product', price.product).name);
}

const WAYS = ['amount', 'price_data', 'pricing', 'unit_amount_decimal'] as const;

/** The price of an item from the one way in which it is stated; undefined when nothing is said of it. */
export function pricedBy(work: Work, params: ItemParams, prefix = ''): Priced | undefined {
  const name = (member: string) => (prefix === '' ? member : `${prefix}[${member}]`);
  const ways = WAYS.filter((way) => params[way] !== undefined);
  if (ways.length > 1) {
    throw invalidRequest(`You may only specify one of these parameters: ${ways.map(name).join(', ')}.`, {
      code: 'parameters_exclusive',
      param: name(ways[0] ?? 'amount'),
    });
  }
  const quantity = params.quantity ?? 1;
  if (params.amount !== undefined) {
    if (params.quantity === undefined) return priced(String(params.amount), 1, null, null);
    throw invalidRequest(`You may only specify one of these parameters: ${name('amount')}, ${name('quantity')}.`, {
      code: 'parameters_exclusive',
      param: name('quantity'),
    });
  }
  if (params.unit_amount_decimal !== undefined) return priced(params.unit_amount_decimal, quantity, null, null);
  if (params.price_data !== undefined) {
    const param = name('price_data');
    return ofPrice(work, inlinePrice(work, params.price_data, param), quantity, param);
  }
  if (params.pricing === undefined) return undefined;
  const param = `${name('pricing')}[price]`;
  if (params.pricing.price === undefined) {
    throw invalidRequest(`Missing required param: ${param}.`, { code: 'parameter_missing', param });
  }
  return ofPrice(work, work.require('price', params.pricing.price, param), quantity, param);
}

/** The members that say nothing of the price. */
function otherMembers(params: ItemParams, current: InvoiceItem | undefined): Partial<InvoiceItem> {
  const { period } = params;
  if (period !== undefined && period.end < period.start) {
    throw invalidRequest('The end of the period must not be before its start.', { param: 'period[end]' });
  }
  return given({
    description: params.description,
    discountable: params.discountable,
    metadata: params.metadata === undefined ? undefined : mergeMetadata(current?.metadata ?? {}, params.metadata),
    period,
  });
}

/** The members of a new item. `fallback` is the currency where neither the price nor a parameter says one. */
export function newItemMembers(
  work: Work,
  params: ItemParams,
  wanted: { currency: string | undefined; fallback: string },
  prefix = '',
): Partial<InvoiceItem> & { amount: number; currency: string } {
  const price = pricedBy(work, params, prefix);
  if (price === undefined) {
    throw invalidRequest(
      `One of the following params should be provided for this request: ${WAYS.map((way) => (prefix === '' ? way : `${prefix}[${way}]`)).join(', ')}.`,
      { code: 'parameter_missing', param: prefix === '' ? 'amount' : `${prefix}[amount]` },
    );
  }
  const { currency: own, ...members } = price;
  if (own !== null && wanted.currency !== undefined && wanted.currency !== own) {
    throw invalidRequest(`The price is in ${own}, not in ${wanted.currency}.`, { param: 'currency' });
  }
  return {
    ...members,
    net_amount: members.amount,
    currency: own ?? wanted.currency ?? wanted.fallback,
    ...otherMembers(params, undefined),
  };
}

/** What an update changes of an item. A quantity by itself multiplies the price the item has. */
export function changedItemMembers(
  work: Work,
  item: InvoiceItem,
  params: ItemParams,
  prefix = '',
): Partial<InvoiceItem> {
  const unit = item.pricing?.unit_amount_decimal;
  const requantified =
    params.quantity === undefined || unit === undefined || unit === null
      ? undefined
      : {
          amount: lineAmount(unit, params.quantity),
          quantity: params.quantity,
          quantity_decimal: String(params.quantity),
        };
  const price = pricedBy(work, params, prefix);
  if (price === undefined) {
    const amount = requantified === undefined ? {} : { ...requantified, net_amount: requantified.amount };
    return { ...amount, ...otherMembers(params, item) };
  }
  const { currency: own, description: _, ...members } = price;
  if (own !== null && own !== item.currency) {
    throw invalidRequest(`The price is in ${own}, the invoice item in ${item.currency}.`, { param: 'pricing' });
  }
  return { ...members, net_amount: members.amount, ...otherMembers(params, item) };
}
