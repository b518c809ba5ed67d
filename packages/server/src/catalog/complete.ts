/** From what was written to what holds: every default filled in, every inheritance resolved. */

import {
  type Allowance,
  type CheckoutPolicy,
  type CreditRate,
  creditCost,
  DEFAULT_CANCELLATION_POLICY,
  DEFAULT_CHECKOUT_POLICY,
  DEFAULT_DUNNING_POLICY,
  DEFAULT_LICENSE_POLICY,
  DEFAULT_NOTIFY_AT,
  DEFAULT_OVERAGE_BILLING,
  DEFAULT_PLAN_CHANGE_POLICY,
  DEFAULT_WITHDRAWAL_POLICY,
  entitlementsOf,
  type Fraction,
  type LicensePolicy,
  limitsOf,
  type Meter,
  MOST_QUANTITY,
  type Pack,
  type Plan,
  type Price,
  type Product,
  parseFraction,
  readPolicy,
  SCHEME_SECRETS,
  type SecretReference,
} from '@latchkey/core';
import { referencedVariable } from './environment.ts';
import type { PlanSource, ProductSource } from './source-schema.ts';

/** The product of a document that has passed every check. */
export function completeProduct(source: ProductSource): Product {
  const creditRates = (source.credit ?? []).map(creditRate);
  return {
    id: source.id,
    name: source.name,
    description: source.description ?? null,
    vendor: {
      name: source.vendor?.name ?? source.name,
      supportEmail: source.vendor?.support_email ?? null,
      url: source.vendor?.url ?? null,
    },
    keyScheme: {
      name: source.key.scheme,
      prefix: source.key.prefix ?? null,
      secret: secretReference(source.key),
    },
    plans: plans(source),
    meters: (source.meters ?? []).map(meter),
    packs: (source.packs ?? []).map((pack) => completePack(pack, creditRates)),
    creditRates,
    timedUse:
      source.timed_use === undefined
        ? null
        : {
            meter: source.timed_use.meter,
            intervalSeconds: source.timed_use.interval_seconds ?? 300,
            parallelSessions: source.timed_use.parallel_sessions ?? 'allow',
          },
    ...policies(source),
    overage: source.overage ?? DEFAULT_OVERAGE_BILLING,
    dialect: source.dialect ?? null,
    demo:
      source.demo === undefined
        ? null
        : {
            enabled: source.demo.enabled,
            limits: source.demo.limits ?? {},
            flags: Object.fromEntries(
              Object.entries(source.demo.flags ?? {}).map(([name, flag]) => [
                name,
                { enabled: flag.enabled, message: flag.message ?? null, unlimited: flag.unlimited ?? null },
              ]),
            ),
          },
  };
}

function policies(source: ProductSource): Pick<Product, 'dunning' | 'cancellation' | 'planChange' | 'withdrawal'> {
  const { dunning, cancellation, plan_change: planChange, withdrawal } = source;
  return {
    dunning: {
      graceDays: dunning?.grace_days ?? DEFAULT_DUNNING_POLICY.graceDays,
      whenGraceEnds: dunning?.when_grace_ends ?? DEFAULT_DUNNING_POLICY.whenGraceEnds,
      ...(dunning?.downgrade_to === undefined ? {} : { downgradeTo: dunning.downgrade_to }),
      // null is a choice of the vendor's, only silence takes the default.
      failuresBeforeRevocation:
        dunning?.failures_before_revocation === undefined
          ? DEFAULT_DUNNING_POLICY.failuresBeforeRevocation
          : dunning.failures_before_revocation,
    },
    cancellation:
      cancellation === undefined
        ? DEFAULT_CANCELLATION_POLICY
        : { effect: cancellation.effect, downgradeTo: cancellation.downgrade_to ?? null },
    planChange: {
      upgrade: planChange?.upgrade ?? DEFAULT_PLAN_CHANGE_POLICY.upgrade,
      downgrade: planChange?.downgrade ?? DEFAULT_PLAN_CHANGE_POLICY.downgrade,
      proration: planChange?.proration ?? DEFAULT_PLAN_CHANGE_POLICY.proration,
    },
    withdrawal: {
      onRefund: withdrawal?.on_refund ?? DEFAULT_WITHDRAWAL_POLICY.onRefund,
      onDispute: withdrawal?.on_dispute ?? DEFAULT_WITHDRAWAL_POLICY.onDispute,
    },
  };
}

/** The secret that a product's keys are made with, by name; null when its scheme needs none. */
export function secretReference(key: ProductSource['key']): SecretReference | null {
  const encoding = SCHEME_SECRETS[key.scheme];
  const variable = key.secret === undefined ? null : referencedVariable(key.secret);
  return encoding === null || variable === null ? null : { variable, encoding };
}

