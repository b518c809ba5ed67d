import {
  accessEndsAt,
  type Catalog,
  DEFAULT_DUNNING_POLICY,
  DEFAULT_LICENSE_POLICY,
  dayMs,
  findPlan,
  findProduct,
  type LicenseOverrides,
  type LicensePolicy,
  type LicenseSnapshot,
  type LicenseStatus,
  type LiveMachines,
  licenseStatus,
  type Plan,
  type TermPolicy,
} from '@latchkey/core';
import type { LicenseRecord } from './record.ts';

/** What a licence may do by its plan and by what it says over it; the defaults stand in for a plan that is no longer sold. */
export function policyOf(
  catalog: Catalog,
  license: Pick<LicenseRecord, 'product' | 'plan' | 'overrides'>,
): LicensePolicy {
  const base = planOf(catalog, license)?.license ?? DEFAULT_LICENSE_POLICY;
  const own = license.overrides.policy;
  return own === undefined ? base : { ...base, ...own };
}

/** What the catalog says of terms for a product; the defaults stand in for one that is no longer in it. */
export function termPolicy(catalog: Catalog, productId: string, policy: LicensePolicy): TermPolicy {
  const dunning = findProduct(catalog, productId)?.dunning ?? DEFAULT_DUNNING_POLICY;
  return {
    graceMs: dunning.graceDays * dayMs,
    keepWhenUnpaid: dunning.whenGraceEnds !== 'suspend',
    expiringWithinMs: Math.max(0, ...policy.expiringNoticeDays) * dayMs,
    termGraceMs: policy.graceDays * dayMs,
    expiryStrategy: policy.expiryStrategy,
  };
}

/** The part of a snapshot that does not come from the licence's own row. */
type PlanFacts = Pick<
  LicenseSnapshot,
  'requireMachine' | 'requireProduct' | 'requireCredit' | 'machineMatching' | 'entitlements' | 'limits' | 'policy'
>;

/** What a plan says is the same for all its licences, and memory holds very many of them. */
const factsOfPlans = new WeakMap<Catalog, Map<string, PlanFacts>>();

function planFacts(catalog: Catalog, license: Pick<LicenseRecord, 'product' | 'plan' | 'overrides'>): PlanFacts {
  if (!saysNothing(license.overrides)) return makeFacts(catalog, license);
  const known = factsOfPlans.get(catalog) ?? new Map<string, PlanFacts>();
  factsOfPlans.set(catalog, known);
  const name = `${license.product}/${license.plan}`;
  let facts = known.get(name);
  if (facts === undefined) {
    facts = makeFacts(catalog, license);
    known.set(name, facts);
  }
  return facts;
}

function makeFacts(catalog: Catalog, license: Pick<LicenseRecord, 'product' | 'plan' | 'overrides'>): PlanFacts {
  const plan = planOf(catalog, license);
  const policy = policyOf(catalog, license);
  const { features = [], limits = {} } = license.overrides;
  return {
    requireMachine: policy.requireMachine,
    requireCredit: policy.requireCredit,
    requireProduct: policy.requireProduct,
    machineMatching: policy.machineMatching,
    entitlements: new Set([...(plan?.entitlements ?? []), ...features]),
    limits: { ...plan?.limits, ...limits },
    policy: termPolicy(catalog, license.product, policy),
  };
}

function planOf(catalog: Catalog, license: Pick<LicenseRecord, 'product' | 'plan'>): Plan | null {
  const product = findProduct(catalog, license.product);
  return product === null ? null : findPlan(product, license.plan);
}

function saysNothing({ policy, features, limits }: LicenseOverrides): boolean {
  return policy === undefined && features === undefined && limits === undefined;
}

const NO_MACHINES: LiveMachines = new Map();

/** The licence as the decisions in core take it. */
export function toSnapshot(record: LicenseRecord, catalog: Catalog): LicenseSnapshot {
  return {
    product: record.product,
    plan: record.plan,
    startsAt: record.startsAt,
    expiresAt: record.expiresAt,
    termBeginsWith: record.termBeginsWith,
    coverage: record.coverage,
    holds: record.holds,
    maxMachines: record.maxMachines,
    machines: liveMachines(record),
    ...planFacts(catalog, record),
  };
}

function liveMachines({ activations }: LicenseRecord): LiveMachines {
  if (activations.length === 0) return NO_MACHINES;
  return new Map(
    activations.map(({ fingerprint, components }) => [
      fingerprint,
      Object.keys(components).length === 0 ? null : components,
    ]),
  );
}

export function statusOf(record: LicenseRecord, catalog: Catalog, now: Date): LicenseStatus {
  return licenseStatus(record, planFacts(catalog, record).policy, now.getTime());
}

/** Until when access lasts if nothing new happens; null: without end. */
export function accessEnd(record: LicenseRecord, catalog: Catalog): number | null {
  return accessEndsAt(record, planFacts(catalog, record).policy);
}
