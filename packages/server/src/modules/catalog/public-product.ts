import { creditCost, type Plan, type Price, type Product } from '@latchkey/core';
import type { PublicProduct } from './schemas.ts';

/** What anyone may see of a product. Written field by field, so that what is added to a product stays inside until it is added here. */
export function publicProduct(product: Product): PublicProduct {
  return {
    id: product.id,
    name: product.name,
    description: product.description,
    vendor: {
      name: product.vendor.name,
      support_email: product.vendor.supportEmail,
      url: product.vendor.url,
    },
    plans: product.plans.map(publicPlan),
    packs: product.packs.map(({ id, name, meter, quantity, amountCents, currency }) => ({
      id,
      name,
      meter,
      quantity,
      amount_cents: amountCents,
      currency,
    })),
    credit: product.creditRates.map((rate) => ({
      meter: rate.meter,
      currency: rate.currency,
      unit_amount_cents: creditCost(rate, 1).amountCents,
      units_per_major: rate.unitsPerMajor.numerator / rate.unitsPerMajor.denominator,
      custom: rate.custom === null ? null : { ...rate.custom },
    })),
    timed_use:
      product.timedUse === null
        ? null
        : {
            meter: product.timedUse.meter,
            interval_seconds: product.timedUse.intervalSeconds,
            parallel_sessions: product.timedUse.parallelSessions,
          },
    meters: product.meters.map(({ id, name, unit }) => ({ id, name, unit })),
  };
}

function publicPlan(plan: Plan): PublicProduct['plans'][number] {
  return {
    id: plan.id,
    name: plan.name,
    description: plan.description,
    price: plan.price === null ? null : publicPrice(plan.price),
    inherits: plan.inherits,
    features: [...plan.entitlements],
    highlights: [...plan.highlights],
    limits: { ...plan.limits },
    term_days: plan.license.termDays,
    max_machines: plan.license.maxMachines,
    quantity:
      plan.quantity === null
        ? null
        : { maximum: plan.quantity.maximum, multiplies: plan.quantity.multipliesMachines ? ['machines' as const] : [] },
    allowances: plan.allowances.map(({ meter, included, limit, overage }) => ({
      meter,
      included,
      limit,
      overage:
        overage === null
          ? null
          : { amount_cents: overage.amountCents, per_units: overage.perUnits, currency: overage.currency },
    })),
  };
}

function publicPrice(price: Price) {
  return {
    amount_cents: price.amountCents,
    currency: price.currency,
    interval: price.interval,
    interval_count: price.intervalCount,
    trial_days: price.trialDays,
  };
}
