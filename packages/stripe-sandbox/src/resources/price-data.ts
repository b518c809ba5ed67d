import { wholeAmount } from '../billing/amounts.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import { INTERVALS } from '../objects/parts.ts';
import type { Price, Recurring } from '../objects/price.ts';
import {
  array,
  decimal,
  type Infer,
  integer,
  metadata,
  object,
  oneOf,
  required,
  string,
} from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { mergeMetadata } from './metadata.ts';
import { currency } from './parameters.ts';
import { newProduct } from './products.ts';

/** What a price is made of, whether it is made for itself or in passing (`price_data`). */

export const TAX_BEHAVIOR = oneOf(['exclusive', 'inclusive', 'unspecified']);

export const RECURRING_FIELDS = {
  interval: required(oneOf(INTERVALS)),
  interval_count: integer({ min: 1 }),
  meter: string(),
  trial_period_days: integer({ min: 1, max: 730 }),
  usage_type: oneOf(['licensed', 'metered']),
};

const LONGEST: Record<Recurring['interval'], number> = { day: 1095, week: 156, month: 36, year: 3 };

/** A metered price, and no other, has a meter, which must be active. */
function meterOf(work: Work, params: Infer<typeof RECURRING_FIELDS>, param: string): string | null {
  const metered = params.usage_type === 'metered';
  if (params.meter === undefined) {
    if (!metered) return null;
    throw invalidRequest('Metered prices must be backed by a meter: pass its id as `recurring[meter]`.', {
      code: 'parameter_missing',
      param: `${param}[meter]`,
    });
  }
  if (!metered) {
    throw invalidRequest('A meter goes with `usage_type=metered` only.', { param: `${param}[meter]` });
  }
  const meter = work.require('billing.meter', params.meter, `${param}[meter]`);
  if (meter.status === 'active') return meter.id;
  throw invalidRequest(`The meter ${meter.id} is inactive.`, { param: `${param}[meter]` });
}

/** Reads `recurring`; Stripe allows at most three years between two invoices. */
export function toRecurring(work: Work, params: Infer<typeof RECURRING_FIELDS>, param: string): Recurring {
  const count = params.interval_count ?? 1;
  if (count > LONGEST[params.interval]) {
    throw invalidRequest(`Prices cannot recur less often than every three years.`, {
      param: `${param}[interval_count]`,
    });
  }
  return {
    interval: params.interval,
    interval_count: count,
    meter: meterOf(work, params, param),
    trial_period_days: params.trial_period_days ?? null,
    usage_type: params.usage_type ?? 'licensed',
  };
}

export const AMOUNT_FIELDS = { unit_amount: integer({ min: 0 }), unit_amount_decimal: decimal() };

/** The two ways to state an amount, of which exactly one must be given. */
export function toAmount(
  params: Infer<typeof AMOUNT_FIELDS>,
  prefix: string,
): { unit_amount: number | null; unit_amount_decimal: string } {
  const { unit_amount: whole, unit_amount_decimal: fraction } = params;
  const name = (member: string) => (prefix === '' ? member : `${prefix}[${member}]`);
  if (whole !== undefined && fraction !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: unit_amount, unit_amount_decimal.', {
      code: 'parameters_exclusive',
      param: name('unit_amount'),
    });
  }
  if (whole !== undefined) return { unit_amount: whole, unit_amount_decimal: String(whole) };
  if (fraction !== undefined) return { unit_amount: wholeAmount(fraction), unit_amount_decimal: fraction };
  throw invalidRequest(`Missing required param: ${name('unit_amount')}.`, {
    code: 'parameter_missing',
    param: name('unit_amount'),
  });
}

/** A price with everything at its default. */
export function newPrice(
  work: Work,
  members: Pick<Price, 'currency' | 'product' | 'unit_amount' | 'unit_amount_decimal'> & Partial<Price>,
): Price {
  return {
    id: newId('price_'),
    object: 'price',
    active: true,
    billing_scheme: 'per_unit',
    created: work.now,
    custom_unit_amount: null,
    livemode: false,
    lookup_key: null,
    metadata: {},
    nickname: null,
    recurring: null,
    tax_behavior: 'unspecified',
    tiers_mode: null,
    transform_quantity: null,
    type: (members.recurring ?? null) === null ? 'one_time' : 'recurring',
    ...members,
  };
}

const PRICE_DATA_FIELDS = {
  ...AMOUNT_FIELDS,
  currency: required(currency()),
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
  recurring: object({ interval: required(oneOf(INTERVALS)), interval_count: integer({ min: 1 }) }),
  tax_behavior: TAX_BEHAVIOR,
};

/** `price_data`: a price made in passing. */
export const PRICE_DATA = object(PRICE_DATA_FIELDS);

/** `price_data` of a subscription item: recurring, and of a product that exists. */
export const SUBSCRIPTION_PRICE_DATA = object({
  ...AMOUNT_FIELDS,
  currency: PRICE_DATA_FIELDS.currency,
  product: required(string()),
  recurring: required(PRICE_DATA_FIELDS.recurring),
  tax_behavior: TAX_BEHAVIOR,
});

/** Makes the price (and product) of a `price_data`. Stripe keeps both inactive: they are for this one use. */
export function inlinePrice(work: Work, data: Infer<typeof PRICE_DATA_FIELDS>, param: string): Price {
  const amount = toAmount(data, param);
  if ((data.product === undefined) === (data.product_data === undefined)) {
    throw invalidRequest(
      `You must specify exactly one of these parameters: ${param}[product], ${param}[product_data].`,
      {
        param: `${param}[product]`,
      },
    );
  }
  let product = data.product === undefined ? undefined : work.require('product', data.product, `${param}[product]`).id;
  if (data.product_data !== undefined) {
    const { name, metadata: productMetadata, ...rest } = data.product_data;
    const members = { ...rest, active: false, metadata: mergeMetadata({}, productMetadata) };
    product = work.insert(newProduct(work, name, members), 'product.created').id;
  }
  const price = newPrice(work, {
    ...amount,
    active: false,
    currency: data.currency,
    product: product ?? '',
    recurring: data.recurring === undefined ? null : toRecurring(work, data.recurring, `${param}[recurring]`),
    tax_behavior: data.tax_behavior ?? 'unspecified',
  });
  return work.insert(price, 'price.created');
}
