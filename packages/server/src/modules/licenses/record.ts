import {
  accessEndsAt,
  type Catalog,
  type Coverage,
  DEFAULT_DUNNING_POLICY,
  DEFAULT_LICENSE_POLICY,
  dayMs,
  findPlan,
  findProduct,
  type Hold,
  type LicenseSnapshot,
  type LicenseStatus,
  licenseStatus,
  type TermPolicy,
} from '@latchkey/core';

/** A machine that holds, or held, a seat. */
export interface Activation {
  id: string;
  fingerprint: string;
  name: string | null;
  createdAt: number;
}

/** A licence as it is stored, with its holds and its live machines: everything but the key. Instants are milliseconds. */
export interface LicenseRecord {
  id: string;
  origin: string;
  product: string;
  plan: string;
  scheme: string;
  keyHint: string;
  customerId: string | null;
  subscriptionId: string | null;
  startsAt: number;
  expiresAt: number | null;
  maxMachines: number;
  machinesUsed: number;
  coverage: Coverage;
  metadata: Record<string, string>;
  revealedAt: number | null;
  createdAt: number;
  updatedAt: number;
  version: number;
  holds: Hold[];
  activations: Activation[];
}

const NO_ENTITLEMENTS: ReadonlySet<string> = new Set();

/** What the catalog says of terms for a product; the defaults stand in for one that is no longer in it. */
export function termPolicy(catalog: Catalog, productId: string, planId: string): TermPolicy {
  const product = findProduct(catalog, productId);
  const plan = product === null ? null : findPlan(product, planId);
  const dunning = product?.dunning ?? DEFAULT_DUNNING_POLICY;
  const notices = (plan?.license ?? DEFAULT_LICENSE_POLICY).expiringNoticeDays;
  return {
    graceMs: dunning.graceDays * dayMs,
    keepWhenUnpaid: dunning.whenGraceEnds === 'keep',
    expiringWithinMs: Math.max(0, ...notices) * dayMs,
  };
}

type PlanFacts = Pick<LicenseSnapshot, 'requireMachine' | 'entitlements' | 'policy'>;

/** What a plan says is the same for all its licences, and memory holds very many of them. */
const factsOfPlans = new WeakMap<Catalog, Map<string, PlanFacts>>();

function planFacts(catalog: Catalog, productId: string, planId: string): PlanFacts {
  const known = factsOfPlans.get(catalog) ?? new Map<string, PlanFacts>();
  factsOfPlans.set(catalog, known);
  const name = `${productId}/${planId}`;
  let facts = known.get(name);
  if (facts === undefined) {
    const product = findProduct(catalog, productId);
    const plan = product === null ? null : findPlan(product, planId);
    facts = {
      requireMachine: (plan?.license ?? DEFAULT_LICENSE_POLICY).requireMachine,
      entitlements: plan === null ? NO_ENTITLEMENTS : new Set(plan.entitlements),
      policy: termPolicy(catalog, productId, planId),
    };
    known.set(name, facts);
  }
  return facts;
}

/** The licence as the decisions in core take it. */
export function toSnapshot(record: LicenseRecord, catalog: Catalog): LicenseSnapshot {
  const { requireMachine, entitlements, policy } = planFacts(catalog, record.product, record.plan);
  return {
    product: record.product,
    plan: record.plan,
    startsAt: record.startsAt,
    expiresAt: record.expiresAt,
    coverage: record.coverage,
    holds: record.holds,
    maxMachines: record.maxMachines,
    machines: new Set(record.activations.map((activation) => activation.fingerprint)),
    requireMachine,
    entitlements,
    policy,
  };
}

export function statusOf(record: LicenseRecord, catalog: Catalog, now: Date): LicenseStatus {
  return licenseStatus(record, termPolicy(catalog, record.product, record.plan), now.getTime());
}

/** Until when access lasts if nothing new happens; null: without end. */
export function accessEnd(record: LicenseRecord, catalog: Catalog): number | null {
  return accessEndsAt(record, termPolicy(catalog, record.product, record.plan));
}
