import { wholeAmount } from '../billing/amounts.ts';
import { invalidRequest, unsupported } from '../http/api-error.ts';
import type { Price, Tier } from '../objects/price.ts';
import { array, decimal, either, type Infer, integer, object, oneOf, required } from '../parameters/schema.ts';
import { AMOUNT_FIELDS, toAmount } from './price-data.ts';

/** How the amounts of a price are given: one of them, or one for each tier (https://docs.stripe.com/api/prices/create). */

const TIER = {
  ...AMOUNT_FIELDS,
  flat_amount: integer({ min: 0 }),
  flat_amount_decimal: decimal(),
  up_to: required(either(integer({ min: 1 }), oneOf(['inf']))),
};

export const TIER_FIELDS = {
  tiers: array(object(TIER), { max: 100 }),
  tiers_mode: oneOf(['graduated', 'volume']),
  transform_quantity: object({ divide_by: required(integer({ min: 1 })), round: required(oneOf(['down', 'up'])) }),
};

type Params = Infer<typeof AMOUNT_FIELDS> &
  Infer<typeof TIER_FIELDS> & { billing_scheme?: Price['billing_scheme']; recurring?: object };

type Amounts = Pick<
  Price,
  'billing_scheme' | 'tiers_mode' | 'transform_quantity' | 'unit_amount' | 'unit_amount_decimal'
>;

function amountIn(whole: number | undefined, decimals: string | undefined, params: [string, string], path: string) {
  if (whole !== undefined && decimals !== undefined) {
    throw invalidRequest(`You may only specify one of these parameters: ${params.join(', ')}.`, {
      code: 'parameters_exclusive',
      param: `${path}[${params[0]}]`,
    });
  }
  if (whole !== undefined) return { whole, decimal: String(whole) };
  return decimals === undefined ? { whole: null, decimal: null } : { whole: wholeAmount(decimals), decimal: decimals };
}

function toTier(given: Infer<typeof TIER>, path: string): Tier {
  const unit = amountIn(given.unit_amount, given.unit_amount_decimal, ['unit_amount', 'unit_amount_decimal'], path);
  const flat = amountIn(given.flat_amount, given.flat_amount_decimal, ['flat_amount', 'flat_amount_decimal'], path);
  if (unit.decimal === null && flat.decimal === null) {
    throw invalidRequest('A tier must have at least one of `unit_amount`, `flat_amount` and their decimals.', {
      param: path,
    });
  }
  return {
    flat_amount: flat.whole,
    flat_amount_decimal: flat.decimal,
    unit_amount: unit.whole,
    unit_amount_decimal: unit.decimal,
    up_to: given.up_to === 'inf' ? null : given.up_to,
  };
}

function toTiers(given: NonNullable<Params['tiers']>): Tier[] {
  const tiers = given.map((tier, index) => toTier(tier, `tiers[${index}]`));
  let before = 0;
  for (const [index, { up_to: to }] of tiers.entries()) {
    const last = index === tiers.length - 1;
    if (last !== (to === null)) {
      throw invalidRequest('The last tier, and only the last, must have `up_to=inf`.', {
        param: `tiers[${index}][up_to]`,
      });
    }
    if (to !== null && to <= before) {
      throw invalidRequest('The `up_to` of each tier must be greater than that of the tier before it.', {
        param: `tiers[${index}][up_to]`,
      });
    }
    before = to ?? before;
  }
  return tiers;
}

function refuse(params: Params, names: readonly (keyof Params)[], scheme: string): void {
  const name = names.find((one) => params[one] !== undefined);
  if (name === undefined) return;
  throw invalidRequest(`You cannot pass \`${name}\` when \`billing_scheme=${scheme}\`.`, { param: name });
}

/** The amounts of a new price, and the tiers that are kept beside it. */
export function toAmounts(params: Params): { members: Amounts; tiers: Tier[] | null } {
  if (params.billing_scheme !== 'tiered') {
    refuse(params, ['tiers', 'tiers_mode'], 'per_unit');
    const { transform_quantity: transform } = params;
    if (transform !== undefined && params.recurring === undefined) {
      throw unsupported('transform_quantity', 'the local Stripe divides quantities of recurring prices only');
    }
    const members = { ...toAmount(params, ''), billing_scheme: 'per_unit' as const, tiers_mode: null };
    return { members: { ...members, transform_quantity: transform ?? null }, tiers: null };
  }
  refuse(params, ['unit_amount', 'unit_amount_decimal', 'transform_quantity'], 'tiered');
  if (params.recurring === undefined) {
    throw unsupported('billing_scheme', 'the local Stripe does tiers of recurring prices only');
  }
  for (const name of ['tiers', 'tiers_mode'] as const) {
    if (params[name] !== undefined) continue;
    throw invalidRequest(`Missing required param: ${name}.`, { code: 'parameter_missing', param: name });
  }
  if (params.tiers?.length === 0) throw invalidRequest('A tiered price needs at least one tier.', { param: 'tiers' });
  return {
    members: {
      billing_scheme: 'tiered',
      tiers_mode: params.tiers_mode ?? null,
      transform_quantity: null,
      unit_amount: null,
      unit_amount_decimal: null,
    },
    tiers: toTiers(params.tiers ?? []),
  };
}
