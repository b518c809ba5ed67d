import { tiersOf } from '../billing/tiers.ts';
import { invalidRequest } from '../http/api-error.ts';
import { INTERVALS } from '../objects/parts.ts';
import { given } from '../parameters/given.ts';
import { array, boolean, metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import { equals, filter, oneOfValues } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { currency } from './parameters.ts';
import { AMOUNT_FIELDS, newPrice, RECURRING_FIELDS, TAX_BEHAVIOR, toRecurring } from './price-data.ts';
import { TIER_FIELDS, toAmounts } from './price-tiers.ts';
import { newProduct } from './products.ts';
import { operation, pathValue, type Resource } from './resource.ts';

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
      billing_scheme: oneOf(['per_unit', 'tiered']),
      lookup_key: string({ maxLength: 200 }),
      metadata: metadata(),
      nickname: string(),
      product: string(),
      product_data: PRODUCT_DATA,
      recurring: object(RECURRING_FIELDS),
      tax_behavior: TAX_BEHAVIOR,
      ...TIER_FIELDS,
      transfer_lookup_key: boolean(),
    },
    ['currency_options', 'custom_unit_amount'],
  ),
  run(work, params) {
    const amounts = toAmounts(params);
    const product = productFor(work, params);
    if (params.lookup_key !== undefined) {
      claimLookupKey(work, params.lookup_key, params.transfer_lookup_key ?? false, null);
    }
    const price = newPrice(work, {
      ...amounts.members,
      product,
      currency: params.currency,
      active: params.active ?? true,
      lookup_key: params.lookup_key ?? null,
      metadata: mergeMetadata({}, params.metadata),
      nickname: params.nickname ?? null,
      recurring: params.recurring === undefined ? null : toRecurring(work, params.recurring, 'recurring'),
      tax_behavior: params.tax_behavior ?? 'unspecified',
    });
    return work.insert(price, 'price.created', amounts.tiers);
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
    recurring: object({ interval: oneOf(INTERVALS), meter: string(), usage_type: oneOf(['licensed', 'metered']) }),
    type: oneOf(['one_time', 'recurring']),
  },
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.active', params.active),
    ...filter('$.currency', params.currency),
    ...(params.lookup_keys === undefined ? [] : [oneOfValues('$.lookup_key', params.lookup_keys)]),
    ...filter('$.product', params.product),
    ...filter('$.recurring.interval', params.recurring?.interval),
    ...filter('$.recurring.meter', params.recurring?.meter),
    ...filter('$.recurring.usage_type', params.recurring?.usage_type),
    ...filter('$.type', params.type),
  ],
});

export const prices: Resource = {
  object: 'price',
  operations: [create, retrieve, update, list],
  // Left out unless asked for; undefined for a price without tiers.
  expandable: { product: 'product', tiers: (work, price) => tiersOf(work, String(price.id)) },
};
