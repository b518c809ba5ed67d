import { wholeAmount } from '../billing/amounts.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import { INTERVALS } from '../objects/parts.ts';
import type { Price, Recurring } from '../objects/price.ts';
import { given } from '../parameters/given.ts';
import {
  array,
  boolean,
  decimal,
  type Infer,
  integer,
  metadata,
  object,
  oneOf,
  required,
  string,
} from '../parameters/schema.ts';
import { equals, filter, oneOfValues } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { currency, only } from './parameters.ts';
import { newProduct } from './products.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const TAX_BEHAVIOR = oneOf(['exclusive', 'inclusive', 'unspecified']);

const RECURRING_FIELDS = {
  interval: required(oneOf(INTERVALS)),
  interval_count: integer({ min: 1 }),
  trial_period_days: integer({ min: 1, max: 730 }),
  usage_type: only(oneOf(['licensed', 'metered']), 'licensed'),
};

const LONGEST: Record<Recurring['interval'], number> = { day: 1095, week: 156, month: 36, year: 3 };

/** Reads `recurring`; Stripe allows at most three years between two invoices. */
export function toRecurring(params: Infer<typeof RECURRING_FIELDS>, param: string): Recurring {
  const count = params.interval_count ?? 1;
  if (count > LONGEST[params.interval]) {
    throw invalidRequest(`Prices cannot recur less often than every three years.`, {
      param: `${param}[interval_count]`,
    });
  }
  return {
    interval: params.interval,
    interval_count: count,
    meter: null,
    trial_period_days: params.trial_period_days ?? null,
    usage_type: 'licensed',
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

/** A lookup key belongs to one price; `transfer` takes it away from the one that has it. */
function claimLookupKey(work: Work, key: string, transfer: boolean, claimant: string | null): void {
  const [holder] = work.select('price', [equals('$.lookup_key', key)]);
  if (holder === undefined || holder.id === claimant) return;
  if (!transfer) {
    throw invalidRequest(
      `A price (${holder.id}) already uses that lookup key. Pass transfer_lookup_key=true to move it to this price.`,
      { param: 'lookup_key' },
    );
  }
  work.update(holder, { lookup_key: null }, 'price.updated');
}

const PRODUCT_DATA = object(
  {
    name: required(string()),
    active: boolean(),
    metadata: metadata(),
    statement_descriptor: string({ maxLength: 22 }),
    tax_code: string(),
    unit_label: string({ maxLength: 12 }),
    id: string(),
  },
  ['tax_details'],
);

function productFor(
  work: Work,
  params: { product?: string; product_data?: ReturnType<typeof PRODUCT_DATA.decode> },
): string {
  if (params.product !== undefined && params.product_data !== undefined) {
    throw invalidRequest('You may only specify one of these parameters: product, product_data.', {
      code: 'parameters_exclusive',
      param: 'product',
    });
  }
  if (params.product !== undefined) return work.require('product', params.product, 'product').id;
  if (params.product_data === undefined) {
    throw invalidRequest('Missing required param: product.', { code: 'parameter_missing', param: 'product' });
  }
  const { name, metadata: data, ...rest } = params.product_data;
  return work.insert(newProduct(work, name, { ...rest, metadata: mergeMetadata({}, data) }), 'product.created').id;
}

const create = operation({
  method: 'POST',
  route: '/v1/prices',
  params: object(
    {
      ...AMOUNT_FIELDS,
      currency: required(currency()),
      active: boolean(),
      billing_scheme: only(oneOf(['per_unit', 'tiered']), 'per_unit'),
      lookup_key: string({ maxLength: 200 }),
      metadata: metadata(),
      nickname: string(),
      product: string(),
      product_data: PRODUCT_DATA,
      recurring: object(RECURRING_FIELDS, ['meter']),
      tax_behavior: TAX_BEHAVIOR,
      transfer_lookup_key: boolean(),
    },
    ['currency_options', 'custom_unit_amount', 'tiers', 'tiers_mode', 'transform_quantity'],
  ),
  run(work, params) {
    const amount = toAmount(params, '');
    const product = productFor(work, params);
    if (params.lookup_key !== undefined) {
      claimLookupKey(work, params.lookup_key, params.transfer_lookup_key ?? false, null);
    }
    const price = newPrice(work, {
      ...amount,
      product,
      currency: params.currency,
      active: params.active ?? true,
      lookup_key: params.lookup_key ?? null,
      metadata: mergeMetadata({}, params.metadata),
      nickname: params.nickname ?? null,
      recurring: params.recurring === undefined ? null : toRecurring(params.recurring, 'recurring'),
      tax_behavior: params.tax_behavior ?? 'unspecified',
    });
    return work.insert(price, 'price.created');
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/prices/{price}',
  params: object({}),
  run: (work, _params, path) => work.require('price', pathValue(path, 'price'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/prices/{price}',
  params: object(
    {
      active: boolean(),
      lookup_key: string({ maxLength: 200 }),
      metadata: metadata(),
      nickname: string(),
      tax_behavior: TAX_BEHAVIOR,
      transfer_lookup_key: boolean(),
    },
    ['currency_options'],
  ),
  run(work, params, path) {
    const price = work.require('price', pathValue(path, 'price'), 'id');
    if (params.lookup_key !== undefined) {
      claimLookupKey(work, params.lookup_key, params.transfer_lookup_key ?? false, price.id);
    }
    const { tax_behavior: taxBehavior } = params;
    if (taxBehavior !== undefined && price.tax_behavior !== 'unspecified' && taxBehavior !== price.tax_behavior) {
      throw invalidRequest('The tax behavior of a price cannot be changed once it is exclusive or inclusive.', {
        param: 'tax_behavior',
      });
    }
    return work.update(
      price,
      {
        ...given({
          active: params.active,
          lookup_key: params.lookup_key,
          nickname: params.nickname,
          tax_behavior: taxBehavior,
        }),
        metadata: mergeMetadata(price.metadata, params.metadata),
      },
      'price.updated',
    );
  },
});

const list = listOperation({
  object: 'price',
  route: '/v1/prices',
  filters: {
    ...CREATED,
    active: boolean(),
    currency: currency(),
    lookup_keys: array(string(), { max: 10 }),
    product: string(),
    recurring: object({ interval: oneOf(INTERVALS), usage_type: oneOf(['licensed', 'metered']) }, ['meter']),
    type: oneOf(['one_time', 'recurring']),
  },
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.active', params.active),
    ...filter('$.currency', params.currency),
    ...(params.lookup_keys === undefined ? [] : [oneOfValues('$.lookup_key', params.lookup_keys)]),
    ...filter('$.product', params.product),
    ...filter('$.recurring.interval', params.recurring?.interval),
    ...filter('$.recurring.usage_type', params.recurring?.usage_type),
    ...filter('$.type', params.type),
  ],
});

export const prices: Resource = {
  object: 'price',
  operations: [create, retrieve, update, list],
  expandable: { product: 'product' },
};

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
    recurring: data.recurring === undefined ? null : toRecurring(data.recurring, `${param}[recurring]`),
    tax_behavior: data.tax_behavior ?? 'unspecified',
  });
  return work.insert(price, 'price.created');
}
