import { previousAttributes } from '../events/previous-attributes.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId } from '../ids.ts';
import type { Product } from '../objects/product.ts';
import { given, unset } from '../parameters/given.ts';
import { array, boolean, emptyable, metadata, object, oneOf, required, string } from '../parameters/schema.ts';
import { equals, filter, oneOfValues } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { webUrl } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const MARKETING_FEATURES = array(object({ name: required(string({ maxLength: 80 })) }), { max: 15 });

const SHARED = {
  active: boolean(),
  images: emptyable(array(webUrl(), { max: 8 })),
  marketing_features: emptyable(MARKETING_FEATURES),
  metadata: metadata(),
  shippable: boolean(),
  statement_descriptor: string({ maxLength: 22 }),
  tax_code: emptyable(string()),
  unit_label: emptyable(string({ maxLength: 12 })),
  url: emptyable(webUrl()),
};

/** A product with everything at its default; also what `product_data` of an inline price makes. */
export function newProduct(work: Work, name: string, given: Partial<Product> = {}): Product {
  return {
    id: newId('prod_', 14),
    object: 'product',
    active: true,
    created: work.now,
    default_price: null,
    description: null,
    images: [],
    livemode: false,
    marketing_features: [],
    metadata: {},
    name,
    package_dimensions: null,
    shippable: null,
    statement_descriptor: null,
    tax_code: null,
    tax_details: null,
    type: 'service',
    unit_label: null,
    updated: work.now,
    url: null,
    ...given,
  };
}

const create = operation({
  method: 'POST',
  route: '/v1/products',
  params: object(
    {
      ...SHARED,
      name: required(string({ maxLength: 250 })),
      description: string({ maxLength: 40_000 }),
      id: string(),
      type: oneOf(['good', 'service']),
    },
    ['default_price_data', 'package_dimensions', 'tax_details'],
  ),
  run(work, params) {
    if (params.id !== undefined && work.objects.sequenceOf('product', params.id) !== undefined) {
      throw invalidRequest(`Product already exists: ${params.id}`, { code: 'resource_already_exists', param: 'id' });
    }
    const product = newProduct(work, params.name, {
      ...(params.id === undefined ? {} : { id: params.id }),
      active: params.active ?? true,
      description: params.description ?? null,
      images: params.images || [],
      marketing_features: params.marketing_features || [],
      metadata: mergeMetadata({}, params.metadata),
      shippable: params.shippable ?? null,
      statement_descriptor: params.statement_descriptor ?? null,
      tax_code: params.tax_code || null,
      type: params.type ?? 'service',
      unit_label: params.unit_label || null,
      url: params.url || null,
    });
    return work.insert(product, 'product.created');
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/products/{product}',
  params: object({}),
  run: (work, _params, path) => work.require('product', pathValue(path, 'product'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/products/{product}',
  params: object(
    {
      ...SHARED,
      name: string({ maxLength: 250 }),
      description: emptyable(string({ maxLength: 40_000 })),
      default_price: emptyable(string()),
    },
    ['package_dimensions', 'tax_details'],
  ),
  run(work, params, path) {
    const product = work.require('product', pathValue(path, 'product'), 'id');
    const { default_price: price } = params;
    if (price && work.require('price', price, 'default_price').product !== product.id) {
      throw invalidRequest(`The price ${price} belongs to another product.`, { param: 'default_price' });
    }
    const changed: Product = {
      ...product,
      ...given({
        active: params.active,
        name: params.name,
        description: unset(params.description),
        default_price: unset(price),
        images: params.images === '' ? [] : params.images,
        marketing_features: params.marketing_features === '' ? [] : params.marketing_features,
        shippable: params.shippable,
        statement_descriptor: params.statement_descriptor,
        tax_code: unset(params.tax_code),
        unit_label: unset(params.unit_label),
        url: unset(params.url),
      }),
      metadata: mergeMetadata(product.metadata, params.metadata),
    };
    if (previousAttributes(product, changed) === undefined) return product;
    return work.update(product, { ...changed, updated: work.now }, 'product.updated');
  },
});

const remove = operation({
  method: 'DELETE',
  route: '/v1/products/{product}',
  params: object({}),
  run(work, _params, path) {
    const product = work.require('product', pathValue(path, 'product'), 'id');
    if (work.select('price', [equals('$.product', product.id)]).length > 0) {
      throw invalidRequest('This product cannot be deleted because it has one or more user-created prices.');
    }
    return work.remove(product, 'product.deleted');
  },
});

const list = listOperation({
  object: 'product',
  route: '/v1/products',
  filters: {
    ...CREATED,
    active: boolean(),
    ids: array(string()),
    shippable: boolean(),
    url: string(),
    type: oneOf(['good', 'service']),
  },
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.active', params.active),
    ...(params.ids === undefined ? [] : [oneOfValues('$.id', params.ids)]),
    ...filter('$.shippable', params.shippable),
    ...filter('$.url', params.url),
    ...filter('$.type', params.type),
  ],
});

export const products: Resource = {
  object: 'product',
  operations: [create, retrieve, update, remove, list],
  expandable: { default_price: 'price' },
};
