import { isRedeemable, productsOf } from '../billing/discounts.ts';
import { invalidRequest } from '../http/api-error.ts';
import { randomText } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import type { Coupon } from '../objects/coupon.ts';
import { given } from '../parameters/given.ts';
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
  timestamp,
} from '../parameters/schema.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { currency } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const CREATE_FIELDS = {
  amount_off: integer({ min: 1 }),
  applies_to: object({ products: required(array(string())) }),
  currency: currency(),
  duration: oneOf(['forever', 'once', 'repeating']),
  duration_in_months: integer({ min: 1 }),
  id: string({ maxLength: 500 }),
  max_redemptions: integer({ min: 1 }),
  metadata: metadata(),
  name: string({ maxLength: 40 }),
  percent_off: decimal(),
  redeem_by: timestamp(),
};

type Params = Infer<typeof CREATE_FIELDS>;

function check(work: Work, params: Params): void {
  const { amount_off: amount, percent_off: percent } = params;
  if ((amount === undefined) === (percent === undefined)) {
    throw invalidRequest('You must specify exactly one of these parameters: percent_off, amount_off.', {
      param: 'percent_off',
    });
  }
  if (percent !== undefined && !(Number(percent) > 0 && Number(percent) <= 100)) {
    throw invalidRequest('Invalid percent_off: it must be greater than 0 and at most 100.', { param: 'percent_off' });
  }
  if (amount !== undefined && params.currency === undefined) {
    throw invalidRequest('You must pass `currency` when passing `amount_off`.', { param: 'currency' });
  }
  if ((params.duration === 'repeating') !== (params.duration_in_months !== undefined)) {
    throw invalidRequest('`duration_in_months` goes with a `duration` of `repeating`, and with no other.', {
      param: 'duration_in_months',
    });
  }
  if (params.redeem_by !== undefined && params.redeem_by <= work.now) {
    throw invalidRequest('`redeem_by` must be in the future.', { param: 'redeem_by' });
  }
  for (const product of params.applies_to?.products ?? []) {
    work.require('product', product, 'applies_to[products]');
  }
}

const create = operation({
  method: 'POST',
  route: '/v1/coupons',
  params: object(CREATE_FIELDS, ['currency_options']),
  run(work, params) {
    check(work, params);
    const id = params.id ?? randomText(8);
    if (work.objects.find('coupon', id) !== undefined) {
      throw invalidRequest('Coupon already exists.', { code: 'resource_already_exists', param: 'id' });
    }
    const coupon: Coupon = {
      id,
      object: 'coupon',
      amount_off: params.amount_off ?? null,
      created: work.now,
      currency: params.amount_off === undefined ? null : (params.currency ?? null),
      duration: params.duration ?? 'once',
      duration_in_months: params.duration_in_months ?? null,
      livemode: false,
      max_redemptions: params.max_redemptions ?? null,
      metadata: mergeMetadata({}, params.metadata),
      name: params.name ?? null,
      percent_off: params.percent_off === undefined ? null : Number(params.percent_off),
      redeem_by: params.redeem_by ?? null,
      times_redeemed: 0,
      valid: true,
    };
    return work.insert(coupon, 'coupon.created', { products: params.applies_to?.products ?? null });
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/coupons/{coupon}',
  params: object({}),
  run: (work, _params, path) => work.require('coupon', pathValue(path, 'coupon'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/coupons/{coupon}',
  params: object({ metadata: metadata(), name: CREATE_FIELDS.name }, ['currency_options']),
  run(work, params, path) {
    const coupon = work.require('coupon', pathValue(path, 'coupon'), 'id');
    const changes = { ...given({ name: params.name }), metadata: mergeMetadata(coupon.metadata, params.metadata) };
    return work.update(coupon, changes, 'coupon.updated');
  },
});

/** Nobody can redeem it any more; where it was redeemed it goes on. */
const remove = operation({
  method: 'DELETE',
  route: '/v1/coupons/{coupon}',
  params: object({}),
  run: (work, _params, path) => work.remove(work.require('coupon', pathValue(path, 'coupon'), 'id'), 'coupon.deleted'),
});

const list = listOperation({
  object: 'coupon',
  route: '/v1/coupons',
  filters: CREATED,
  where: (params) => createdWithin(params),
});

export const coupons: Resource = {
  object: 'coupon',
  operations: [create, retrieve, update, remove, list],
  expandable: {
    applies_to: (work, coupon) => {
      const products = productsOf(work, String(coupon.id));
      return products === null ? undefined : { products };
    },
  },
  present: (work: Work, body: JsonObject) =>
    body.deleted === true ? body : { ...body, valid: isRedeemable(body as Coupon, work.now) },
};
