/** What a plan, or the owner's own allowance, says about a meter, in its steps. */

import type { Meter, Plan, UnitPrice } from '../catalog/types.ts';
import { stepsPerUnit } from './overage-price.ts';

/** `prepaid`: the plan says nothing of the meter, and only what was given or bought can be used. */
export type UsageLimit = 'hard' | 'overage' | 'soft' | 'prepaid';

/** What is allowed of a meter in each period. */
export interface UsageTerms {
  /** Null for an owner who is on no plan. */
  readonly plan: string | null;
  readonly limit: UsageLimit;
  /** In steps; -1 is without limit. */
  readonly included: number;
  /** How much of a period, what is included among it, may be used at most; null is no ceiling. */
  readonly ceiling: number | null;
  readonly rate: UnitPrice | null;
  /** Percentages of what is included at which somebody is told; left out: the usual ones. */
  readonly notifyAt?: readonly number[];
}

/** What an owner is allowed in the place of what their plan says. Null is the plan's; a ceiling of -1 is none. */
export interface AllowanceOverride {
  readonly included: number | null;
  readonly limit: Exclude<UsageLimit, 'prepaid'> | null;
  readonly ceiling: number | null;
}

/** What a plan says of a meter. */
export function termsOfPlan(plan: Pick<Plan, 'id' | 'allowances'> | null, meter: Meter): UsageTerms {
  const allowance = plan?.allowances.find((one) => one.meter === meter.id);
  const base = { plan: plan?.id ?? null };
  if (allowance === undefined) return { ...base, limit: 'prepaid', included: 0, ceiling: null, rate: null };
  const perUnit = stepsPerUnit(meter);
  const { included, ceiling, limit, overage: rate, notifyAt } = allowance;
  return {
    ...base,
    limit,
    included: included === -1 ? -1 : included * perUnit,
    ceiling: ceiling === null ? null : ceiling * perUnit,
    rate,
    notifyAt,
  };
}

/** The terms with the owner's own allowance in their place. Where a plan has no price for what goes beyond, it is noted, not billed. */
export function termsFor(terms: UsageTerms, override: AllowanceOverride | undefined): UsageTerms {
  if (override === undefined) return terms;
  const asked = override.limit ?? (terms.limit === 'prepaid' && override.included !== null ? 'hard' : terms.limit);
  const limit = asked === 'overage' && terms.rate === null ? 'soft' : asked;
  const { ceiling } = override;
  return {
    ...terms,
    limit,
    included: override.included ?? terms.included,
    ceiling: ceiling === null ? terms.ceiling : ceiling === -1 ? null : ceiling,
  };
}