function plans(source: ProductSource): Plan[] {
  const own = source.plans.map((plan) => ({
    id: plan.id,
    inherits: plan.inherits ?? null,
    features: plan.features ?? [],
    limits: plan.limits ?? {},
  }));
  return source.plans.map((plan, index) => {
    const inheriting = own[index] ?? { id: plan.id, inherits: null, features: [], limits: {} };
    return {
      id: plan.id,
      name: plan.name,
      description: plan.description ?? null,
      price: price(plan.price),
      license: { ...DEFAULT_LICENSE_POLICY, ...licensePolicy(source.license), ...licensePolicy(plan.license) },
      inherits: inheriting.inherits,
      features: inheriting.features,
      entitlements: entitlementsOf(own, inheriting),
      highlights: plan.highlights ?? [],
      limits: limitsOf(own, inheriting),
      allowances: (plan.allowances ?? []).map((allowance) => completeAllowance(allowance, plan)),
      checkout: checkoutPolicy(plan.checkout, source.checkout),
      quantity:
        plan.quantity === undefined
          ? null
          : {
              maximum: plan.quantity.maximum ?? MOST_QUANTITY,
              multipliesMachines: plan.quantity.multiplies?.includes('machines') ?? false,
            },
    };
  });
}

function price(source: PlanSource['price']): Price | null {
  if (source === null) return null;
  return {
    amountCents: source.amount,
    currency: source.currency,
    interval: source.interval === 'once' ? null : source.interval,
    intervalCount: source.interval_count ?? 1,
    trialDays: source.trial_days ?? 0,
    stripePriceId: source.stripe_price ?? null,
  };
}

function checkoutPolicy(own: PlanSource['checkout'], products: ProductSource['checkout']): CheckoutPolicy {
  const { promotionCodes, automaticTax } = DEFAULT_CHECKOUT_POLICY;
  return {
    promotionCodes: own?.promotion_codes ?? products?.promotion_codes ?? promotionCodes,
    automaticTax: own?.automatic_tax ?? products?.automatic_tax ?? automaticTax,
  };
}

function licensePolicy(source: PlanSource['license']): Partial<LicensePolicy> {
  if (source === undefined) return {};
  const { expiring_notice_days: notices, ...rest } = source;
  return readPolicy({ ...rest, expiring_notice_days: notices?.toSorted((left, right) => right - left) });
}

function completeAllowance(source: NonNullable<PlanSource['allowances']>[number], plan: PlanSource): Allowance {
  const limit = { refuse: 'hard', bill: 'overage', allow: 'soft' } as const;
  return {
    meter: source.meter,
    included: source.included,
    limit: limit[source.beyond ?? 'refuse'],
    ceiling: source.ceiling ?? null,
    notifyAt: source.notify_at?.toSorted((one, other) => one - other) ?? DEFAULT_NOTIFY_AT,
    overage:
      source.overage === undefined || plan.price === null
        ? null
        : {
            amountCents: source.overage.amount,
            perUnits: source.overage.per ?? 1,
            currency: plan.price.currency,
          },
  };
}

function meter(source: NonNullable<ProductSource['meters']>[number]): Meter {
  return {
    id: source.id,
    name: source.name,
    unit: source.unit,
    kind: source.kind ?? 'quantity',
    scale: source.scale ?? 0,
    aggregation: source.aggregation ?? 'sum',
    endpointCosts: (source.endpoint_costs ?? []).map((cost) => ({
      method: cost.method ?? '*',
      route: cost.route,
      units: cost.units,
    })),
  };
}

function creditRate(source: NonNullable<ProductSource['credit']>[number]): CreditRate {
  return {
    meter: source.meter,
    currency: source.currency,
    unitsPerMajor: exact(source.units_per_major),
    custom: source.custom ?? null,
  };
}

function exact(written: number | string): Fraction {
  const value = parseFraction(String(written));
  if (value === null) throw new RangeError(`"${written}" passed the checks but is not a decimal`);
  return value;
}

function completePack(source: NonNullable<ProductSource['packs']>[number], rates: readonly CreditRate[]): Pack {
  const rate = rates.find((candidate) => candidate.meter === source.meter);
  const currency = source.currency ?? rate?.currency ?? 'usd';
  const { id, name, meter, quantity } = source;
  if (source.amount !== undefined) return { id, name, meter, quantity, amountCents: source.amount, currency };
  if (rate === undefined) throw new RangeError(`the pack "${id}" passed the checks but has no price`);
  return { id, name, meter, quantity, ...creditCost(rate, quantity) };
}
