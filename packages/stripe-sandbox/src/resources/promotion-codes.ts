import { isActiveCode } from '../billing/discounts.ts';
import { invalidRequest } from '../http/api-error.ts';
import { newId, randomText } from '../ids.ts';
import type { JsonObject } from '../json.ts';
import type { PromotionCode } from '../objects/promotion-code.ts';
import { given } from '../parameters/given.ts';
import {
  boolean,
  type Infer,
  integer,
  metadata,
  object,
  oneOf,
  required,
  string,
  timestamp,
} from '../parameters/schema.ts';
import { filter } from '../store/conditions.ts';
import type { Work } from '../work.ts';
import { CREATED, createdWithin, listOperation } from './lists.ts';
import { mergeMetadata } from './metadata.ts';
import { currency } from './parameters.ts';
import { operation, pathValue, type Resource } from './resource.ts';

const RESTRICTION_FIELDS = {
  first_time_transaction: boolean(),
  minimum_amount: integer({ min: 1 }),
  minimum_amount_currency: currency(),
};

function toRestrictions(params: Infer<typeof RESTRICTION_FIELDS> | undefined): PromotionCode['restrictions'] {
  const { minimum_amount: minimum, minimum_amount_currency: inCurrency } = params ?? {};
  if ((minimum === undefined) !== (inCurrency === undefined)) {
    throw invalidRequest('`minimum_amount` and `minimum_amount_currency` go together.', {
      param: 'restrictions[minimum_amount]',
    });
  }
  return {
    first_time_transaction: params?.first_time_transaction ?? false,
    minimum_amount: minimum ?? null,
    minimum_amount_currency: inCurrency ?? null,
  };
}

/** The one usable code that reads like this, whatever the case. */
function activeCode(work: Work, code: string): PromotionCode | undefined {
  return work
    .select('promotion_code', [])
    .find((one) => one.code.toLowerCase() === code.toLowerCase() && isActiveCode(work, one));
}

function requireFree(work: Work, code: string): void {
  if (activeCode(work, code) === undefined) return;
  throw invalidRequest(`An active promotion code with \`code: ${code}\` already exists.`, {
    code: 'resource_already_exists',
    param: 'code',
  });
}

const create = operation({
  method: 'POST',
  route: '/v1/promotion_codes',
  params: object(
    {
      active: boolean(),
      code: string({ maxLength: 500 }),
      customer: string(),
      expires_at: timestamp(),
      max_redemptions: integer({ min: 1 }),
      metadata: metadata(),
      promotion: required(object({ coupon: required(string()), type: required(oneOf(['coupon'])) })),
      restrictions: object(RESTRICTION_FIELDS, ['currency_options']),
    },
    ['customer_account'],
  ),
  run(work, params) {
    const coupon = work.require('coupon', params.promotion.coupon, 'promotion[coupon]');
    if (params.customer !== undefined) work.require('customer', params.customer, 'customer');
    if (params.expires_at !== undefined && params.expires_at <= work.now) {
      throw invalidRequest('`expires_at` must be in the future.', { param: 'expires_at' });
    }
    const code = params.code ?? randomText(8).toUpperCase();
    if (!/^[A-Za-z0-9-]+$/.test(code)) {
      throw invalidRequest('A code may have letters, digits and dashes only.', { param: 'code' });
    }
    if (params.active !== false) requireFree(work, code);
    const promotionCode: PromotionCode = {
      id: newId('promo_'),
      object: 'promotion_code',
      active: params.active ?? true,
      code,
      created: work.now,
      customer: params.customer ?? null,
      customer_account: null,
      expires_at: params.expires_at ?? null,
      livemode: false,
      max_redemptions: params.max_redemptions ?? null,
      metadata: mergeMetadata({}, params.metadata),
      promotion: { coupon: coupon.id, type: 'coupon' },
      restrictions: toRestrictions(params.restrictions),
      times_redeemed: 0,
    };
    return work.insert(promotionCode, 'promotion_code.created');
  },
});

const retrieve = operation({
  method: 'GET',
  route: '/v1/promotion_codes/{promotion_code}',
  params: object({}),
  run: (work, _params, path) => work.require('promotion_code', pathValue(path, 'promotion_code'), 'id'),
});

const update = operation({
  method: 'POST',
  route: '/v1/promotion_codes/{promotion_code}',
  params: object({ active: boolean(), metadata: metadata() }, ['restrictions']),
  run(work, params, path) {
    const code = work.require('promotion_code', pathValue(path, 'promotion_code'), 'id');
    if (params.active === true && !code.active) requireFree(work, code.code);
    const changes = { ...given({ active: params.active }), metadata: mergeMetadata(code.metadata, params.metadata) };
    return work.update(code, changes, 'promotion_code.updated');
  },
});

const list = listOperation({
  object: 'promotion_code',
  route: '/v1/promotion_codes',
  filters: { ...CREATED, active: boolean(), code: string(), coupon: string(), customer: string() },
  unsupported: ['customer_account'],
  where: (params) => [
    ...createdWithin(params),
    ...filter('$.active', params.active),
    ...(params.code === undefined
      ? []
      : [{ sql: "lower(json_extract(body, '$.code')) = ?", values: [params.code.toLowerCase()] }]),
    ...filter('$.promotion.coupon', params.coupon),
    ...filter('$.customer', params.customer),
  ],
});

export const promotionCodes: Resource = {
  object: 'promotion_code',
  operations: [create, retrieve, update, list],
  expandable: { customer: 'customer', 'promotion.coupon': 'coupon' },
  present: (work: Work, body: JsonObject) => ({ ...body, active: isActiveCode(work, body as PromotionCode) }),
};
